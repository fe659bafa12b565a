package producer

import (
	"log/slog"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// Look takes the lines of a container through what they go through when they are sent, and
// sends them nowhere. It is for one goroutine.
type Look struct {
	stages   stages
	timeline Timeline
	dropped  func(e *logs.Entry, rule string)
	joined   func(lines int)
	origin   int64
	// Raw, if it is not nil, is told of each entry as it was stored, before the stages.
	Raw func(e *logs.Entry)
}

// NewLook makes a look at a container that has labels, which must not be none, and stages at
// their times. dropped is told of each entry that a rule drops, and of the rule, and joined
// how many lines were added to another one's entry.
func NewLook(labels Timeline, in *atomic.Pointer[stage.Timeline], log *slog.Logger, dropped func(*logs.Entry, string), joined func(int)) *Look {
	l := &Look{timeline: labels, dropped: dropped, joined: joined}
	l.stages = stages{timeline: in, log: log, container: func() *Timeline { return &l.timeline }}
	return l
}

// Rules are for the log that is read from its beginning.
func (l *Look) Rules() *assemble.Rules {
	rules := *l.stages.rules(logs.Position{})
	change := rules.Change
	rules.Joined = l.joined
	rules.Change = func(e *logs.Entry) bool {
		l.origin = e.Time
		if l.Raw != nil {
			l.Raw(e)
		}
		if change == nil || change(e) {
			return true
		}
		run, _ := l.stages.runOf(e)
		clear(l.stages.dropped)
		l.dropped(e, run.Rule())
		return false
	}
	return &rules
}

// Origin is the time of the line that the entry passed on last was made of: Docker's, which
// a stage may have changed.
func (l *Look) Origin() int64 { return l.origin }

// Labels are those of an entry, and the tenant whose it is; empty for the configured one.
func (l *Look) Labels(e *logs.Entry) (labels *logs.Labels, tenant string) {
	labels = l.timeline.At(l.origin).Of(e.Stream)
	tenant = labels.Tenant
	if e.Extra != nil {
		tenant = e.Extra.Tenant
		if e.Extra.Labels != nil {
			labels = e.Extra.Labels.Of(e.Stream)
		}
	}
	return labels, tenant
}
