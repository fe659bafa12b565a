package output

import (
	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// stages takes the entries of one container through the stages of the configuration. But
// for the pipeline it belongs to the goroutine that reads the log.
type stages struct {
	pipeline *stage.Pipeline
	of       [logs.Streams]staged
	// entry is the one in hand, and extra what it has beyond what it had.
	entry stage.Entry
	extra logs.Extra
	// dropped are the entries that each rule has dropped, and joined the lines that were
	// added to others, since they were counted.
	dropped map[string]int
	joined  int
	// strange: a tenant was warned of whose name Loki does not take.
	strange bool
}

// staged is a stream's part: the run of the stages for its labels, nil where none concerns
// them.
type staged struct {
	run    *stage.Run
	labels *logs.Labels
}

// Rules returns what the configuration makes of the container's lines from a position on.
// It is called before the log is read, by who reads it.
func (o *Output) Rules(from logs.Position) assemble.Rules {
	s := &o.stages
	if s.pipeline == nil {
		return assemble.Rules{}
	}
	rules := assemble.Rules{Change: o.change, Joined: func(lines int) { s.joined += lines }}
	s.dropped = make(map[string]int)
	for i := range s.of {
		stream := logs.Stream(i) //nolint:gosec // 0 or 1
		run := s.bind(stream, o.Labels().Newest().Of(stream))
		if run == nil {
			continue
		}
		if err := run.Restore(stream, from.Stages[stream]); err != nil {
			o.Log.Warn("cannot go on with what stages remember of the lines before, they begin anew", "reason", err)
		}
		if g := run.Group(stream); g != nil {
			rules.Group[stream] = &assemble.Group{Begins: g.Begins, Gap: g.Wait, Lines: g.Lines}
		}
	}
	return rules
}

// bind makes the run of a stream for labels. What it remembers it goes on with.
func (s *stages) bind(stream logs.Stream, labels *logs.Labels) *stage.Run {
	of := &s.of[stream]
	if of.labels == labels {
		return of.run
	}
	before := of.run
	of.labels, of.run = labels, s.pipeline.For(labels)
	if before != nil && of.run != nil {
		_ = of.run.Restore(stream, before.State(stream)) // of the same pipeline, so it fits
	}
	return of.run
}

// change takes an entry through the stages.
func (o *Output) change(e *logs.Entry) (send bool) {
	s, labels := &o.stages, o.Labels().At(e.Time).Of(e.Stream)
	run := s.bind(e.Stream, labels)
	if run == nil {
		return true
	}
	s.entry.Time, s.entry.Stream, s.entry.Line, s.entry.Labels = e.Time, e.Stream, e.Line, labels
	if rule, dropped := run.Process(&s.entry); dropped {
		s.dropped[rule]++
		return false
	}
	entry, moved := &s.entry, s.entry.Time != e.Time
	e.Time, e.Line = entry.Time, entry.Line
	if entry.Tenant != "" && !logs.ValidTenant(entry.Tenant) {
		if !s.strange {
			s.strange = true
			o.Log.Warn("a stage gives a line a tenant that Loki does not take, the configured one is used", "tenant", entry.Tenant)
		}
		entry.Tenant = ""
	}
	if !moved && entry.Labels == labels && entry.Tenant == "" && len(entry.Metadata) == 0 {
		return true
	}
	// Labels go by Docker's time, which a moved entry does not have any more.
	s.extra.Tenant, s.extra.Labels, s.extra.Metadata = entry.Tenant, entry.Labels, s.extra.Metadata[:0]
	for _, m := range entry.Metadata {
		s.extra.Metadata = s.extra.Metadata.Append(m.Name, m.Value)
	}
	e.Extra = &s.extra
	return true
}

// remember puts into a position what the stages remember of the lines before it.
func (s *stages) remember(p *logs.Position) {
	for i := range s.of {
		if run := s.of[i].run; run != nil {
			p.Stages[i] = run.State(logs.Stream(i)) //nolint:gosec // 0 or 1
		}
	}
}

// count counts what became of lines.
func (s *stages) count(metrics Metrics) {
	for rule, n := range s.dropped {
		if n > 0 {
			metrics.Dropped(rule, n)
			s.dropped[rule] = 0
		}
	}
	if s.joined > 0 {
		metrics.Joined(s.joined)
		s.joined = 0
	}
}
