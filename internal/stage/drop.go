package stage

import (
	"bytes"
	"time"

	"github.com/lighterman/lighterman/internal/stage/pattern"
)

// drop drops entries that meet all of its conditions.
type drop struct {
	rule       int
	longerThan int // -1 where that is no condition
	olderThan  time.Duration
	sources    []slot
	separator  string
	expr       *pattern.Pattern
	value      []byte
	hasValue   bool
	// look is how much of the line the expression is shown, 0 for all, and not drops what it
	// does not match.
	look int
	not  bool
}

func newDrop(b *builder, f *fields) step {
	f.read("source", "separator", "expression", "value", "older_than", "longer_than", "drop_counter_reason")
	d := &drop{longerThan: -1, olderThan: -1, separator: ";"}
	for _, name := range f.texts("source") {
		if name == "" {
			f.at("source", "source is empty; leave it out to read the line")
			continue
		}
		d.sources = append(d.sources, b.name(name))
	}
	if f.given("separator") {
		d.separator = f.text("separator")
	}
	if f.given("expression") {
		d.expr = f.expression("expression")
	}
	if d.hasValue = f.given("value"); d.hasValue {
		d.value = []byte(f.text("value"))
	}
	if f.given("older_than") {
		d.olderThan = f.duration("older_than", 0)
	}
	if f.given("longer_than") {
		d.longerThan = f.size("longer_than")
	}
	switch {
	case d.hasValue && len(d.sources) == 0:
		f.at("value", "value needs source, the extracted name that it is compared with")
	case d.hasValue && f.given("expression"):
		f.at("value", "value and expression cannot both be given")
	case len(d.sources) == 0 && !f.given("expression") && !f.given("older_than") && !f.given("longer_than"):
		f.report(f.node, "one of source, expression, older_than and longer_than is needed")
	}
	d.rule = b.rule(f.reason("drop_stage"))
	return d
}

// reason is the name that dropped entries are counted under.
func (f *fields) reason(fallback string) string {
	if t := f.text("drop_counter_reason"); t != "" {
		return t
	}
	return fallback
}

func (d *drop) run(r *Run, e *Entry, n *node) *node {
	if d.meets(r, e) {
		return r.drop(d.rule)
	}
	return n.next
}

func (d *drop) meets(r *Run, e *Entry) bool {
	if d.longerThan >= 0 && len(e.Line) <= d.longerThan {
		return false
	}
	// Age counts from when Docker had the line, not from now: a second reading must
	// drop the same.
	if d.olderThan >= 0 && e.Time >= e.docker-int64(d.olderThan) {
		return false
	}
	compares := d.expr != nil || d.hasValue
	switch {
	case len(d.sources) == 0 && compares:
		line := e.Line
		if d.look > 0 {
			line = line[:min(len(line), d.look)]
		}
		return d.expr.MatchBytes(line) != d.not
	case !compares:
		for _, s := range d.sources {
			if !r.has(e, s) {
				return false
			}
		}
		return true
	case len(d.sources) == 1:
		in, ok := r.get(e, d.sources[0])
		return (ok || e.values[d.sources[0]].kind != null) && d.equals(in)
	}
	return d.joined(r, e)
}

// joined compares several values joined by the separator. One that is there without a
// value is no text, so the entry stays.
func (d *drop) joined(r *Run, e *Entry) bool {
	n := len(r.scratch)
	first := true
	for _, s := range d.sources {
		in, ok := r.get(e, s)
		if e.values[s].kind == null {
			return false
		}
		if !ok {
			continue
		}
		if !first {
			r.scratch = append(r.scratch, d.separator...)
		}
		first = false
		r.scratch = append(r.scratch, in...)
	}
	return d.equals(r.scratch[n:])
}

func (d *drop) equals(in []byte) bool {
	if d.hasValue {
		return bytes.Equal(in, d.value)
	}
	return d.expr.MatchBytes(in)
}
