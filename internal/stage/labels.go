package stage

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/lighterman/lighterman/internal/logs"
)

// mapping is a name in Loki and the extracted name that its value comes from.
type mapping struct {
	name   string
	source string
	from   slot
}

// mappings reads a map of names to extracted names, which are the same where left out.
func (f *fields) mappings(b *builder, labels bool) (out []mapping) {
	list := f.pairs(f.node)
	if len(list) == 0 {
		f.report(f.node, "expected a map of names to extracted names, like level: severity")
	}
	for _, p := range list {
		source := p.value
		if source == "" {
			source = p.key
		}
		if p.key == streamLabel && source == streamLabel && labels {
			continue // it is there
		}
		if f.label(p.node, p.key) {
			out = append(out, mapping{p.key, source, b.name(source)})
		}
	}
	slices.SortFunc(out, func(a, b mapping) int { return strings.Compare(a.name, b.name) })
	return out
}

// labelsStage makes labels of extracted values.
type labelsStage struct{ list []mapping }

func newLabels(b *builder, f *fields) step { return &labelsStage{f.mappings(b, true)} }

func (s *labelsStage) run(r *Run, e *Entry, n *node) *node {
	for i := range s.list {
		if v, ok := r.get(e, s.list[i].from); ok {
			e.changes = setLabel(e.changes, s.list[i].name, r.word(v))
		}
	}
	return n.next
}

// borrowed is a text that is valid as long as b, until the next call of Process. A copy of
// its own for each line was a sixth of all CPU time, most of it for the garbage.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // Entry says how long it is valid

// metadataStage makes structured metadata of extracted values, or of labels, which go.
type metadataStage struct{ list []mapping }

func newMetadata(b *builder, f *fields) step { return &metadataStage{f.mappings(b, false)} }

func (s *metadataStage) run(r *Run, e *Entry, n *node) *node {
	for i := range s.list {
		m := &s.list[i]
		label := e.getLabel(m.source)
		v, ok := r.get(e, m.from)
		switch {
		case ok && len(v) > 0 && string(v) == label:
			e.setMetadata(m.name, label)
		case ok && len(v) > 0:
			e.setMetadata(m.name, borrowed(v))
			continue
		case label != "":
			e.setMetadata(m.name, label)
		default:
			continue
		}
		// The label that it was made of is a label no more.
		if m.source != streamLabel {
			e.changes = setLabel(e.changes, m.source, "")
		}
	}
	return n.next
}

// staticLabels sets labels to constant values.
type staticLabels struct{ list []logs.Label }

func newStaticLabels(b *builder, f *fields) step {
	s := &staticLabels{}
	list := f.pairs(f.node)
	if len(list) == 0 {
		f.report(f.node, "expected a map of labels to values, like env: prod")
	}
	for _, p := range list {
		if f.label(p.node, p.key) && p.value != "" {
			s.list = append(s.list, logs.Label{Name: p.key, Value: p.value})
		}
	}
	return s
}

func (s *staticLabels) run(_ *Run, e *Entry, n *node) *node {
	for i := range s.list {
		e.changes = setLabel(e.changes, s.list[i].Name, s.list[i].Value)
	}
	return n.next
}

// labelDrop removes labels.
type labelDrop struct{ names []string }

func newLabelDrop(b *builder, f *fields) step {
	s := &labelDrop{names: f.list(f.node)}
	for i, name := range s.names {
		f.label(f.node.Content[i], name)
	}
	if len(s.names) == 0 {
		f.report(f.node, "expected a list of labels")
	}
	return s
}

func (s *labelDrop) run(_ *Run, e *Entry, n *node) *node {
	for _, name := range s.names {
		e.changes = setLabel(e.changes, name, "")
	}
	return n.next
}

// labelAllow removes all labels but a few. The label stream stays.
type labelAllow struct{ names []string }

func newLabelAllow(b *builder, f *fields) step {
	s := &labelAllow{names: f.list(f.node)}
	if len(s.names) == 0 {
		f.report(f.node, "expected a list of labels")
	}
	return s
}

func (s *labelAllow) run(_ *Run, e *Entry, n *node) *node {
	for i := range e.changes {
		if !slices.Contains(s.names, e.changes[i].Name) {
			e.changes[i].Value = ""
		}
	}
	for _, l := range e.Labels.Pairs {
		if !slices.Contains(s.names, l.Name) {
			e.changes = setLabel(e.changes, l.Name, "")
		}
	}
	return n.next
}
