package stage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestGroup: which of several groupings a stream has, told apart by their max_lines.
func TestGroup(t *testing.T) {
	for _, c := range []struct {
		name, stages string
		// want is of stdout and stderr, 0 for none.
		want string
	}{
		{"at the top", "- multiline: {firstline: x, max_lines: 2}", "2 2"},
		{"by default", "- multiline: {firstline: x}\n- json: {expressions: {a: }}", "128 128"},
		{"parser", "- parser: java", "1000 1000"},
		{"parser that joins nothing", "- parser: json", "0 0"},
		{"behind what changes no line", "- docker:\n- static_labels: {env: prod}\n- multiline: {firstline: x, max_lines: 2}", "2 2"},
		{"by stream", "- match: {selector: '{stream=\"stderr\"}', stages: [{multiline: {firstline: x, max_lines: 2}}]}", "0 2"},
		{"other container", "- match: {selector: '{container=\"other\"}', stages: [{parser: java}]}", "0 0"},
		{"first that applies", `
- match: {selector: '{container="other"}', stages: [{multiline: {firstline: x, max_lines: 2}}]}
- match: {selector: '{app=~"a|b"}', stages: [{match: {selector: '{stream="stdout"}', stages: [{cri: }, {multiline: {firstline: x, max_lines: 3}}]}}]}
- match: {selector: '{app="a"}', stages: [{multiline: {firstline: x, max_lines: 4}}]}
- multiline: {firstline: x, max_lines: 5}`, "3 4"},
		{"behind a match for others", `
- match: {selector: '{container="other"}', stages: [{json: {expressions: {a: }}}, {drop: {source: a}}]}
- match: {selector: '{container="other"} |= "x"', action: drop}
- match: {selector: '{container="shop"}', stages: [{multiline: {firstline: x, max_lines: 2}}, {json: {expressions: {a: }}}]}`, "2 2"},
		{"label that is changed later", `
- match: {selector: '{app="a"}', stages: [{multiline: {firstline: x, max_lines: 2}}]}
- labels: {app: other}
- labelallow: [stream]`, "2 2"},
		{"twice by a parser", "- multiline: {firstline: x, max_lines: 2}\n- parser: java", "2 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compile(t, c.stages).For(base)
			var got [logs.Streams]int
			for s := range got {
				if r == nil {
					break
				}
				if g := r.Group(logs.Stream(s)); g != nil {
					got[s] = g.Lines
				}
			}
			if fmt.Sprintf("%d %d", got[0], got[1]) != c.want {
				t.Errorf("%d instead of %s", got, c.want)
			}
			if p := compile(t, c.stages); joinsIn(p.head, nil) {
				t.Error("what joins lines is left among the stages")
			}
		})
	}
	p := compile(t, "- multiline: {firstline: x, max_lines: 2}\n- parser: java")
	if notes := p.Notes(); len(notes) != 1 || notes[0] != "pipeline_stages[1].parser: joins nothing: pipeline_stages[0].multiline joins the lines" {
		t.Error(notes)
	}
}

// joinsIn reports whether a stage that joins lines is in the chain from n on to end.
func joinsIn(n, end *node) bool {
	for ; n != end; n = n.next {
		switch s := n.step.(type) {
		case *multiline:
			return true
		case *match:
			if s.inner != nil && joinsIn(s.inner, n.next) {
				return true
			}
		}
	}
	return false
}

// TestGroupFollowsLabels: after a change of labels another grouping may apply.
func TestGroupFollowsLabels(t *testing.T) {
	p := compile(t, "- match: {selector: '{app=\"b\"}', stages: [{multiline: {firstline: x}}]}\n- level:")
	r := p.For(base)
	if r.Group(logs.Stdout) != nil {
		t.Error("joined")
	}
	r.Process(&Entry{Time: start, Line: []byte("x"), Labels: logs.NewLabels(map[string]string{"app": "b"}, nil)})
	if r.Group(logs.Stdout) == nil {
		t.Error("not joined")
	}
	// A run is there also where nothing but joining concerns the labels.
	if compile(t, "- multiline: {firstline: x}").For(base) == nil {
		t.Error("no run")
	}
}

// TestNotLifted: what cannot be done before all stages is a mistake.
func TestNotLifted(t *testing.T) {
	const (
		top   = "lines are joined before all stages: move it to the top, or into a match of its own"
		first = "lines are joined before all stages: make it the first stage of its match, and let only match stand before that"
	)
	for _, c := range []struct{ stages, want string }{
		{"- level:\n- multiline: {firstline: x}", "2:14: pipeline_stages[1].multiline: " + top},
		{"- level:\n- parser:\n    name: java", "3:5: pipeline_stages[1].parser: " + top},
		{"- limit: {rate: 1, burst: 1, drop: true}\n- multiline: {firstline: x}", "2:14: pipeline_stages[1].multiline: " + top},
		{"- match: {selector: '{app=\"b\"}', stages: [{level: }]}\n- multiline: {firstline: x}", "2:14: pipeline_stages[1].multiline: " + top},
		{"- match: {selector: '{app=\"b\"}', action: drop}\n- multiline: {firstline: x}", "2:14: pipeline_stages[1].multiline: " + top},
		{"- match: {selector: '{app=\"b\"}', stages: [{parser: java}]}\n- multiline: {firstline: x}", "2:14: pipeline_stages[1].multiline: " + top},
		{"- match:\n    selector: '{app=\"b\"}'\n    stages:\n    - level:\n    - multiline: {firstline: x}", "5:18: pipeline_stages[0].match.stages[1].multiline: " + first},
		{"- level:\n- match:\n    selector: '{app=\"b\"}'\n    stages:\n    - multiline: {firstline: x}", "5:18: pipeline_stages[1].match.stages[0].multiline: " + first},
		{"- match:\n    selector: '{}'\n    stages:\n    - match: {selector: '{app=\"b\"}', stages: [{level: }]}\n    - multiline: {firstline: x}", "5:18: pipeline_stages[0].match.stages[1].multiline: " + first},
		{"- match: {selector: '{} |= \"x\"', stages: [{match: {selector: '{app=\"b\"}', stages: [{parser: go}]}}]}", "take the line filter out of the selector of the match around it"},
		{"- static_labels: {env: x}\n- match: {selector: '{app=\"b\",env=\"x\"}', stages: [{parser: go}]}", "let the match around it select by another label than env"},
		{"- match: {selector: '{app=\"a\"}', stages: [{labelallow: [app]}]}\n- match: {selector: '{container=\"b\"}', stages: [{parser: go}]}", "let the match around it select by another label than container"},
		{"- multiline: {firstline: x}\n- multiline: {firstline: y}", "2:14: pipeline_stages[1].multiline: pipeline_stages[0].multiline joins the lines already: remove one of the two"},
		{"- multiline: {firstline: x}\n- match: {selector: '{app=\"b\"}', stages: [{multiline: {firstline: y}}]}", "pipeline_stages[0].multiline joins the lines already"},
	} {
		_, err := Compile(nodes(t, c.stages), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n%v\ninstead of %s", c.stages, err, c.want)
		}
	}
}

// TestSelectorsBeforeChanges: only a selector behind a stage that may change its label is
// asked for each entry.
func TestSelectorsBeforeChanges(t *testing.T) {
	for _, c := range []struct {
		before string
		want   bool
	}{
		{"- labels: {app: }", true}, {"- labels: {other: app}", false}, {"- static_labels: {app: x}", true},
		{"- labeldrop: [app]", true}, {"- labelallow: [app]", true}, {"- structured_metadata: {x: app}", true},
		{"- structured_metadata: {app: x}", false}, {"- match: {selector: '{}', stages: [{labels: {app: }}]}", true}, {"- level:", false},
	} {
		p := compile(t, c.before+"\n- match: {selector: '{app=\"a\"}', stages: [{labels: {app: }}]}\n- labels: {app: }")
		for _, s := range p.selectors {
			if len(s.matchers) > 0 && s.matchers[0].changing != c.want {
				t.Errorf("%s: %v", c.before, s.matchers[0].changing)
			}
		}
	}
}
