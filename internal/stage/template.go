package stage

import (
	"bytes"
	"errors"
	"text/template"
)

// templateStage sets an extracted value to what a template makes of the others.
type templateStage struct {
	to       slot
	template *template.Template
}

func newTemplate(b *builder, f *fields) step {
	f.read("source", "template")
	t := &templateStage{}
	if name := f.needed("source"); name != "" {
		t.to = b.name(name)
	}
	t.template = f.template("template")
	return t
}

// template compiles a field.
func (f *fields) template(key string) *template.Template {
	t, err := template.New("stage").Funcs(functions).Parse(f.text(key))
	if err != nil {
		f.at(key, "cannot use the template: %v", err)
	}
	return t
}

func (t *templateStage) run(r *Run, e *Entry, n *node) *node {
	data := make(map[string]any, len(e.values)+2)
	for s := range e.values {
		if v, ok := r.get(e, slot(s)); ok {
			data[r.pipeline.names[s]] = string(v)
			if slot(s) == t.to {
				data["Value"] = string(v)
			}
		}
	}
	// Labels that no stage names are there for templates, too.
	for _, l := range e.Labels.Pairs {
		if _, ok := data[l.Name]; !ok && !r.named(l.Name) {
			data[l.Name] = l.Value
		}
	}
	if !r.named(streamLabel) {
		data[streamLabel] = e.Stream.String()
	}
	data["Entry"] = string(e.Line)
	out := bounded{limit: maxOutput}
	if t.template.Execute(&out, data) != nil {
		return n.next
	}
	if out.Len() == 0 {
		e.values[t.to] = value{kind: removed}
	} else {
		e.set(t.to, out.Bytes())
	}
	return n.next
}

// named reports whether a name is that of an extracted value.
func (r *Run) named(name string) bool {
	for _, n := range r.pipeline.names {
		if n == name {
			return true
		}
	}
	return false
}

// maxOutput is how much a template may write, in bytes.
const maxOutput = 1 << 20

var errOutput = errors.New("the template writes too much")

// bounded is a buffer with an end.
type bounded struct {
	bytes.Buffer
	limit int
}

// Write appends p, or fails when that would be too much.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, errOutput
	}
	return b.Buffer.Write(p)
}
