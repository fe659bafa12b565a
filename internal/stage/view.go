package stage

import (
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// View is an entry as it is between two stages. It stays as it is when the entry goes on.
type View struct {
	Time int64
	Line string
	// Labels are all labels that the entry has in Loki by then, and Metadata its structured
	// metadata.
	Labels, Metadata map[string]string
	Tenant           string
	// Level is what a stage has found, or nothing.
	Level string
	// Extracted are the values that stages have handed to each other.
	Extracted map[string]string
}

// Step is what one stage has done with an entry.
type Step struct {
	// Stage is its place in the configuration: stages[2].match.stages[0].drop.
	Stage string
	Took  time.Duration
	// Conditional: it is a match, and Matched says whether its selector did.
	Conditional, Matched bool
	// Redacted is how much was taken out.
	Redacted int
	// After is the entry behind it.
	After View
}

// byDefault is the place of the stage level where no stage is called that.
const byDefault = "level, by default"

// Trace is Process that tells of every stage. It is for looking, and not for speed.
func (r *Run) Trace(e *Entry, told func(Step)) (send bool) {
	r.begin(e)
	for n := r.pipeline.head; n != nil; {
		s := Step{Stage: n.path}
		found, began := r.found, time.Now()
		next := n.step.run(r, e, n)
		if m, is := n.step.(*match); is {
			s.Conditional, s.Matched = true, next == dropped || m.inner != nil && next == m.inner
			if s.Matched && next != dropped {
				next = next.step.run(r, e, next) // enter, which is no stage of its own
			}
		}
		s.Took, s.Redacted = time.Since(began), r.found-found
		s.After = r.View(e)
		told(s)
		if n = next; n == dropped {
			return false
		}
	}
	if len(e.changes) > 0 {
		e.Labels = r.labels(e)
		e.changes = e.changes[:0] // they are in it, as Loki takes them
	}
	return true
}

// View returns an entry as it is now: before Trace, with nothing that stages add.
func (r *Run) View(e *Entry) View {
	v := ViewOf(e)
	for s := range e.values {
		if e.values[s].kind == text {
			if v.Extracted == nil {
				v.Extracted = make(map[string]string)
			}
			v.Extracted[r.pipeline.names[s]] = string(e.values[s].bytes)
		}
	}
	return v
}

// ViewOf returns an entry that no stage concerns.
func ViewOf(e *Entry) View {
	v := View{Time: e.Time, Line: string(e.Line), Tenant: e.Tenant, Labels: pairsOf(e.Labels.Pairs), Metadata: pairsOf(e.Labels.Metadata)}
	if !e.Labels.Whole {
		v.Labels[streamLabel] = e.Stream.String()
	}
	for _, c := range e.changes {
		if v.Labels[c.Name] = c.Value; c.Value == "" {
			delete(v.Labels, c.Name)
		}
	}
	for _, m := range e.Metadata {
		if v.Metadata[m.Name] = strings.Clone(m.Value); m.Value == "" {
			delete(v.Metadata, m.Name)
		}
	}
	if e.level != level.Unknown {
		v.Level = e.level.String()
	}
	return v
}

// AddLevel adds what LevelMissed finds in a line.
func (v *View) AddLevel(line []byte) {
	if l := level.Missed(line); l != level.Unknown {
		v.Metadata[levelName], v.Level = l.String(), l.String()
	}
}

// JoinedBy returns the place of the stage that says which lines of a stream are one entry;
// nothing where each is.
func (r *Run) JoinedBy(s logs.Stream) string {
	if g := r.grouping(s); g != nil {
		return g.path
	}
	return ""
}
