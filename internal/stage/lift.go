package stage

import "slices"

// lifter walks the stages in their order. It takes out those that join lines, which comes
// before all others, and notes which selectors ask for labels that stages before them may
// change: the others are decided once per container.
type lifter struct {
	b *builder
	// changed are the labels that a stage so far may change; all of them behind one that
	// removes all but a few.
	changed    map[string]bool
	allChanged bool
}

// scope is what is known of the place of a stage.
type scope struct {
	// matches are those around it.
	matches []*match
	// joined is what joins the lines that come here, if anything does.
	joined *multiline
	// late: a stage before it, in its list or one around, needs the lines as they are.
	late bool
}

// lift makes groupings of what joins lines. joined is what the container's owner joins lines
// by, if so: then nothing else does.
func (b *builder) lift(joined *multiline) {
	l := &lifter{b: b, changed: make(map[string]bool)}
	if joined != nil {
		b.pipeline.groupings = append(b.pipeline.groupings, grouping{multiline: joined})
	}
	l.list(b.pipeline.head, nil, scope{joined: joined})
	unlink(b.pipeline.head, nil)
	b.pipeline.head = b.pipeline.head.rest()
}

// list walks the stages from n on to end. It reports whether one of them does more than
// joining lines or setting labels to constants.
func (l *lifter) list(n, end *node, in scope) (more bool) {
	// Stages within a match before it keep a stage of this list from joining lines, and not
	// one in a match of its own: that is usually for other containers.
	beside := false
	for ; n != end; n = n.next {
		switch s := n.step.(type) {
		case enter:
		case *multiline:
			l.take(s, in, beside)
			if in.joined == nil {
				in.joined = s
			}
		case *match:
			for i := range s.selector.matchers {
				m := &s.selector.matchers[i]
				m.changing = m.name != streamLabel && (l.allChanged || l.changed[m.name])
			}
			inner := in
			inner.matches = append(slices.Clip(in.matches), s)
			if s.drops || s.inner != nil && l.list(s.inner, n.next, inner) {
				beside = true
			}
		case *staticLabels:
			l.note(s)
		default:
			l.note(s)
			in.late, more = true, true
		}
	}
	return more || beside
}

// take makes a grouping of a stage, or says why it cannot be one.
func (l *lifter) take(m *multiline, in scope, beside bool) {
	switch {
	case in.joined != nil && in.joined.owner:
		return
	case in.joined != nil && m.parser:
		l.b.pipeline.notes = append(l.b.pipeline.notes, m.path+": joins nothing: "+in.joined.path+" joins the lines")
		return
	case in.joined != nil:
		l.b.report(m.at, m.path, "%s joins the lines already: remove one of the two", in.joined.path)
		return
	case (in.late || beside) && len(in.matches) == 0:
		l.b.report(m.at, m.path, "lines are joined before all stages: move it to the top, or into a match of its own")
		return
	case in.late || beside:
		l.b.report(m.at, m.path, "lines are joined before all stages: make it the first stage of its match, and let only match stand before that")
		return
	}
	for _, around := range in.matches {
		if len(around.selector.filters) > 0 {
			l.b.report(m.at, m.path, "lines are joined before single ones are looked at: take the line filter out of the selector of the match around it")
			return
		}
		for i := range around.selector.matchers {
			if by := &around.selector.matchers[i]; by.changing {
				l.b.report(m.at, m.path, "lines are joined before labels are changed: let the match around it select by another label than %s", by.name)
				return
			}
		}
	}
	l.b.pipeline.groupings = append(l.b.pipeline.groupings, grouping{in.matches, m})
}

// note notes which labels a stage may change.
func (l *lifter) note(s step) {
	switch s := s.(type) {
	case *labelAllow:
		l.allChanged = true
	case *labelDrop:
		for _, name := range s.names {
			l.changed[name] = true
		}
	case *labelsStage:
		for i := range s.list {
			l.changed[s.list[i].name] = true
		}
	case *metadataStage:
		for i := range s.list {
			l.changed[s.list[i].source] = true
		}
	case *staticLabels:
		for i := range s.list {
			l.changed[s.list[i].Name] = true
		}
	}
}

// unlink takes what joins lines out of the chain from n on to end.
func unlink(n, end *node) {
	for n != end {
		next := n.next
		if m, ok := n.step.(*match); ok && m.inner != nil {
			unlink(m.inner, next)
		}
		n.next = next.rest()
		n = next
	}
}

// rest returns the first stage from n on that does not join lines.
func (n *node) rest() *node {
	for n != nil {
		if _, ok := n.step.(*multiline); !ok {
			break
		}
		n = n.next
	}
	return n
}
