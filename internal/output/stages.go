package output

import (
	"log/slog"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// stages takes the entries of one container through the stages of the configuration. But
// for the first four fields it belongs to the goroutine that reads the log.
type stages struct {
	pipeline *stage.Pipeline
	// timeline has the container's labels.
	timeline func() Timeline
	log      *slog.Logger
	// given is what reading the log was begun with. Others ask for it.
	given atomic.Pointer[needed]
	of    [logs.Streams]staged
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
	// group says which lines make one entry, for the run groupOf.
	group   *assemble.Group
	groupOf *stage.Run
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
		_ = of.run.Restore(stream, before.State(stream)) // as it was just made, it can be read
	}
	return of.run
}

// concern reports whether lines of a stream go through stages.
func (s *stages) concern(stream logs.Stream) bool { return s.of[stream].run != nil }

// rules are what assemble is to do with lines from a position on.
func (s *stages) rules(from logs.Position) assemble.Rules {
	given := s.needs()
	s.given.Store(&given)
	if !given.changes {
		return assemble.Rules{}
	}
	if s.dropped == nil {
		s.dropped = make(map[string]int)
	}
	begin := max(from.Last, from.Latest())
	for i := range s.of {
		stream := logs.Stream(i)
		run := s.bind(stream, s.timeline().At(begin).Of(stream))
		if run == nil {
			continue
		}
		if err := run.Restore(stream, from.Stages[stream]); err != nil {
			s.log.Warn("cannot use what the stages remember of earlier lines, they begin anew", "reason", err)
		}
	}
	rules := assemble.Rules{Change: s.change, Joined: func(lines int) { s.joined += lines }}
	if given.wait > 0 {
		rules.Group, rules.Gap = s.group, given.wait
	}
	return rules
}

// needed is what reading a log has to know before it begins: whether lines are changed, and
// how long they wait for others, 0 where they are not joined.
type needed struct {
	changes bool
	wait    int64
}

// needs returns what the container's labels need, those of all times.
func (s *stages) needs() (n needed) {
	for _, l := range s.timeline() {
		for stream := range logs.Stream(logs.Streams) {
			labels := l.Labels.Of(stream)
			n.changes = n.changes || !s.pipeline.Idle(labels)
			n.wait = max(n.wait, s.pipeline.Wait(labels))
		}
	}
	return n
}

// group says which lines make one entry with one of a time; nil for none.
func (s *stages) group(stream logs.Stream, at int64) *assemble.Group {
	run := s.bind(stream, s.timeline().At(at).Of(stream))
	if run == nil {
		return nil
	}
	of := &s.of[stream]
	if of.groupOf != run {
		of.groupOf, of.group = run, nil
		if g := run.Group(stream); g != nil {
			of.group = &assemble.Group{Begins: g.Begins, Gap: g.Wait, Lines: g.Lines}
		}
	}
	return of.group
}

// change takes an entry through the stages.
func (s *stages) change(e *logs.Entry) (send bool) {
	labels := s.timeline().At(e.Time).Of(e.Stream)
	run := s.bind(e.Stream, labels)
	if run == nil {
		return true
	}
	s.entry.Time, s.entry.Stream, s.entry.Line, s.entry.Labels = e.Time, e.Stream, e.Line, labels
	if !run.Process(&s.entry) {
		s.dropped[run.Rule()]++
		return false
	}
	entry, moved := &s.entry, s.entry.Time != e.Time
	e.Time, e.Line = entry.Time, entry.Line
	if entry.Tenant != "" && !logs.ValidTenant(entry.Tenant) {
		if !s.strange {
			s.strange = true
			s.log.Warn("a stage gives a line a tenant that Loki does not take, the configured one is used", "tenant", entry.Tenant)
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
			p.Stages[i] = run.State(logs.Stream(i))
		}
	}
}

// count counts what became of lines.
func (s *stages) count(dropped func(rule string, entries int), joined func(lines int)) {
	for rule, n := range s.dropped {
		if n > 0 {
			dropped(rule, n)
			s.dropped[rule] = 0
		}
	}
	if s.joined > 0 {
		joined(s.joined)
		s.joined = 0
	}
}
