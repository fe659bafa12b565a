package output

import (
	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// stages takes the entries of one container through the stages of the configuration. It
// belongs to the goroutine that reads the log.
type stages struct {
	pipeline *stage.Pipeline
	labels   func(at int64) *logs.Labels
	of       [logs.Streams]staged
	// entry is the one in hand, and extra what it has beyond what it had.
	entry stage.Entry
	extra logs.Extra
	// joined is the number of lines that were added to others since it was counted.
	joined int
}

// staged is a stream's part.
type staged struct {
	// run is nil where no stage concerns the labels, for which it was made.
	run    *stage.Run
	labels *logs.Labels
	// counted is what was counted of it.
	counted stage.Counts
}

// Rules returns what the configuration makes of the container's lines from a position on.
func (o *Output) Rules(from logs.Position) assemble.Rules {
	p := o.pipeline
	if p == nil {
		return assemble.Rules{}
	}
	s := &stages{pipeline: p, labels: func(at int64) *logs.Labels { return o.Labels().At(at) }}
	o.stages = s
	for stream := range s.of {
		newest := o.Labels().Newest()
		s.bind(logs.Stream(stream), newest.Of(logs.Stream(stream))) //nolint:gosec // 0 or 1
		if run := s.of[stream].run; run != nil {
			if err := run.Restore(logs.Stream(stream), from.Stages[stream]); err != nil { //nolint:gosec // 0 or 1
				o.Log.Warn("cannot go on with what stages remember of the lines before, beginning anew", "error", err)
			}
		}
	}
	rules := assemble.Rules{Change: s.change, Joined: func(lines int) { s.joined += lines }}
	if g, ok := s.group(); ok {
		rules.Group = &g
	}
	return rules
}
