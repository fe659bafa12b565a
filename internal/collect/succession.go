package collect

import (
	"math"

	"github.com/lighterman/lighterman/internal/logs"
)

// A container that takes another's place has its labels, so that to Loki they are one
// stream; and Loki refuses what is an hour behind the newest of its stream. After a long
// absence the old container's lines therefore go first, although its log was written to
// before all others.

// succeed tells the running sources which units go before them.
func (c *Collector) succeed() {
	clear(c.before)
	for u := range c.leaving {
		if u.delivered() {
			delete(c.leaving, u)
			continue
		}
		for _, stream := range u.streams() {
			c.before[stream] = append(c.before[stream], u)
		}
	}
	if len(c.leaving) == 0 {
		return
	}
	for _, u := range c.units {
		if u.file != nil {
			u.file.follow(c.predecessors(u))
		}
	}
}

// predecessors returns the units whose container was removed before this one was started
// in its place, and which are not delivered.
func (c *Collector) predecessors(u *unit) (out []*unit) {
	if len(c.before) == 0 {
		return nil
	}
	for _, stream := range u.streams() {
		for _, other := range c.before[stream] {
			if other != u && other.older(u) && !other.delivered() {
				out = append(out, other)
			}
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

// older tells whether the unit's container was started before another's. One that was not
// started yet is the newest. Of two that were removed while we were down only the positions
// tell, and one without is the newest: while the sink was away nothing was delivered of it.
func (u *unit) older(other *unit) bool {
	mine, others := u.container().StartedAt, other.container().StartedAt
	switch {
	case mine.Equal(others):
		return u.reached() < other.reached()
	case mine.IsZero():
		return false
	}
	return others.IsZero() || mine.Before(others)
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
func (u *unit) delivered() bool {
	return u.settled.Load() || u.left.Load() && u.stats.waiting.Load() == 0
}

// follow makes the source wait for units. Run's goroutine says so.
func (s *fileSource) follow(before []*unit) {
	if len(before) == 0 {
		s.before.Store(nil)
		return
	}
	s.before.Store(&before)
}

// waits tells that the source may not be read yet.
func (s *fileSource) waits() bool {
	before := s.before.Load()
	if before == nil {
		return false
	}
	for _, u := range *before {
		if !u.delivered() {
			return true
		}
	}
	s.waited = 0
	return !s.before.CompareAndSwap(before, nil)
}
