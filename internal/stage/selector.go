package stage

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/pattern"
)

// selector is a stream selector of LogQL with line filters behind it.
type selector struct {
	matchers []matcher
	filters  []filter
}

// matcher asks for a label.
type matcher struct {
	name, value string
	// expr is nil where the value itself is asked for.
	expr *regexp.Regexp
	not  bool
	// changing: stages before may set the label, so it is asked for each entry.
	changing bool
}

// filter asks for something in the line.
type filter struct {
	text []byte
	expr *pattern.Pattern
	not  bool
}

// decide answers as far as the labels of the container can.
func (s *selector) decide(labels *logs.Labels, stream logs.Stream) answer {
	result := yes
	for i := range s.matchers {
		m := &s.matchers[i]
		val := labels.Get(m.name)
		if m.name == streamLabel {
			val = stream.String()
		}
		switch {
		case m.changing:
			result = open
		case !m.matches(val):
			return no
		}
	}
	return result
}

// matches reports whether an entry is selected, given the answer of decide.
func (s *selector) matches(e *Entry, known answer) bool {
	if known == no {
		return false
	}
	if known == open {
		for i := range s.matchers {
			if m := &s.matchers[i]; m.changing && !m.matches(e.getLabel(m.name)) {
				return false
			}
		}
	}
	for i := range s.filters {
		f := &s.filters[i]
		if f.in(e.Line) == f.not {
			return false
		}
	}
	return true
}

func (f *filter) in(line []byte) bool {
	if f.expr != nil {
		return f.expr.MatchBytes(line)
	}
	return bytes.Contains(line, f.text)
}

func (m *matcher) matches(val string) bool {
	if m.expr != nil {
		return m.expr.MatchString(val) != m.not
	}
	return (val == m.value) != m.not
}

// selectorParser reads {name="value", other=~"expression"} |= "text" !~ "expression".
type selectorParser struct{ rest string }

func parseSelector(text string) (*selector, error) {
	p := selectorParser{text}
	s := &selector{}
	if !p.take("{") {
		return nil, p.expected("{")
	}
	for !p.take("}") {
		if len(s.matchers) > 0 && !p.take(",") {
			return nil, p.expected(`, or }`)
		}
		if len(s.matchers) > 0 && p.take("}") {
			break
		}
		m, err := p.matcher()
		if err != nil {
			return nil, err
		}
		s.matchers = append(s.matchers, m)
	}
	for p.space(); p.rest != ""; p.space() {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
	}
	return s, nil
}

func (p *selectorParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *selectorParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

func (p *selectorParser) expected(what string) error {
	p.space()
	at := p.rest
	if len(at) > 20 {
		at = at[:20]
	}
	if at == "" {
		return fmt.Errorf("expected %s at the end", what)
	}
	return fmt.Errorf("expected %s at %q", what, at)
}

func (p *selectorParser) matcher() (matcher, error) {
	p.space()
	n := 0
	for n < len(p.rest) && validName(p.rest[:n+1]) {
		n++
	}
	m := matcher{name: p.rest[:n]}
	if n == 0 {
		return m, p.expected("the name of a label")
	}
	p.rest = p.rest[n:]
	expr := false
	switch {
	case p.take("=~"):
		expr = true
	case p.take("!~"):
		expr, m.not = true, true
	case p.take("!="):
		m.not = true
	case !p.take("="):
		return m, p.expected("= != =~ or !~")
	}
	var err error
	if m.value, err = p.quoted(); err == nil && expr {
		if m.expr, err = regexp.Compile("^(?:" + m.value + ")$"); err != nil {
			err = fmt.Errorf("label %s: %w", m.name, err)
		}
	}
	return m, err
}

func (p *selectorParser) filter() (f filter, err error) {
	expr := false
	switch {
	case p.take("|="):
	case p.take("|~"):
		expr = true
	case p.take("!="):
		f.not = true
	case p.take("!~"):
		expr, f.not = true, true
	default:
		return f, p.expected("|= != |~ or !~; other parts of LogQL are not supported")
	}
	text, err := p.quoted()
	f.text = []byte(text)
	if err == nil && expr {
		f.expr, err = pattern.Compile(text)
	}
	return f, err
}

func (p *selectorParser) quoted() (string, error) {
	p.space()
	text, err := strconv.QuotedPrefix(p.rest)
	if err != nil || text[0] == '\'' {
		return "", p.expected("a text in quotes")
	}
	p.rest = p.rest[len(text):]
	return strconv.Unquote(text)
}
