package collect

// A container that takes another's place has its labels, so that to Loki they are one
// stream; and Loki refuses what is an hour behind the newest of its stream. After a long
// absence the old container's lines therefore go first, although its log was written to
// before all others.

// succeed tells the running sources which units go before them.
func (c *Collector) succeed() {
	for u := range c.leaving {
		if u.delivered() {
			delete(c.leaving, u)
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
	for other := range c.leaving {
		if other != u && other.precedes(u) && !other.delivered() {
			out = append(out, other)
		}
	}
	return out
}

// precedes tells whether the unit's lines are of the same streams as another's, and older.
// What was not started yet is the newest. Of two that were removed while we were down only
// the positions tell which was the first.
func (u *unit) precedes(other *unit) bool {
	mine, others := u.container().StartedAt, other.container().StartedAt
	switch {
	case mine.Equal(others):
		if u.position.Latest() >= other.position.Latest() {
			return false
		}
	case mine.IsZero(), mine.After(others) && !others.IsZero():
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

// delivered tells that all of a unit that was leaving is with the sink, or that nobody has
// to wait for that. It may be asked from any goroutine.
func (u *unit) delivered() bool {
	return u.settled.Load() || u.left.Load() && u.stats.waiting.Load() == 0
}

// follow makes the source wait for units. Run's goroutine says so.
func (s *fileSource) follow(before []*unit) {
	if len(before) > 0 {
		s.before.Store(&before)
	}
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
	return !s.before.CompareAndSwap(before, nil)
}
