package stage

import "math"

// Since is a pipeline, and the time in Unix nanoseconds from which on it is in force; the
// pipeline is nil for no stages. The time also is its name: no two of a timeline have one.
type Since struct {
	From     int64
	Pipeline *Pipeline
}

// Timeline is the pipelines of the configurations that there were, the oldest first. Which
// one an entry goes through depends on its timestamp alone, so one that is read again, after
// a crash or a restart with another configuration, becomes what it was. It is immutable. A
// nil Timeline has no stages at any time.
type Timeline struct {
	all []Since
	// any: one of them has stages. wait is the longest time that any of them waits for the
	// next line of an entry, in nanoseconds.
	any  bool
	wait int64
}

// NewTimeline makes a timeline of pipelines, the oldest first. The oldest one is in force
// before its time, too.
func NewTimeline(all ...Since) *Timeline {
	t := &Timeline{all: all}
	for _, s := range all {
		if s.Pipeline != nil {
			t.any, t.wait = true, max(t.wait, s.Pipeline.Wait())
		}
	}
	return t
}

// Always is the timeline of one pipeline.
func Always(p *Pipeline) *Timeline { return NewTimeline(Since{math.MinInt64, p}) }

// At returns what is in force at a time, and until when, which is not part of it.
func (t *Timeline) At(time int64) (in Since, until int64) {
	if t == nil || len(t.all) == 0 {
		return Since{From: math.MinInt64}, math.MaxInt64
	}
	until = math.MaxInt64
	for i := len(t.all) - 1; i > 0; i-- {
		if time >= t.all[i].From {
			return t.all[i], until
		}
		until = t.all[i].From
	}
	return t.all[0], until
}

// Of returns what came into force at exactly this time, and until when it is.
func (t *Timeline) Of(from int64) (in Since, until int64, ok bool) {
	in, until = t.At(from)
	return in, until, in.From == from
}

// Any reports whether there are stages at any time.
func (t *Timeline) Any() bool { return t != nil && t.any }

// Wait returns the longest time that any pipeline waits for the next line of an entry, in
// nanoseconds; 0 where no lines are joined.
func (t *Timeline) Wait() int64 {
	if t == nil {
		return 0
	}
	return t.wait
}

// Newest returns the time at which the newest pipeline comes into force.
func (t *Timeline) Newest() int64 {
	if t == nil || len(t.all) == 0 {
		return math.MinInt64
	}
	return t.all[len(t.all)-1].From
}
