package stage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/go-logfmt/logfmt"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/preset"
)

// everything is a pipeline with every stage in it.
const everything = `
- parser: python
- decolorize:
- json: {expressions: {a: , b: b.c, d: 'd[1].e', level: }}
- logfmt: {mapping: {a: , msg: , lvl: }}
- regex: {expression: '^(?P<t>\d+)(?P<rest>.*)'}
- timestamp: {source: t, format: Unix, fallback_formats: [RFC3339, 'Jan 2 15:04:05', UnixMs]}
- match: {selector: '{} |= "x" !~ "y+"', stages: [{labels: {a: }}, {match: {selector: '{a="1"}', stages: [{tenant: {label: a}}]}}]}
- template: {source: n, template: '{{ .a | trunc 5 }}{{ .rest }}'}
- replace: {expression: '(\d+)-(\d+)', replace: '{{ .Value | ToUpper }}'}
- structured_metadata: {b: , n: }
- redact: [tokens, cards, mails, addresses]
- output: {source: msg}
- drop: {source: [a, b], expression: 'zz'}
- limit: {rate: 1000, burst: 1000, drop: true}
- level:`

// FuzzPipeline: whatever comes in, the counts add up, and labels stay valid for Loki.
func FuzzPipeline(f *testing.F) {
	for _, c := range stageTable {
		for _, line := range c.in {
			f.Add([]byte(line), []byte("Traceback (most recent call last):"))
		}
	}
	p := compile(f, everything)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r := newReading(p, logs.Position{}, func(e *Entry) {
			for i := 1; i < len(e.Metadata); i++ {
				if e.Metadata[i-1].Name >= e.Metadata[i].Name {
					t.Fatalf("not sorted: %v", e.Metadata)
				}
			}
			if !e.Labels.Valid() {
				t.Fatalf("%v", e.Labels.Pairs)
			}
		})
		for i, line := range [][]byte{a, b, a, b} {
			r.add(start+int64(i), logs.Stream(i/3), string(line))
		}
		r.end()
		if r.read != 4 || !r.addsUp() {
			t.Fatalf("%d sent, %d joined, dropped %v", r.sent, r.joined, r.dropped)
		}
		// What comes in is not changed in place.
		in := bytes.Clone(a)
		r.run.Process(&Entry{Time: start, Line: a, Labels: base})
		if !bytes.Equal(in, a) {
			t.Fatal("the line was changed in place")
		}
	})
}

// FuzzLogfmt: the pairs are those that go-logfmt reads.
func FuzzLogfmt(f *testing.F) {
	for _, s := range []string{`a=b c="d e" f`, `a="\u00e9\n" b=`, `=x`, `a=b=c`, `a="b`, "a=1\nb=2", "\xff=1", `a"b`, `é="x"`, `a="\x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if bytes.ContainsAny([]byte(line), "\n\r") || len(line) > 60<<10 || bytes.Contains([]byte(line), []byte(`\u`)) || bytes.Contains([]byte(line), []byte(`\'`)) {
			return // the library reads several lines, and half pairs of UTF-16 in its own way
		}
		var want []string
		d := logfmt.NewDecoder(bytes.NewReader([]byte(line)))
		for d.ScanRecord() {
			for d.ScanKeyval() {
				want = append(want, string(d.Key()), string([]rune(string(d.Value()))))
			}
		}
		var got []string
		for s := (logfmtScanner{rest: []byte(line)}); s.scan(); {
			got = append(got, string(s.key), string([]rune(string(s.value))))
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %q instead of %q", line, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%q: %q instead of %q", line, got, want)
			}
		}
	})
}

// FuzzJSON: what is extracted of valid JSON is what encoding/json finds.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":"b"}`, `{"a":1.5e3}`, `{"a":null}`, `{"a":"\ud83d\ude00\ud800"}`, `{"a":{"b":[1]},"a":true}`, ` {"a" : "x" } `} {
		f.Add(s)
	}
	p := compile(f, "- json: {expressions: {a: }}")
	f.Fuzz(func(t *testing.T, line string) {
		r := p.For(base)
		e := Entry{Time: start, Line: []byte(line), Labels: base}
		r.Process(&e)
		var data map[string]any
		if json.Unmarshal([]byte(line), &data) != nil || data == nil {
			return
		}
		got, ok := r.get(&e, 0)
		if want, is := data["a"].(string); is && string([]rune(string(got))) != want { // a U+FFFD for each byte that is no UTF-8
			t.Fatalf("%q: %q instead of %q", line, got, want)
		} else if data["a"] == nil && ok {
			t.Fatalf("%q: %q instead of nothing", line, got)
		}
	})
}

// FuzzQuick: what the quick way takes of an object is what the library finds in it.
func FuzzQuick(f *testing.F) {
	for _, s := range []string{
		jsonLine, `{"a":"b"}`, `{}`, `{ }`, `{"a":1.5e3,"b":{"c":"}\""},"d":[1,{"e":"]"}]}`, `{"a":"\\"}`, `{"a":tru}`, `{"a":true,}`, `{"a":1 "b":2}`,
		`{"a\u0041":1}`, `{"a":"x","a":null}`, ` {"a" : [ ] , "b" : { "c" : -1 } } `, `{"a":1}{"a":2}`, `{"b":{"c":1,"c":{}}}`, `{"d":[1,2`, `{"a":12x}`, `{"a":"\ud800"}`,
	} {
		f.Add(s)
	}
	p := compile(f, "- json: {expressions: {a: , b: b.c, d: 'd[1].e', level: , x: 'd[-1]'}}")
	tree := p.head.step.(*jsonStage).paths
	f.Fuzz(func(t *testing.T, line string) {
		in := bytes.TrimSpace([]byte(line))
		if len(in) < 2 || in[0] != '{' || in[len(in)-1] != '}' {
			return
		}
		take := func(how func(w walk) error) (out []string, failed bool) {
			r := p.For(base)
			e := Entry{Time: start, Line: in, Labels: base}
			r.begin(&e)
			w := walk{r: r, e: &e}
			tree.clear(&e, null)
			failed = how(w) != nil
			for _, s := range tree.names {
				out = append(out, fmt.Sprintf("%d %q", e.values[s].kind, e.values[s].bytes))
			}
			return out, failed
		}
		done := false
		got, failed := take(func(w walk) (err error) { done, err = w.quick(in, tree, 0); return err })
		if !done {
			return
		}
		want, fails := take(func(w walk) error { return w.object(in, tree, 0) })
		if failed != fails || !failed && !slices.Equal(got, want) {
			t.Fatalf("%q: %q (%v) instead of %q (%v)", in, got, failed, want, fails)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, c := range stageTable {
		f.Add(c.stages)
	}
	f.Add(everything)
	f.Add("- match: {selector: '{a=~\"b\"} |~ \"c\"', stages: [&x {json: *x}]}")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		defer func() {
			if err := recover(); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}()
		p, err := Compile(yamlNodes(text), Options{Level: true})
		if err == nil && p != nil {
			if joinsIn(p.head, nil) {
				t.Fatalf("%q: what joins lines is left among the stages", text)
			}
			if r := p.For(base); r != nil {
				r.Process(&Entry{Time: start, Line: []byte(`{"a":"b"} x=y`), Labels: base})
				r.Group(logs.Stdout)
			}
		}
	})
}

func FuzzPresets(f *testing.F) {
	f.Add([]byte("Traceback (most recent call last):"), uint8(1))
	f.Add([]byte(`[29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200`), uint8(0))
	f.Add([]byte(`{"t":{"$date":"2026"}}`), uint8(0))
	f.Fuzz(func(t *testing.T, line []byte, state uint8) {
		for _, name := range preset.Names() {
			p, _ := preset.Get(name)
			if p.Begins != nil {
				p.Begins(state%5, line)
			}
			p.Level(line)
			p.Time(line)
		}
	})
}
