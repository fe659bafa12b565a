package stream

import (
	"errors"

	"github.com/lighterman/lighterman/internal/logs"
)

// ErrGap says that there may be records between the place where the log was left
// and the beginning of the body.
var ErrGap = errors.New("cannot resume log: the place where it was left is not in this part of it")

// tail finds, in a body that begins a number of records before the log's end, the
// place where the log was left: the record that was handed over last. It has a time, and
// the clock may have been set, so more than that has to be right: the first record is an
// older one, the place comes before anything newer, and within that number.
type tail struct {
	// since is where a request by time would begin; place is the time of the record
	// handed over last, and newest the newest that was.
	since, place, newest int64
	// left is how many records may come before the place.
	left int
	// begun: a record from before since has come. gap: the place is not in the body.
	begun, gap bool
	// fresh: nothing was handed over yet; what is looked for is the time from
	// which on lines are wanted.
	fresh bool
}

func newTail(records int, from logs.Position) *tail {
	return &tail{since: Since(from), place: from.Last, newest: from.Latest(), left: records, fresh: from.Latest() == 0}
}

// begin looks at the first record; a time of 0 says nothing.
func (t *tail) begin(time int64) {
	if t != nil && !t.begun && time != 0 {
		t.begun = true
		t.gap = time >= t.since
	}
}

// missed reports whether the place is not in the body.
func (t *tail) missed() bool { return t != nil && t.gap }

// end notes that no record comes any more.
func (t *tail) end() {
	if t != nil && !t.fresh {
		t.gap = t.begun
	}
}

// before reports whether a record lies before the place, and is to be left out. When it
// does not, gap says whether the place was found.
func (t *tail) before(time int64) bool {
	if t.fresh || time == t.place {
		return false
	}
	if t.left--; time > t.newest || t.left < 0 {
		t.gap = true
		return false
	}
	return true
}
