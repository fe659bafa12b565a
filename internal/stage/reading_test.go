package stage

import (
	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// reading is a log of a container as it is read: assemble joins lines, and its entries go
// through the stages.
type reading struct {
	run    *Run
	joins  *assemble.Assembler
	labels *logs.Labels
	entry  Entry
	out    func(*Entry)
	next   int64
	// What became of the lines.
	read, sent, joined int
	dropped            map[string]int
}

// newReading begins to read behind a position. state is what the stages remember there.
func newReading(p *Pipeline, from logs.Position, out func(*Entry)) *reading {
	r := &reading{run: p.For(base), labels: base, out: out, dropped: make(map[string]int)}
	rules := assemble.Rules{Change: r.change, Joined: func(lines int) { r.joined += lines }}
	rules.Group = func(s logs.Stream, _ int64) *assemble.Group {
		if r.run == nil {
			return nil
		}
		g := r.run.Group(s)
		if g == nil {
			return nil
		}
		return &assemble.Group{Begins: g.Begins, Gap: g.Wait, Lines: g.Lines}
	}
	r.joins = assemble.New(assemble.Config{Rules: &rules}, from)
	return r
}

func (r *reading) change(in *logs.Entry) (send bool) {
	e := &r.entry
	e.Time, e.Stream, e.Line, e.Labels = in.Time, in.Stream, in.Line, r.labels
	if r.run == nil {
		e.docker = e.Time
	} else if send := r.run.Process(e); true {
		if !send {
			r.dropped[r.run.Rule()]++
			return false
		}
	}
	r.sent++
	r.out(e)
	in.Time, in.Line = e.Time, e.Line
	return true
}

// add reads one line.
func (r *reading) add(at int64, s logs.Stream, line string) {
	r.read++
	record := logs.Record{Time: at, Stream: s, Text: []byte(line + "\n"), Offset: r.next}
	r.next++
	r.joins.Add(&record, func(logs.Entry) {})
	r.joins.Seal()
}

// idle says that all lines from before a time were read.
func (r *reading) idle(now int64) { r.joins.FlushGroups(now, func(logs.Entry) {}) }

func (r *reading) end() { r.joins.Flush(func(logs.Entry) {}) }

// addsUp reports whether each line was sent, dropped or joined to another.
func (r *reading) addsUp() bool {
	sum := r.sent + r.joined
	for _, n := range r.dropped {
		sum += n
	}
	return sum == r.read
}
