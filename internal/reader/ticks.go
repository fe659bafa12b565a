package reader

import "time"

// ticks are the sources that are read again at the next tick. They belong to the reader's
// goroutine.
type ticks struct {
	// hot are being written, slow cannot be watched.
	hot, slow []*Source
	// putOff: the tick to come was put off.
	putOff bool
	// looked is when the slow ones were taken last.
	looked time.Time
}

// slowPoll is how often a file is looked at that cannot be watched, and slowBeside how often
// where others are looked at more often anyway.
const slowPoll, slowBeside = time.Second, 200 * time.Millisecond

// next returns when sources have to be polled; zero when none has to.
func (t *ticks) next(now time.Time, poll time.Duration) time.Time {
	switch {
	case len(t.hot) > 0:
		return together(now, poll)
	case len(t.slow) > 0:
		return now.Add(slowPoll)
	}
	return time.Time{}
}

// slowDue reports whether the slow ones are to be looked at.
func (t *ticks) slowDue(now time.Time) bool {
	return len(t.slow) > 0 && (len(t.hot) == 0 || now.Sub(t.looked) >= slowBeside)
}

// take returns those whose time it is.
func (t *ticks) take(now time.Time) (hot, slow []*Source) {
	hot, t.hot, t.putOff = t.hot, nil, false
	if len(hot) > 0 && now.Sub(t.looked) < slowBeside {
		return hot, nil
	}
	slow, t.slow, t.looked = t.slow, nil, now
	for _, s := range slow {
		s.state.slow = false
	}
	return hot, slow
}

// add has a source come at the next tick.
func (t *ticks) add(s *Source) { t.hot = append(t.hot, s) }

// addSlow has a source come at the next tick, and does not hasten that.
func (t *ticks) addSlow(s *Source) {
	if !s.state.slow {
		s.state.slow = true
		t.slow = append(t.slow, s)
	}
}

// pulseZero is a moment from which on all readers count the intervals of their polls.
var pulseZero = time.Now()

// together returns when to poll next, about an interval from now: such that all readers
// come to poll at the same moments, the multiples of the interval. Then one wake-up of
// the process serves all lanes, whose number is no reason to wake up more often. What
// one poll can be moved by is little, so that no line waits noticeably longer for it.
func together(now time.Time, interval time.Duration) time.Time {
	most := interval / 8
	earliest := now.Add(interval - most)
	past := earliest.Sub(pulseZero) % interval
	if past < 0 {
		past += interval
	}
	if left := (interval - past) % interval; left <= 2*most {
		return earliest.Add(left)
	}
	return earliest.Add(2 * most)
}
