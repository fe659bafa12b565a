package config

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// Test is lines, and what the stages are to make of them: lighterman check runs it.
type Test struct {
	Name string
	Pos  document.Pos
	// Container is whose lines they are, and Labels are those that it has in Loki beside
	// the usual ones.
	Container TestContainer
	Labels    map[string]string
	Input     []TestLine
	Expect    []TestEntry
}

// TestContainer is what a container of a test is.
type TestContainer struct {
	Name, Image string
	Labels      map[string]string
}

// TestLine is a line that goes in.
type TestLine struct {
	Line, Stream string
	// At is its time: After the one before, unless that is zero.
	At    time.Time
	After time.Duration
}

// TestEntry is what comes out. Only what is given is compared.
type TestEntry struct {
	Pos document.Pos
	// Given are the keys that are there.
	Line, Stream, Level, Tenant *string
	Time                        *time.Time
	// Labels and Metadata are those that are compared: a nil value is for one that must
	// not be there.
	Labels, Metadata map[string]*string
	// Dropped: it is dropped, by Rule, where that is not empty.
	Dropped bool
	Rule    string
}

// readTests reads the tests of the stages. They are for check alone: nobody else runs them.
func readTests(l *loader, v document.Value, _ *yaml.Node) {
	for _, item := range v.Items("a list of tests, such as {name: health, input: GET /health, expect: {dropped: health}}") {
		l.config.Tests = append(l.config.Tests, readTest(item))
	}
}

func readTest(v document.Value) Test {
	t := Test{Pos: v.Pos}
	before := v.Count()
	given := make(map[string]bool)
	field := func(name string, read func(document.Value)) document.Field {
		return document.Field{Name: name, Read: func(v document.Value) { given[name] = true; read(v) }}
	}
	v.Fields("a test, such as {name: health, input: GET /health, expect: {dropped: health}}",
		field("name", func(v document.Value) { t.Name, _ = v.Text("a name") }),
		field("container", func(v document.Value) { t.Container = readTestContainer(v) }),
		field("labels", func(v document.Value) { t.Labels = readTexts(v, true) }),
		field("input", func(v document.Value) { t.Input = readInput(v) }),
		field("expect", func(v document.Value) { t.Expect = readExpect(v) }),
	)
	if v.Count() > before || v.Node.Kind != yaml.MappingNode {
		return t
	}
	for _, name := range []string{"name", "input", "expect"} {
		if !given[name] {
			v.Fail("%s is missing", name)
		}
	}
	return t
}

// readTexts reads a map of names to texts. loki says that they are labels of Loki's.
func readTexts(v document.Value, loki bool) map[string]string {
	out := make(map[string]string)
	for p := range v.Pairs("a map of labels") {
		if loki && checkLabelName(p.Key.Node.Value) != nil {
			p.Key.Fail("%v", checkLabelName(p.Key.Node.Value))
			continue
		}
		if text, ok := p.Value.Text("a text"); ok {
			out[p.Key.Node.Value] = text
		}
	}
	return out
}

func readTestContainer(v document.Value) (c TestContainer) {
	if v.Node.Kind == yaml.ScalarNode {
		c.Name, _ = v.Text("the name of a container")
		return c
	}
	v.Fields("the name of a container, or {name: …, image: …, labels: {…}}",
		document.Field{Name: "name", Read: func(v document.Value) { c.Name, _ = v.Text("a name") }},
		document.Field{Name: "image", Read: func(v document.Value) { c.Image, _ = v.Text("an image") }},
		document.Field{Name: "labels", Read: func(v document.Value) { c.Labels = readTexts(v, false) }},
	)
	return c
}

// apart is how far lines are apart that have no time: near enough for all that joins lines.
const apart = time.Millisecond

// readInput reads lines: a text has one in each of its own.
func readInput(v document.Value) (out []TestLine) {
	add := func(v document.Value) {
		text, ok := v.Text("a line")
		if !ok {
			return
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			out = append(out, TestLine{Line: line, Stream: "stdout", After: apart})
		}
	}
	if v.Node.Kind == yaml.ScalarNode {
		add(v)
		return out
	}
	for _, item := range v.Items("a line, or a list of them") {
		if item.Node.Kind == yaml.ScalarNode {
			add(item)
			continue
		}
		line := TestLine{Stream: "stdout", After: apart}
		item.Fields("a line, or {line: …, stream: stderr, time: +2s}",
			document.Field{Name: "line", Read: func(v document.Value) { line.Line, _ = v.Text("a line") }},
			document.Field{Name: "stream", Read: func(v document.Value) { line.Stream = readStream(v) }},
			document.Field{Name: "time", Read: func(v document.Value) { readTime(v, &line) }},
		)
		if strings.Contains(line.Line, "\n") {
			item.Fail("a line has no line feed; begin each with a dash")
		}
		out = append(out, line)
	}
	return out
}

func readStream(v document.Value) string {
	text, ok := v.Text("stdout or stderr")
	if ok && text != "stdout" && text != "stderr" {
		v.Fail("expected stdout or stderr, found %s", document.Quote(text))
	}
	return text
}

// readTime reads a time, or how long after the line before it a line comes.
func readTime(v document.Value, to *TestLine) {
	const expected = "a time, such as 2026-01-02T15:04:05Z, or how long after the line before, such as +2s"
	if v.Node.Kind != yaml.ScalarNode {
		v.Expected(expected, "")
		return
	}
	text := v.Node.Value
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		to.At = at
		return
	}
	after, err := time.ParseDuration(text)
	if err != nil {
		v.Fail("expected %s, found %s", expected, document.Quote(text))
		return
	}
	to.After = after
}

// readExpect reads what comes out: an entry, or a list of them.
func readExpect(v document.Value) (out []TestEntry) {
	if v.Node.Kind != yaml.SequenceNode {
		return []TestEntry{readEntry(v)}
	}
	out = []TestEntry{}
	for _, item := range v.Items("a list of entries") {
		out = append(out, readEntry(item))
	}
	return out
}

func readEntry(v document.Value) TestEntry {
	e := TestEntry{Pos: v.Pos}
	text := func(to **string, expected string) func(document.Value) {
		return func(v document.Value) {
			if text, ok := v.Text(expected); ok {
				*to = &text
			}
		}
	}
	if v.Node.Kind == yaml.ScalarNode {
		text(&e.Line, "the line that is sent")(v)
		e.trim()
		return e
	}
	var keys []string
	field := func(name string, read func(document.Value)) document.Field {
		return document.Field{Name: name, Read: func(v document.Value) { keys = append(keys, name); read(v) }}
	}
	v.Fields("a line, or {line: …, labels: {…}, structured_metadata: {…}, level: …, dropped: …}",
		field("line", text(&e.Line, "the line that is sent")),
		field("stream", func(v document.Value) {
			stream := readStream(v)
			e.Stream = &stream
		}),
		field("labels", func(v document.Value) { e.Labels = readMaybe(v) }),
		field("structured_metadata", func(v document.Value) { e.Metadata = readMaybe(v) }),
		field("level", text(&e.Level, "a level")),
		field("tenant", text(&e.Tenant, "a tenant")),
		field("time", func(v document.Value) {
			at, err := time.Parse(time.RFC3339Nano, v.Node.Value)
			if err != nil {
				v.Fail("expected a time, such as 2026-01-02T15:04:05Z")
			}
			e.Time = &at
		}),
		field("dropped", func(v document.Value) {
			switch e.Dropped = true; {
			case v.Scalar("!!bool") && strings.EqualFold(v.Node.Value, "true"):
			case v.Scalar("!!bool"):
				v.Fail("expected the rule that drops it, or true for any; leave it out for an entry that is sent")
			default:
				e.Rule, _ = v.Text("the rule that drops it, or true for any")
			}
		}),
	)
	e.trim()
	if e.Dropped {
		for _, name := range keys {
			if !slices.Contains([]string{"dropped", "line", "stream"}, name) {
				v.Fail("an entry that is dropped has no %s", name)
			}
		}
	}
	return e
}

// trim takes the line feed away that a text of several lines ends with in YAML.
func (e *TestEntry) trim() {
	if e.Line != nil {
		line := strings.TrimSuffix(*e.Line, "\n")
		e.Line = &line
	}
}

// readMaybe reads labels: nothing in place of a value is for one that must not be there.
func readMaybe(v document.Value) map[string]*string {
	out := make(map[string]*string)
	for p := range v.Pairs("a map of names to values") {
		name := p.Key.Node.Value
		if p.Value.Scalar("!!null") {
			out[name] = nil
			continue
		}
		if text, ok := p.Value.Text("a value"); ok {
			out[name] = &text
		}
	}
	return out
}
