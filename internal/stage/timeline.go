package stage

import (
	"math"

	"github.com/lighterman/lighterman/internal/logs"
)

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
	any bool // one of them may have stages
}

// NewTimeline makes a timeline of pipelines, the oldest first. The oldest one is in force
// before its time, too.
func NewTimeline(all ...Since) *Timeline {
	t := &Timeline{all: all}
	for _, s := range all {
		if s.Pipeline != nil {
			t.any = true
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

// Any reports whether there may be stages at any time.
func (t *Timeline) Any() bool { return t != nil && t.any }

// Needs says what has to be done with lines of some labels, whatever their time: whether they
// go through stages, and how long they wait for the next line of an entry, in nanoseconds, 0
// where no lines are joined.
func (t *Timeline) Needs(labels *logs.Labels) (changes bool, wait int64) {
	if t == nil {
		return false, 0
	}
	for _, s := range t.all {
		if s.Pipeline != nil && !s.Pipeline.Idle(labels) {
			changes, wait = true, max(wait, s.Pipeline.Wait(labels))
		}
	}
	return changes, wait
}

// Newest returns the time at which the newest pipeline comes into force.
func (t *Timeline) Newest() int64 {
	if t == nil || len(t.all) == 0 {
		return math.MinInt64
	}
	return t.all[len(t.all)-1].From
}
