package stream

import (
	"errors"

	"github.com/lighterman/lighterman/internal/logs"
)

// ErrGap says that there may be records between the place where the log was left
// and the beginning of the body.
var ErrGap = errors.New("cannot resume log: the place where it was left is not in this part of it")

// tail finds, in a body that begins a number of records before the log's end, the
// place where the log was left. That is there when the first record is one of those
// handed over, and the last of those then comes within that number. The times of both
// tell, and a clock that was set back may deceive one of them but not both.
type tail struct {
	// since is where a request by time would begin, last the newest timestamp that
	// was handed over.
	since, last int64
	// left is how many records may come before since.
	left int
	// begun tells that a record from before since has come, gap that the place is
	// not in the body.
	begun, gap bool
}

func newTail(records int, from logs.Position) *tail {
	return &tail{
		since: Since(from), left: records,
		last: newest(from),
	}
}

// newest is the newest timestamp that was handed over up to a position.
func newest(p logs.Position) int64 {
	return max(p.Last, p.Newest[logs.Stdout].Time, p.Newest[logs.Stderr].Time)
}

// begin looks at the first record; a time of 0 tells nothing.
func (t *tail) begin(time int64) {
	if t != nil && !t.begun && time != 0 {
		t.begun = true
		t.gap = time >= t.since
	}
}

// missed tells that the place is not in the body.
func (t *tail) missed() bool { return t != nil && t.gap }

// end tells that no record comes any more.
func (t *tail) end() {
	if t != nil {
		t.gap = t.begun
	}
}

// before tells whether a record was handed over long ago, and is to be left out.
// When it is not, gap tells whether the place was found.
func (t *tail) before(time int64) bool {
	if time < t.since && t.left > 0 {
		t.left--
		return true
	}
	t.gap = time < t.since || time > t.last
	return false
}
