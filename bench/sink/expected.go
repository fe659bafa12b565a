package sink

import (
	"bytes"

	"github.com/lighterman/lighterman/bench/line"
)

// Expected is what lines are compared with one by one as they arrive.
type Expected struct {
	// Maker made the lines: it makes each again. It is not used by anybody else.
	Maker *line.Maker
	// Drops tells that lines whose level is debug ought not to arrive.
	Drops bool
}

// Expect makes the sink compare each line from now on. A line's record has the time that
// its header has, so text and time of each are known.
func (s *Sink) Expect(e Expected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = e
}

// undropped counts a line that ought to have been dropped; the lock is held.
func (s *Sink) undropped(h line.Header) bool {
	if !s.expected.Drops || !s.expected.Maker.Debug(h) {
		return false
	}
	s.report.Undropped++
	return true
}

// compare compares a line, the first of its number, with what was written; the lock is
// held.
func (s *Sink) compare(h line.Header, text []byte, nano int64) {
	if s.expected.Maker == nil {
		return
	}
	if want, _ := s.expected.Maker.Text(h); !bytes.Equal(text, want) {
		s.report.Changed++
	}
	if nano != h.Written {
		s.report.Retimed++
	}
}

// Arrived says of lines what became of them, one by one.
type Arrived struct {
	// Lost counts lines that never came, Repeated those that came again, Changed those
	// with another text than was written, with a header that cannot be read, with a number
	// that nobody wrote, or that ought to have been dropped, and Retimed those with another
	// time than their record's.
	Lost, Repeated, Changed, Retimed int
}

// Arrived compares what was written with what has arrived. It takes Expect to know of each
// line whether it was changed.
func (r Report) Arrived(written line.Ledger) Arrived {
	out := Arrived{Repeated: r.Repeated, Changed: r.Changed + r.Strange + r.Undropped, Retimed: r.Retimed}
	for i, got := range r.Ledger {
		if want := written[i]; want == nil {
			out.Changed += got.Lines
		} else {
			out.Changed += max(0, got.Lines-want.Lines)
		}
	}
	for i, want := range written {
		got := 0
		if r.Ledger[i] != nil {
			got = r.Ledger[i].Lines
		}
		out.Lost += max(0, want.Lines-got)
	}
	return out
}
