package rehearsal

import (
	"bytes"
	"cmp"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// Subject is whose lines are taken through the stages.
type Subject struct {
	Name   string
	Labels *logs.Labels
	// Pipeline has the stages; nil for none.
	Pipeline *stage.Pipeline
	// MaxLine is the size in bytes from which on an entry is cut; 0 for no limit.
	MaxLine int
}

// Line is one line as it was written.
type Line struct {
	Time   int64
	Stream logs.Stream
	// Text is without its line feed.
	Text []byte
}

// Entry is what became of one line, or of several that are one entry.
type Entry struct {
	Subject *Subject
	Stream  logs.Stream
	// Lines is how many lines it is made of, and JoinedBy the stage that has joined them.
	Lines    int
	JoinedBy string
	// Before is the entry as it was read, After as it would be sent, or was when it was
	// dropped.
	Before, After stage.View
	Steps         []stage.Step
	// Dropped reports whether it was dropped; Rule is the name under which, and DroppedBy the
	// stage.
	Dropped         bool
	Rule, DroppedBy string
	// Note says what is not as a stage asks for, or nothing.
	Note string
}

// Sent reports whether the entry would go to Loki.
func (e *Entry) Sent() bool { return !e.Dropped }

// Rehearsal is the way of one subject's lines. It belongs to one goroutine.
type Rehearsal struct {
	subject  *Subject
	assemble *assemble.Assembler
	runs     [logs.Streams]*stage.Run
	groups   [logs.Streams]*assemble.Group
	emit     func(*Entry)
	entry    stage.Entry
	text     []byte
	// lines is how many the entry in hand is made of, and now what becomes of it.
	lines int
	now   *Entry
}

// Rehearse begins a rehearsal. Each entry is given to emit when it is complete.
func Rehearse(s *Subject, emit func(*Entry)) *Rehearsal {
	r := &Rehearsal{subject: s, emit: emit, lines: 1}
	rules := assemble.Rules{Change: r.change, Joined: func(more int) { r.lines = 1 + more }}
	for i := range r.runs {
		stream := logs.Stream(i)
		run := s.Pipeline.For(s.Labels.Of(stream))
		if r.runs[i] = run; run == nil {
			continue
		}
		if g := run.Group(stream); g != nil {
			r.groups[i] = &assemble.Group{Begins: g.Begins, Gap: g.Wait, Lines: g.Lines}
			rules.Gap = max(rules.Gap, g.Wait)
		}
	}
	if rules.Gap > 0 {
		rules.Group = func(stream logs.Stream, _ int64) *assemble.Group { return r.groups[stream] }
	}
	r.assemble = assemble.New(assemble.Config{MaxLine: s.MaxLine, Rules: &rules}, logs.Position{})
	return r
}

// Add takes the next line.
func (r *Rehearsal) Add(l Line) {
	r.text = append(append(r.text[:0], l.Text...), '\n')
	r.assemble.Add(&logs.Record{Time: l.Time, Stream: l.Stream, Text: r.text}, r.done)
	r.assemble.Seal()
}

// End passes on what waits for more lines.
func (r *Rehearsal) End() { r.assemble.Flush(r.done) }

// change takes an entry through the stages; see assemble.Rules.
func (r *Rehearsal) change(e *logs.Entry) (send bool) {
	run := r.runs[e.Stream]
	r.entry.Time, r.entry.Stream, r.entry.Line, r.entry.Labels = e.Time, e.Stream, e.Line, r.subject.Labels.Of(e.Stream)
	if run == nil {
		r.entry = stage.Entry{Time: e.Time, Stream: e.Stream, Line: e.Line, Labels: r.entry.Labels}
	}
	now := &Entry{Subject: r.subject, Stream: e.Stream, Lines: r.lines}
	r.now, r.lines = now, 1
	before := stage.Entry{Time: e.Time, Stream: e.Stream, Line: e.Line, Labels: r.entry.Labels}
	now.Before = stage.ViewOf(&before)
	now.Before.Tenant = r.entry.Labels.Tenant
	if run == nil {
		now.After = stage.ViewOf(&before)
		now.After.Tenant = r.entry.Labels.Tenant
		if r.entry.Labels.Level {
			now.After.AddLevel(e.Line)
		}
		return true
	}
	if now.Lines > 1 {
		now.JoinedBy = run.JoinedBy(e.Stream)
	}
	send = run.Trace(&r.entry, func(s stage.Step) { now.Steps = append(now.Steps, s) })
	now.After = stage.ViewOf(&r.entry)
	if !send {
		now.Dropped, now.Rule, now.DroppedBy = true, run.Rule(), now.Steps[len(now.Steps)-1].Stage
		r.emit(now)
		return false
	}
	if t := now.After.Tenant; t != "" && !logs.ValidTenant(t) {
		now.Note, now.After.Tenant = "Loki takes no such tenant: the configured one is used", ""
	}
	now.After.Tenant = cmp.Or(now.After.Tenant, r.entry.Labels.Tenant)
	e.Time, e.Line = r.entry.Time, r.entry.Line
	return true
}

// done is given what is sent, with the time that it has there.
func (r *Rehearsal) done(e logs.Entry) {
	r.now.After.Time = e.Time
	if !bytes.Equal(e.Line, []byte(r.now.After.Line)) {
		r.now.After.Line = string(e.Line)
	}
	r.emit(r.now)
}
