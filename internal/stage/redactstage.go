package stage

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/stage/redact"
)

// redactStage takes secrets out of the line, or of an extracted value.
type redactStage struct {
	source   slot
	redactor *redact.Redactor
}

func newRedact(b *builder, f *fields) step {
	s := &redactStage{source: -1}
	var c redact.Config
	switch f.node.Kind {
	case yaml.ScalarNode, yaml.SequenceNode:
		// redact: tokens, and redact: [tokens, cards]
		f.keys = map[string]*yaml.Node{"presets": f.node}
		if empty(f.node) {
			f.keys = nil
		}
	default:
		f.read("presets", "patterns", "replace", "source")
		s.source = f.source()
		c.Replace = f.text("replace")
		c.Patterns = f.patterns()
	}
	known := redact.Presets()
	for _, name := range f.texts("presets") {
		if !contains(known, name) {
			f.at("presets", "there is no preset %q%s", name, b.hint(name, known))
			continue
		}
		c.Presets = append(c.Presets, name)
	}
	if len(c.Presets) == 0 && !f.given("presets") && !f.given("patterns") {
		f.report(f.node, "presets or patterns are needed; presets are tokens, cards, mails and addresses")
	}
	var err error
	if s.redactor, err = redact.New(c); err != nil {
		f.at("patterns", "cannot use a pattern: %v", err)
	}
	return s
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// patterns reads a list of expressions, each by itself or with a name.
func (f *fields) patterns() (out []redact.Pattern) {
	n := f.keys["patterns"]
	if n == nil || empty(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		f.at("patterns", "expected a list, found %s", found(n))
		return nil
	}
	for i, c := range n.Content {
		p := redact.Pattern{Name: "pattern_" + strconv.Itoa(i), Expression: c.Value}
		if c.Kind == yaml.MappingNode {
			sub := &fields{b: f.b, node: c, path: f.path + ".patterns[" + strconv.Itoa(i) + "]"}
			sub.read("name", "expression")
			p.Expression = sub.needed("expression")
			if name := sub.text("name"); name != "" {
				p.Name = name
			}
		}
		if p.Expression != "" {
			out = append(out, p)
		}
	}
	return out
}

func (s *redactStage) run(r *Run, e *Entry, n *node) *node {
	in, ok := r.input(e, s.source)
	if !ok {
		return n.next
	}
	out, buf, found := s.redactor.Redact(r.redacted[:0], in)
	if found == 0 {
		return n.next
	}
	// The next redact stage must not write where this line is.
	out, r.redacted = r.keep(out), buf[:0]
	if cap(buf) > maxScratch {
		r.redacted = nil
	}
	r.found += found
	if s.source >= 0 {
		e.set(s.source, out)
		return n.next
	}
	e.Line = out
	// What looks at the line as it was read must not bring the secret back.
	e.raw = out
	return n.next
}
