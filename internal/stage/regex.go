package stage

import "github.com/lighterman/lighterman/internal/stage/pattern"

// regexStage extracts the named groups of an expression.
type regexStage struct {
	source slot
	expr   *pattern.Pattern
	// to has the number of the name of each group, -1 for those without.
	to []slot
}

func newRegex(b *builder, f *fields) step {
	f.read("expression", "source")
	s := &regexStage{source: f.source(), expr: f.expression("expression")}
	if s.expr == nil {
		return s
	}
	named := false
	for _, name := range s.expr.SubexpNames() {
		if name == "" {
			s.to = append(s.to, -1)
			continue
		}
		named = true
		s.to = append(s.to, b.name(name))
	}
	if !named {
		f.at("expression", "the expression has no named group, like (?P<level>\\w+), so it extracts nothing")
	}
	return s
}

// expression compiles a field that must be there.
func (f *fields) expression(key string) *pattern.Pattern {
	text := f.needed(key)
	if text == "" {
		return nil
	}
	p, err := pattern.Compile(text)
	if err != nil {
		f.at(key, "cannot use the expression: %v", err)
		return nil
	}
	return p
}

func (s *regexStage) run(r *Run, e *Entry, n *node) *node {
	in, ok := r.input(e, s.source)
	if !ok || !s.expr.Possible(in) {
		return n.next
	}
	at := s.expr.FindSubmatchIndex(in)
	if at == nil {
		return n.next
	}
	for i, to := range s.to {
		if to < 0 {
			continue
		}
		var group []byte
		if at[2*i] >= 0 {
			group = in[at[2*i]:at[2*i+1]]
		}
		e.set(to, group)
	}
	return n.next
}
