package sink

import (
	"fmt"

	"github.com/lighterman/lighterman/bench/line"
)

// Verdict tells how what has arrived differs from what was written. All of it is
// zero when everything arrived once, unchanged and in order.
type Verdict struct {
	Lost      int
	Repeated  int
	Reordered int
	// Changed counts lines that nobody wrote, and the containers all of whose
	// lines are there, but of which at least one has another text or time.
	Changed int
}

// Exact tells that nothing was lost, repeated or changed. The order within a
// stream is not part of it.
func (v Verdict) Exact() bool { return v.Lost == 0 && v.Repeated == 0 && v.Changed == 0 }

// String writes what became of the lines.
func (v Verdict) String() string {
	return fmt.Sprintf("lost=%d repeated=%d reordered=%d changed=%d", v.Lost, v.Repeated, v.Reordered, v.Changed)
}

// Judge compares what was written with what has arrived. Without times the
// timestamps of the records are left out.
func (r Report) Judge(written line.Ledger, times bool) Verdict {
	v := Verdict{Repeated: r.Repeated, Reordered: r.Reordered, Changed: r.Strange}
	for i, want := range written {
		got := r.Ledger[i]
		if got == nil {
			got = &line.Tally{}
		}
		switch {
		case got.Lines < want.Lines:
			v.Lost += want.Lines - got.Lines
		case got.Lines > want.Lines:
			v.Changed += got.Lines - want.Lines
		case got.Content != want.Content, times && got.Times != want.Times:
			v.Changed++
		}
	}
	for i, got := range r.Ledger {
		if written[i] == nil {
			v.Changed += got.Lines
		}
	}
	return v
}
