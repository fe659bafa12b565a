package stage

import (
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestTraceIsProcess: who looks at every stage gets what is sent.
func TestTraceIsProcess(t *testing.T) {
	for _, c := range stageTable {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, c.stages)
			a, b := p.For(base), p.For(base)
			if a == nil {
				t.Fatal("no stage concerns it")
			}
			for i, line := range c.in {
				fresh := func() *Entry { return &Entry{Time: start + int64(i)*1e9, Line: []byte(line), Labels: base} }
				one, other := fresh(), fresh()
				last := ViewOf(other)
				sent := a.Process(one)
				traced := b.Trace(other, func(s Step) {
					if s.Stage == "" || s.Took < 0 {
						t.Errorf("a step without a place: %+v", s)
					}
					last = s.After
				})
				if sent != traced || a.Rule() != b.Rule() || a.found != b.found || sent && one.text() != other.text() {
					t.Errorf("%q: sent %v %q as %q, traced %v %q as %q", line, sent, a.Rule(), one.text(), traced, b.Rule(), other.text())
				}
				if sent && (last.Line != string(one.Line) || last.Time != one.Time || last.Tenant != one.Tenant) {
					t.Errorf("%q: the last view is %+v, sent is %q", line, last, one.text())
				}
			}
		})
	}
}

// TestTraceMatch: a match says whether it did, and what is nested in it has its place.
func TestTraceMatch(t *testing.T) {
	r := compile(t, `
- match: {selector: '{container="shop"} |= "a"', stages: [{labels: {container: }}, {drop: {expression: b, drop_counter_reason: bees}}]}
- match: {selector: '{container="shop"} |= "z"', stages: [{decolorize: }]}
- match: {selector: '{container="shop"} |= "c"', action: drop}
- level:`).For(base)
	for line, want := range map[string]string{
		"a":  "stages[0].match+ stages[0].match.stages[0].labels stages[0].match.stages[1].drop stages[1].match- stages[2].match- stages[3].level",
		"ab": "stages[0].match+ stages[0].match.stages[0].labels stages[0].match.stages[1].drop",
		"c":  "stages[0].match- stages[1].match- stages[2].match+",
	} {
		var got []string
		r.Trace(&Entry{Time: start, Line: []byte(line), Labels: base}, func(s Step) {
			mark := ""
			if s.Conditional {
				mark = map[bool]string{true: "+", false: "-"}[s.Matched]
			}
			got = append(got, strings.Replace(s.Stage, "pipeline_stages", "stages", 1)+mark)
		})
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s\nwant %s", line, strings.Join(got, " "), want)
		}
	}
}

// TestView: labels are those of Loki, changed ones included.
func TestView(t *testing.T) {
	r := compile(t, `
- static_labels: {dc: north, app: ""}
- labeldrop: [host]
- structured_metadata: {container: }
- level:`).For(base)
	var last View
	e := &Entry{Time: start, Stream: logs.Stderr, Line: []byte("ERROR x"), Labels: base}
	r.Trace(e, func(s Step) { last = s.After })
	after := ViewOf(e)
	for _, v := range []View{last, after} {
		if v.Labels["dc"] != "north" || v.Labels["stream"] != "stderr" || v.Labels["host"] != "" || v.Metadata["detected_level"] != "error" || v.Metadata["container_id"] != "1" {
			t.Errorf("got %+v", v)
		}
	}
	if got := r.JoinedBy(logs.Stdout); got != "" {
		t.Errorf("joined by %q", got)
	}
	if got := compile(t, `[{match: {selector: '{app="a"}', stages: [{parser: java}]}}]`).For(base).JoinedBy(logs.Stdout); got != "pipeline_stages[0].match.stages[0].parser" {
		t.Errorf("joined by %q", got)
	}
}
