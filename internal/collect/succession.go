package collect

import "slices"

// A container that takes another's place has its labels, so that to Loki they are one
// stream; and Loki refuses what is an hour behind the newest of its stream. After a long
// absence the old container's lines therefore go first, although its log was written to
// before all others.

// predecessors returns the units whose container was removed before this one was started
// in its place, and which are not delivered.
func (c *Collector) predecessors(u *unit) (out []*unit) {
	for other := range c.leaving {
		if other != u && other.precedes(u) && !other.delivered() {
			out = append(out, other)
		}
	}
	return out
}

// precedes tells whether the unit's lines are of the same streams as another's, and older.
// Of two that were removed while we were down only the positions tell which was the first.
func (u *unit) precedes(other *unit) bool {
	mine, others := u.container().StartedAt, other.container().StartedAt
	if mine.After(others) || mine.Equal(others) && u.position.Latest() >= other.position.Latest() {
		return false
	}
	return u.labels.Load().shares(other.labels.Load())
}

// shares tells whether two timelines have labels in common.
func (t *timeline) shares(other *timeline) bool {
	if t == nil || other == nil {
		return false
	}
	for _, step := range *t {
		for _, others := range *other {
			if step.Labels.Equal(others.Labels) {
				return true
			}
		}
	}
	return false
}

// delivered tells that nothing of a unit is being read, or under way to the sink. It may
// be asked from any goroutine.
func (u *unit) delivered() bool { return u.tailing.Load() == nil && u.stats.waiting.Load() == 0 }

// waits tells that the source may not be read yet.
func (s *fileSource) waits() bool {
	s.before = slices.DeleteFunc(s.before, (*unit).delivered)
	return len(s.before) > 0
}
