package producer

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// stages takes the entries of one container through the stages of the configuration. But
// for the first three fields it belongs to the goroutine that reads the log.
type stages struct {
	// timeline says which stages are in force when; nil for none at any time.
	timeline *atomic.Pointer[stage.Timeline]
	// container has the container's labels.
	container func() *Timeline
	log       *slog.Logger
	// hooks are what assemble has of it, made for these two. Where no stage has ever
	// concerned the container they are empty, and cost nothing.
	hooks    assemble.Rules
	hooksOf  *stage.Timeline
	labelsOf *Timeline
	force    force
	of       [logs.Streams][]*staged
	// own is for entries that bring labels of their own; nil where those of the container
	// are meant.
	own *ownStages
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

// force is what is in force from its own time on until another, by a timeline: that of the
// entry before is most often that of the next.
type force struct {
	stage.Since
	until int64
	of    *stage.Timeline
}

// staged is what of a stream goes through the stages in force from one time on: their run
// for its labels, nil where none concerns them.
type staged struct {
	from   int64
	run    *stage.Run
	labels *logs.Labels
	// group says which lines make one entry, for the run groupOf.
	group   *assemble.Group
	groupOf *stage.Run
}

// maxStaged is how many changes of the configuration a stream remembers something across. The
// entries of a moment may be in disorder, so that those from before a change come after it.
const maxStaged = 4

// at is what is in force at a time.
func (s *stages) at(time int64) *force {
	t := s.timeline.Load()
	if f := &s.force; f.of != t || time < f.From || time >= f.until {
		f.of = t
		f.Since, f.until = t.At(time)
	}
	return &s.force
}

// staged returns the part of a stream that began at a time.
func (s *stages) staged(stream logs.Stream, from int64) *staged {
	for _, of := range s.of[stream] {
		if of.from == from {
			return of
		}
	}
	of := &staged{from: from}
	s.of[stream] = append([]*staged{of}, s.of[stream]...)
	if len(s.of[stream]) > maxStaged {
		s.of[stream] = s.of[stream][:maxStaged]
	}
	return of
}

// labels are the container's at a time.
func (s *stages) labels(at int64) *logs.Labels { return s.container().At(at) }

// concern reports whether lines of a stream and a time go through stages.
func (s *stages) concern(stream logs.Stream, at int64) bool {
	return s.own == nil && s.hooks.Change != nil && s.bind(stream, at).run != nil
}

// bind makes the run of a stream for a time and its labels. What it remembers it goes on with.
func (s *stages) bind(stream logs.Stream, at int64) *staged {
	in, labels := s.at(at), s.labels(at).Of(stream)
	of := s.staged(stream, in.From)
	of.bind(stream, in.Pipeline, labels)
	return of
}

func (of *staged) bind(stream logs.Stream, pipeline *stage.Pipeline, labels *logs.Labels) {
	if of.labels == labels {
		return
	}
	before := of.run
	of.labels, of.run = labels, pipeline.For(labels)
	if before != nil && of.run != nil {
		_ = of.run.Restore(stream, before.State(stream)) // as it was just made, it can be read
	}
}

// soon puts a change off until stages come into force that are about to: a reload changes both
// at one time.
func (s *stages) soon(from time.Time) time.Time {
	if s.timeline == nil {
		return from
	}
	if at := time.Unix(0, s.timeline.Load().Newest()); at.After(from) && at.Sub(from) < LabelsDelay {
		return at
	}
	return from
}

// rules are what assemble is to do with lines from a position on.
func (s *stages) rules(from logs.Position) *assemble.Rules {
	if s.own != nil {
		s.own = &ownStages{}
	}
	s.hooks, s.hooksOf, s.labelsOf, s.force, s.of = assemble.Rules{}, nil, nil, force{}, [logs.Streams][]*staged{}
	if s.timeline == nil {
		return &s.hooks
	}
	s.renew()
	if s.hooks.Change != nil {
		s.restore(from)
	}
	return &s.hooks
}

// remember puts into a position what the stages remember of the lines before it. The newest
// come last, so that they are first again.
func (s *stages) remember(p *logs.Position) {
	for i, all := range s.of {
		var out []byte
		for _, of := range slices.Backward(all) {
			if of.run != nil {
				out = remember(out, of.from, of.run.State(logs.Stream(i))) //nolint:gosec // one of two
			}
		}
		p.Stages[i] = out
	}
}

// restore takes over what remember has put into a position.
func (s *stages) restore(from logs.Position) {
	t, begin := s.timeline.Load(), max(from.Last, from.Latest())
	for i := range s.of {
		stream := logs.Stream(i)
		begin := cmp.Or(from.Newest[i].Time, begin) // the other stream may be further on
		for _, m := range memories(from.Stages[i]) {
			in, until, ok := t.Of(m.from)
			err := errUnknown
			if ok {
				of := s.staged(stream, in.From)
				of.bind(stream, in.Pipeline, s.labels(min(max(begin, in.From), until-1)).Of(stream))
				if err = nil; of.run != nil {
					err = of.run.Restore(stream, m.state)
				}
			}
			if err != nil {
				s.log.Warn("cannot use what the stages remember of earlier lines, they begin anew", "reason", err)
			}
		}
	}
}

var errUnknown = errors.New("it is not known any more which they were")

// renew looks after what is to be done with lines when the timeline has changed, or the
// container's labels have. What there was of it stays: there are entries from before.
func (s *stages) renew() {
	if s.timeline == nil {
		return
	}
	t, labels := s.timeline.Load(), s.container()
	if t == s.hooksOf && labels == s.labelsOf {
		return
	}
	s.hooksOf, s.labelsOf = t, labels
	changes, wait := needs(t, labels)
	if s.own != nil {
		changes, wait = t.Any(), 0 // each entry shows what concerns it
	}
	if !changes {
		return
	}
	if s.dropped == nil {
		s.dropped = make(map[string]int)
	}
	s.hooks.Change, s.hooks.Joined = s.change, func(lines int) { s.joined += lines }
	if wait > 0 {
		s.hooks.Group, s.hooks.Gap = s.group, max(s.hooks.Gap, wait)
	}
}

// needs says what has to be done with lines of a container's labels of all times: whether they
// are changed, and how long they wait for others, 0 where they are not joined.
func needs(t *stage.Timeline, container *Timeline) (changes bool, wait int64) {
	if !t.Any() {
		return false, 0
	}
	for _, l := range *container {
		for stream := range logs.Stream(logs.Streams) {
			own, gap := t.Needs(l.Labels.Of(stream))
			changes, wait = changes || own, max(wait, gap)
		}
	}
	return changes, wait
}

// group says which lines make one entry with one of a time; nil for none.
func (s *stages) group(stream logs.Stream, at int64) *assemble.Group {
	of := s.bind(stream, at)
	if of.run == nil {
		return nil
	}
	if of.groupOf != of.run {
		of.groupOf, of.group = of.run, nil
		if g := of.run.Group(stream); g != nil {
			of.group = &assemble.Group{Begins: g.Begins, Gap: g.Wait, Lines: g.Lines}
		}
	}
	return of.group
}

// runOf returns what an entry goes through, and its labels.
func (s *stages) runOf(e *logs.Entry) (*stage.Run, *logs.Labels) {
	if s.own != nil && e.Extra != nil && e.Extra.Labels != nil {
		return s.own.run(s.at(e.Time).Pipeline, e.Extra.Labels), e.Extra.Labels
	}
	of := s.bind(e.Stream, e.Time)
	return of.run, of.labels
}

// change takes an entry through the stages.
func (s *stages) change(e *logs.Entry) (send bool) {
	run, labels := s.runOf(e)
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
	s.extra.Tenant, s.extra.Labels, s.extra.Metadata = cmp.Or(entry.Tenant, labels.Tenant), entry.Labels, s.extra.Metadata[:0]
	for _, m := range entry.Metadata {
		s.extra.Metadata = s.extra.Metadata.Append(m.Name, m.Value)
	}
	e.Extra = &s.extra
	return true
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
