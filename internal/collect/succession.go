package collect

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// A container that takes another's place, that of one removed or of a stopped task of
// Swarm, has its labels, so that to Loki they are one stream; and Loki refuses what is an
// hour behind the newest of its stream. After a long absence the old container's lines
// therefore go first, although its log was written to before all others. This is so for
// what is read from files and the journal.

// succeed tells the running sources which units go before them. There may be thousands of
// one stream while the sink is away, so each gets a part of one list.
func (c *Collector) succeed() {
	clear(c.before)
	for u := range c.leaving {
		if u.delivered() {
			delete(c.leaving, u)
			continue
		}
		c.precede(u)
	}
	for _, u := range c.units {
		if u.stopped() {
			c.precede(u)
		}
	}
	if len(c.before) == 0 && !c.followed {
		return
	}
	c.followed = len(c.before) > 0 // if not, what waits is told so
	for _, units := range c.before {
		slices.SortFunc(units, byAge)
	}
	for _, u := range c.units {
		if u.file != nil {
			u.file.follow(c.predecessors(u))
		}
	}
}

// precede puts a unit before all of its streams that were started later.
func (c *Collector) precede(u *unit) {
	for _, stream := range u.streams() {
		c.before[stream] = append(c.before[stream], u)
	}
}

// stopped tells that the unit's container has ended, is still there, as Swarm keeps the
// tasks of before an update, and is not known to be read to its end. One that was read is
// behind nobody any more: what it writes when it is started again is new.
func (u *unit) stopped() bool {
	kind := u.wants()
	return !u.removed && !u.orphan && (kind == logs.File || kind == logs.Journal) && isOver(u.container()) && !u.settled.Load() && !u.passed()
}

// predecessors returns the units whose container was removed before this one was started
// in its place, and which may not be delivered; the oldest first.
func (c *Collector) predecessors(u *unit) (out []*unit) {
	if len(c.before) == 0 {
		return nil
	}
	for _, stream := range u.streams() {
		units := c.before[stream]
		n, _ := slices.BinarySearchFunc(units, u, byAge)
		switch {
		case n == 0:
		case out == nil:
			out = units[:n:n]
		default:
			out = append(out, units[:n]...)
		}
	}
	return out
}

// streams are the labels that the unit's lines have, or had, in Loki: without what is
// metadata, such as the container's ID.
func (u *unit) streams() (out []string) {
	if labels := u.labels.Load(); labels != nil {
		for _, step := range *labels {
			out = append(out, step.Labels.Selector(logs.Stdout))
		}
	}
	return out
}

// byAge orders units by when their container was started. Of those that were removed while
// we were down only the positions tell, and one without is the newest: while the sink was
// away nothing was delivered of it.
func byAge(a, b *unit) int {
	return cmp.Or(a.started().Compare(b.started()), cmp.Compare(a.reached(), b.reached()))
}

// never is later than any start.
var never = time.Unix(1<<40, 0)

// started is when the unit's container was started, as far as it matters which of two came
// first: never, if it has not been yet, and about when it was made, if it was gone before
// anybody could ask.
func (u *unit) started() time.Time {
	at := u.container().StartedAt
	switch {
	case !at.IsZero():
		return at
	case u.removed:
		return u.made
	}
	return never
}

// reached is the timestamp up to which the unit was delivered when it was made; the
// greatest of all if nothing was.
func (u *unit) reached() int64 {
	if u.position.Last == 0 {
		return math.MaxInt64
	}
	return u.position.Latest()
}

// delivered tells that all of a unit that was leaving is with the sink, or that nobody has
// to wait for that. It may be asked from any goroutine.
func (u *unit) delivered() bool { return u.settled.Load() || u.left.Load() && u.unanswered() == 0 }

// passed tells the same as far as it is known: the journal is asked for some time yet
// whether there is more.
func (u *unit) passed() bool { return u.delivered() || u.spent.Load() && u.unanswered() == 0 }

func (u *unit) unanswered() int64 { return u.stats.waiting.Load() }

// wakeNext makes the source go on that waits for the unit, if that has an end. It may be
// called from any goroutine. A source that is not opened yet, or could not be, is not
// waiting.
func (u *unit) wakeNext() {
	if s := u.next.Load(); s != nil && s.opened.Load() && u.passed() {
		s.wake()
	}
}

// follow makes the source wait for units. Run's goroutine says so.
func (s *fileSource) follow(before []*unit) {
	if len(before) == 0 {
		s.before.Store(nil)
		return
	}
	s.before.Store(&before)
	before[len(before)-1].next.Store(s)
}

// waits tells that the source may not be read yet.
func (s *fileSource) waits() bool {
	before := s.before.Load()
	if before == nil {
		return false
	}
	for _, u := range slices.Backward(*before) { // they go in order
		if !u.passed() {
			return true
		}
	}
	s.waited = 0
	return !s.before.CompareAndSwap(before, nil)
}
