package stage

import (
	"text/template"
	"text/template/parse"

	"github.com/lighterman/lighterman/internal/stage/pattern"
)

// replace puts what a template makes of them in the place of the groups that an
// expression captures.
type replace struct {
	source slot
	expr   *pattern.Pattern
	// constant is the replacement where the template is plain text.
	constant []byte
	template *template.Template
	// named has the number of the name of each group, -1 for those without.
	named []slot
}

func newReplace(b *builder, f *fields) step {
	f.read("source", "expression", "replace")
	s := &replace{source: f.source(), expr: f.expression("expression")}
	s.template = f.template("replace")
	if s.expr == nil || s.template == nil {
		return s
	}
	if s.template.Tree == nil || len(s.template.Root.Nodes) == 0 {
		s.template, s.constant = nil, []byte{}
	} else if t, ok := s.template.Root.Nodes[0].(*parse.TextNode); ok && len(s.template.Root.Nodes) == 1 {
		s.template, s.constant = nil, t.Text
	}
	if s.expr.NumSubexp() == 0 {
		f.at("expression", "what is captured in parentheses is replaced, and the expression has none")
	}
	for _, name := range s.expr.SubexpNames() {
		if name == "" {
			s.named = append(s.named, -1)
		} else {
			s.named = append(s.named, b.name(name))
		}
	}
	return s
}

func (s *replace) run(r *Run, e *Entry, n *node) *node {
	in, ok := r.input(e, s.source)
	if !ok || !s.expr.Possible(in) {
		return n.next
	}
	all := s.expr.FindAllSubmatchIndex(in, -1)
	if all == nil {
		return n.next
	}
	var data map[string]string
	if s.template != nil {
		data = r.texts(e)
	}
	out := bounded{limit: maxOutput + len(in)}
	at := 0
	for i, m := range all {
		for g := 1; g < len(m)/2; g++ {
			from, to := m[2*g], m[2*g+1]
			if from < 0 {
				continue
			}
			repl, err := s.replacement(data, in[from:to])
			if err != nil {
				return n.next
			}
			// Groups in groups: the outer one has replaced them.
			if at == 0 || at <= from {
				if _, err := out.Write(in[at:from]); err != nil {
					return n.next
				}
				if _, err := out.Write(repl); err != nil {
					return n.next
				}
				at = to
			}
			if i == 0 && s.named[g] >= 0 {
				e.set(s.named[g], append([]byte(nil), repl...))
			}
		}
	}
	if _, err := out.Write(in[at:]); err != nil {
		return n.next
	}
	if s.source < 0 {
		e.Line = out.Bytes()
	} else {
		e.set(s.source, out.Bytes())
	}
	return n.next
}

func (s *replace) replacement(data map[string]string, captured []byte) ([]byte, error) {
	if s.template == nil {
		return s.constant, nil
	}
	data["Value"] = string(captured)
	out := bounded{limit: maxOutput}
	err := s.template.Execute(&out, data)
	return out.Bytes(), err
}

// texts returns what is extracted, for templates.
func (r *Run) texts(e *Entry) map[string]string {
	data := make(map[string]string, len(e.values)+len(e.Labels.Pairs))
	for _, l := range e.Labels.Pairs {
		data[l.Name] = l.Value
	}
	for s, name := range r.pipeline.names {
		if v, ok := r.get(e, slot(s)); ok {
			data[name] = string(v)
		} else {
			delete(data, name)
		}
	}
	return data
}
