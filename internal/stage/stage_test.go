package stage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/nearest"
)

var base = logs.NewLabels(map[string]string{"container": "shop", "app": "a", "host": "h"}, map[string]string{"container_id": "1"})

func nodes(t testing.TB, text string) []*yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0].Content
}

func compile(t testing.TB, text string) *Pipeline {
	t.Helper()
	p, err := Compile(nodes(t, text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start is a time at which second, minute and hour of the log begin.
const start = int64(1_795_953_600_000_000_000)

// text is an entry as the tables below have it: labels that differ, metadata, line.
func (e *Entry) text() string {
	var b strings.Builder
	for _, l := range e.Labels.Pairs {
		if base.Get(l.Name) != l.Value {
			fmt.Fprintf(&b, "%s=%s ", l.Name, l.Value)
		}
	}
	for _, l := range base.Pairs {
		if e.Labels.Get(l.Name) == "" {
			fmt.Fprintf(&b, "-%s ", l.Name)
		}
	}
	for _, l := range e.Metadata {
		fmt.Fprintf(&b, "{%s=%s} ", l.Name, l.Value)
	}
	if e.Tenant != "" {
		fmt.Fprintf(&b, "@%s ", e.Tenant)
	}
	if e.Time != e.docker {
		fmt.Fprintf(&b, "%+dns ", e.Time-e.docker)
	}
	return b.String() + string(e.Line)
}

func TestStages(t *testing.T) {
	for _, c := range stageTable {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			r := newReading(compile(t, c.stages), logs.Position{}, func(e *Entry) { got = append(got, e.text()) })
			if r.run == nil {
				t.Fatal("no stage concerns it")
			}
			for i, line := range c.in { // a second apart
				r.add(start+int64(i)*1e9, logs.Stdout, line)
			}
			r.end()
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\ninstead of\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if !r.addsUp() {
				t.Errorf("%d read, %d sent, %d joined, dropped %v", r.read, r.sent, r.joined, r.dropped)
			}
		})
	}
}

// TestRule: the rule that has dropped an entry is known until the next one.
func TestRule(t *testing.T) {
	p := compile(t, "- drop: {expression: x, drop_counter_reason: why}\n- min_level: warn")
	r := p.For(base)
	for _, c := range []struct{ line, rule string }{{"x", "why"}, {"y", ""}, {"INFO y", "min_level"}, {"ERROR y", ""}} {
		if send := r.Process(&Entry{Time: start, Line: []byte(c.line), Labels: base}); send != (c.rule == "") || r.Rule() != c.rule {
			t.Errorf("%s: %v by %q", c.line, send, r.Rule())
		}
		if c.rule != "" && !slices.Contains(p.rules, c.rule) {
			t.Errorf("%q is not among %q", c.rule, p.rules)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ stages, want string }{
		{"- jsn: {}", `1:3: pipeline_stages[0]: there is no stage "jsn"; did you mean "json"?`},
		{"- json:\n    expression: {a: b}", `2:5: pipeline_stages[0].json: there is no "expression"; did you mean "expressions"?`},
		{"- json: {expressions: {a: 'b || c'}}", `only names`},
		{"- json: {expressions: {a: 'b[*].c'}}", `neither * nor filters`},
		{"- json: {expressions: {a: a-b}}", `has to be quoted`},
		{"- regex: {expression: '('}", `pipeline_stages[0].regex.expression: cannot use the expression`},
		{"- regex: {expression: 'abc'}", `no named group`},
		{"- regex: {}", `expression is missing`},
		{"- match: {selector: '{a=\"b\"', stages: []}", `cannot use the selector`},
		{"- match: {selector: '{a=\"b\"} | json', stages: [{docker: }]}", `other parts of LogQL`},
		{"- docker: {}\n- match:\n    selector: '{a=\"b\"}'\n    stages:\n    - json: {expressions: {a: }}\n    - labls: {a: }", `6:7: pipeline_stages[1].match.stages[1]: there is no stage "labls"; did you mean "labels"?`},
		{"- match: {selector: '{}', action: drop, stages: [{docker: }]}", `needs no stages`},
		{"- match: {selector: '{}'}", `stages are missing`},
		{"- match: {selector: '{}', action: jump}", `keep or drop`},
		{"- labels: {a-b: }", `no name for a label`},
		{"- labels: {stream: x}", `label stream`},
		{"- labels: [a]", `expected a map`},
		{"- drop: {}", `one of source`},
		{"- drop: {value: x}", `needs source`},
		{"- drop: {source: a, value: x, expression: y}", `cannot both`},
		{"- drop: {longer_than: big}", `a size like 8KB`},
		{"- drop: {older_than: 1y}", `a duration like`},
		{"- sampling: {rate: 2}", `from 0 to 1`},
		{"- limit: {rate: 1, burst: 1}", `drop: true`},
		{"- tenant: {}", `one of label`},
		{"- timestamp: {source: a}", `format is missing`},
		{"- timestamp: {source: a, format: RFC3339, location: Mars/Base}", `no time zone`},
		{"- template: {source: a, template: '{{ now }}'}", `function "now" not defined`},
		{"- multiline: {}", `firstline is missing`},
		{"- multiline: {firstline: x, max_lines: 0}", `whole number`},
		{"- min_level: loud", `no level "loud"`},
		{"- redact: {presets: [tokns]}", `did you mean "tokens"?`},
		{"- redact: {patterns: ['a*']}", `matches where there is nothing`},
		{"- parser: jav", `did you mean "java"?`},
		{"- metrics: {}", `recording rules`},
		{"- [a]", `expected a stage`},
		{"- a: &x 1\n- b: *x", `there is no stage`},
		{"- replace: {expression: a, replace: b}", `captured in parentheses`},
	} {
		_, err := Compile(nodes(t, c.stages), Options{Nearest: nearest.Name})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v\ninstead of %s", c.stages, err, c.want)
		}
	}
	// All at once, in the order of the file.
	_, err := Compile(nodes(t, "- jsn: {}\n- regex: {expression: '(', sorce: x}\n- drop: {}"), Options{Nearest: nearest.Name})
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "1:") || !strings.HasPrefix(lines[1], "2:") || !strings.HasPrefix(lines[3], "3:") {
		t.Errorf("%v", err)
	}
}

func TestNothingToDo(t *testing.T) {
	if p := compile(t, ""); p.For(base) != nil {
		t.Error("no stages, and yet a run")
	}
	p := compile(t, "- docker: {}\n- cri: {}")
	if p.For(base) != nil || len(p.Notes()) != 2 {
		t.Errorf("%v", p.Notes())
	}
	p = compile(t, `
- match: {selector: '{container="other"}', action: drop}
- match: {selector: '{stream="stderr",app!="a"} |= "x"', action: drop}`)
	if p.For(base) != nil {
		t.Error("no selector matches, and yet a run")
	}
	if p.For(logs.NewLabels(map[string]string{"container": "other"}, nil)) == nil {
		t.Error("a selector matches, and no run")
	}
}

func TestSelectors(t *testing.T) {
	for _, c := range []struct {
		selector string
		stderr   bool
		want     bool
	}{
		{`{container="shop"}`, false, true}, {`{container!="shop"}`, false, false}, {`{container=~"sh.*",app="a"}`, false, true},
		{`{container=~"sh"}`, false, false}, {`{missing=""}`, false, true}, {`{missing!~".+"}`, false, true}, {"{app=`a`,}", false, true},
		{`{stream="stderr"}`, false, false}, {`{stream="stderr"}`, true, true}, {`{} |= "GET" != "health"`, false, true},
		{`{} |~ "(?i)get" !~ "POST|PUT"`, false, true}, {`{} != "GET"`, false, false}, {`{}|="\"q\""`, false, true},
	} {
		s, err := parseSelector(c.selector)
		if err != nil {
			t.Errorf("%s: %v", c.selector, err)
			continue
		}
		e := Entry{Labels: base, Line: []byte(`GET "q" /`)}
		if c.stderr {
			e.Stream = logs.Stderr
		}
		if got := s.matches(&e, s.decide(base, e.Stream)); got != c.want {
			t.Errorf("%s: %v", c.selector, got)
		}
	}
	for _, bad := range []string{"", "{", "{a}", `{a="b"`, `{a="b" c="d"}`, `{a="b"} "x"`, `{a='b'}`, `{a=~"("}`, `{a="b"} |~ "("`, `{1="b"}`, `a="b"`} {
		if _, err := parseSelector(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// yamlNodes are the stages of a text that may be anything.
func yamlNodes(text string) []*yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.SequenceNode {
		return nil
	}
	return doc.Content[0].Content
}
