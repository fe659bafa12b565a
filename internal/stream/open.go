package stream

import (
	"math"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
)

// grace is for a line that the engine has stamped and not yet sent.
const grace = time.Second

// open are entries that further lines may join. When none has come for a while they are
// passed on, while the source's goroutine waits for the engine: whoever hands over is the
// owner then.
type open struct {
	owner chan struct{}
	rules *assemble.Rules // nil for none
	timer *time.Timer
	over  bool
	// ahead is how far the clock here is ahead of the newest record, at least, when one
	// comes: the engine may be elsewhere, and have another clock.
	ahead int64
}

func newOpen(rules *assemble.Rules) *open {
	return &open{owner: make(chan struct{}, 1), ahead: math.MaxInt64, rules: rules}
}

// wait is how long no further line has to come for an entry to be over. The caller is the owner.
func (o *open) wait() time.Duration {
	if o.rules == nil {
		return grace
	}
	return time.Duration(o.rules.Gap) + grace
}

// alone runs f while nobody else hands over.
func (o *open) alone(f func() error) error {
	o.owner <- struct{}{}
	defer func() { <-o.owner }()
	if o.over {
		return nil
	}
	return f()
}

// heard notes when the newest record has come. The caller is the owner, here and below.
func (o *open) heard(now time.Time, newest int64) {
	if newest != 0 {
		o.ahead = min(o.ahead, now.UnixNano()-newest)
	}
}

// engineTime is before what the engine's clock shows: all that it has stamped until then
// has come.
func (o *open) engineTime(now time.Time) int64 { return now.UnixNano() - o.ahead - int64(grace) }

// later calls f when no further line has come for long enough.
func (o *open) later(f func()) {
	if o.timer == nil {
		o.timer = time.AfterFunc(o.wait(), f)
		return
	}
	o.timer.Reset(o.wait())
}

// stop waits for the owner, after whom there is none.
func (o *open) stop() {
	o.owner <- struct{}{}
	defer func() { <-o.owner }()
	o.over = true
	if o.timer != nil {
		o.timer.Stop()
	}
}
