package stage

// output makes an extracted value the line.
type output struct{ from slot }

func newOutput(b *builder, f *fields) step {
	f.read("source")
	o := &output{}
	if name := f.needed("source"); name != "" {
		o.from = b.name(name)
	}
	return o
}

func (o *output) run(r *Run, e *Entry, n *node) *node {
	if v, ok := r.get(e, o.from); ok {
		e.Line = v
	}
	return n.next
}
