package stage

// tenant chooses Loki's tenant of an entry.
type tenant struct {
	from         slot
	label, value string
}

func newTenant(b *builder, f *fields) step {
	f.read("label", "source", "value")
	t := &tenant{from: -1, label: f.text("label"), value: f.text("value")}
	if name := f.text("source"); name != "" {
		t.from = b.name(name)
	}
	given := 0
	for _, is := range []bool{t.label != "", t.value != "", t.from >= 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		f.report(f.node, "one of label, source and value is needed")
	}
	return t
}

func (t *tenant) run(r *Run, e *Entry, n *node) *node {
	name := t.value
	switch {
	case t.from >= 0:
		if v, ok := r.get(e, t.from); ok {
			name = r.word(v)
		}
	case t.label != "":
		name = e.getLabel(t.label)
	}
	if name != "" {
		e.Tenant = name
	}
	return n.next
}
