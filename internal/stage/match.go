package stage

import "go.yaml.in/yaml/v3"

// match runs nested stages on the entries that a selector matches, or drops them.
type match struct {
	id       int
	selector *selector
	// inner are the nested stages, which end at what comes after match; nil for action drop.
	inner *node
	rule  int
	drops bool
}

func newMatch(b *builder, f *fields, next *node, depth int) *node {
	f.read("selector", "stages", "action", "pipeline_name", "drop_counter_reason")
	m := &match{rule: -1}
	text := f.needed("selector")
	if text == "" {
		return next
	}
	sel, err := parseSelector(text)
	if err != nil {
		f.at("selector", "cannot use the selector: %v", err)
		sel = &selector{}
	}
	m.selector, m.id = sel, len(b.pipeline.selectors)
	b.pipeline.selectors = append(b.pipeline.selectors, sel)
	stages := f.keys["stages"]
	has := stages != nil && !empty(stages)
	switch action := f.text("action"); {
	case action != "" && action != "keep" && action != "drop":
		f.at("action", "expected keep or drop, found %q", action)
	case action == "drop" && has:
		f.at("stages", "what is dropped needs no stages")
	case action == "drop":
		m.drops, m.rule = true, b.rule(f.reason("match_stage"))
	case !has:
		f.at("stages", "stages are missing; to drop what matches, say action: drop")
	case stages.Kind != yaml.SequenceNode:
		f.at("stages", "expected a list, found %s", found(stages))
	default:
		inner := b.list(stages.Content, f.path+".stages", next, depth+1)
		m.inner = &node{step: enter{}, next: inner}
	}
	return &node{step: m, next: next, path: f.path}
}

func (m *match) run(r *Run, e *Entry, n *node) *node {
	if !m.selector.matches(e, r.bound.decided[m.id][e.Stream]) {
		return n.next
	}
	if m.drops {
		return r.drop(m.rule)
	}
	return m.inner
}

// enter begins nested stages. As in Promtail they see the labels as they are then as
// extracted values, in place of what was extracted under the same name.
type enter struct{}

func (enter) run(r *Run, e *Entry, n *node) *node {
	for s := range e.values {
		name := r.pipeline.names[s]
		if e.values[s].kind == unset && !e.changedLabel(name) {
			continue
		}
		if l := e.getLabel(name); l != "" {
			e.set(slot(s), r.keepText(l))
		}
	}
	return n.next
}

func (e *Entry) changedLabel(name string) bool {
	for i := range e.changes {
		if e.changes[i].Name == name {
			return true
		}
	}
	return false
}
