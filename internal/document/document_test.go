package document

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// size is that of the files that are tried: what they cost grows with it, no faster.
const size = MaxSize / 4

// hostile are files that cost as much as they can.
var hostile = map[string]string{
	"lists":           "[" + strings.Repeat("[],", size/3-1) + "]",
	"items":           "a:\n" + strings.Repeat("- \n", size/3-2),
	"keys":            strings.Repeat("a:\n", size/3),
	"different keys":  keys(size / 10),
	"depth":           strings.Repeat("[", size),
	"deep blocks":     strings.Repeat("- ", size/2),
	"one text":        "a: " + strings.Repeat("x", size-8),
	"one key":         strings.Repeat("x", size-8) + ": a",
	"quotes":          `"` + strings.Repeat(`\n`, size/2-2) + `"`,
	"comments":        strings.Repeat("#\n", size/2),
	"anchors":         strings.Repeat("- &a\n", size/5),
	"billion laughs":  laughs(),
	"merged with all": "a: &a {b: c}\n" + strings.Repeat("? <<: *a\n", size/9-2),
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := range 30 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i)
	}
	return b.String()
}

// TestMemoryIsBounded: no file takes more than its size allows for, in all that is allocated
// on the way, and every problem has its place.
func TestMemoryIsBounded(t *testing.T) {
	const most = 100 << 20
	for name, text := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root, there, errs := Parse("x.yaml", []byte(text))
		if there {
			root.Whole()
			errs = append(errs, root.Problems()...)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > most {
			t.Errorf("%s: %d MiB were allocated", name, used>>20)
		}
		if len(errs) > maxProblems+1 {
			t.Errorf("%s: %d problems are reported", name, len(errs))
		}
	}
	if _, there, errs := Parse("x.yaml", make([]byte, MaxSize+1)); there || len(errs) != 1 || errs[0].Error() != "x.yaml: larger than 1 MiB: expected a configuration" {
		t.Errorf("got %v", errs)
	}
}

// read reads a small form with everything that a Value can.
func read(v Value) {
	text := Field{"text", func(v Value) { v.Text("a text") }}
	v.Fields("a form",
		text,
		Field{"list", func(v Value) {
			for _, item := range v.Items("a list") {
				item.Fields("a form", text)
			}
		}},
		Field{"kept", func(v Value) { v.Whole() }},
		Field{"number", func(v Value) {
			if !v.Scalar("!!int") {
				v.Expected("a number", "; such as 1")
			}
		}},
	)
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"text: 1\nlist: [{text: x}]\nkept: ~": "",
		"- a":                                 "x.yaml:1:1: expected a form, found a list",
		"a":                                   "x.yaml:1:1: expected a form, found a string",
		"&a {}":                               "x.yaml:1:1: anchors are not supported; put text that begins with & in quotes",
		"tetx: 1":                             `x.yaml:1:1: unknown key "tetx"; did you mean "text"?`,
		"x: 1\n---\na: b":                     "x.yaml:1:1: unknown key \"x\"; expected \"text\", \"list\", \"kept\" or \"number\"\nx.yaml:2:1: second document: expected only one",
		"number: 1.5":                         "x.yaml:1:9: number: expected a number, found a number; such as 1",
		"number: 2026-01-01":                  "x.yaml:1:9: number: expected a number, found a date; such as 1",
		"text:\ntext: a":                      "x.yaml:1:6: text: expected a text, found nothing; an empty text is \"\"\nx.yaml:2:1: duplicate key \"text\"; the first is on line 1",
		"list: [{}, {text: {}}, x]":           "x.yaml:1:19: list[1].text: expected a text, found a map\nx.yaml:1:24: list[2]: expected a form, found a string",
		"kept: [{a: b, a: c}, !x y]":          "x.yaml:1:15: kept[0]: duplicate key \"a\"; the first is on line 1\nx.yaml:1:22: kept[1]: tags are not supported; put text that begins with ! in quotes",
		"kept: {a: *x}":                       "x.yaml:1:11: aliases are not supported; put text that begins with * in quotes",
		"kept: [":                             "x.yaml:1:1: cannot parse: did not find expected node content",
	} {
		if got := problemsOf(text); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}

func problemsOf(text string) string {
	root, there, errs := Parse("x.yaml", []byte(text))
	if there {
		read(root)
	}
	var lines []string
	if root.Node != nil {
		errs = append(root.Problems(), errs...)
	}
	for _, err := range errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

var place = regexp.MustCompile(`^x\.yaml:[1-9][0-9]*:[1-9][0-9]*: [^\n]+$`)

// FuzzDocument: nothing panics, every problem has a place and one line, and what is kept as
// it is can be decoded.
func FuzzDocument(f *testing.F) {
	f.Add([]byte("text: 1\nlist: [{text: x}]\nkept: {a: [b, {c: d}]}\n"))
	for _, text := range hostile {
		f.Add([]byte(text[:min(len(text), 200)]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if text := problemsOf(string(data)); text != "" {
			for line := range strings.SplitSeq(text, "\n") {
				if !place.MatchString(line) {
					t.Errorf("%q: error %q", data, line)
				}
			}
		}
		root, there, _ := Parse("x.yaml", data)
		if !there || !root.Whole() {
			return
		}
		var out any
		if err := root.Node.Decode(&out); err != nil {
			t.Errorf("%q cannot be decoded: %v", data, err)
		}
	})
}
