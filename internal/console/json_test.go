package console

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestJSON(t *testing.T) {
	l := logs.NewLabels(
		map[string]string{"container": "we\"b", "image": "app:1", "compose_project": "shop", "compose_service": "web", "host": "h"},
		map[string]string{"container_id": "0123", "image": "shadowed"})
	var b logs.Batch
	add(&b, l, logs.Stderr, time.Date(2026, 1, 2, 3, 4, 5, 60, time.UTC).UnixNano(), "tab\t<b>\r", "")
	got := printed(t, Options{}, &b)
	tail := `,"labels":{"compose_project":"shop","compose_service":"web","host":"h","image":"app:1","container_id":"0123"}}` + "\n"
	want := `{"time":"2026-01-02T03:04:05.000000060Z","container":"we\"b","stream":"stderr","line":"tab\t<b>\r"` + tail +
		`{"time":"2026-01-02T03:04:05.000000061Z","container":"we\"b","stream":"stderr","line":""` + tail
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not valid: %s", line)
		}
	}
}

// standard is what encoding/json makes of a string.
func standard(t *testing.T, s string) string {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func TestStringsAsTheStandardLibrary(t *testing.T) {
	samples := []string{"", "plain", "\u2028\u2029\u2027", "\xff\xe2\x82", "\ufffd", "🎉\xf0\x9f", "é\"\\/<>&", "a\xc0\xafb"}
	for c := range 256 {
		samples = append(samples, string(rune(c)), string([]byte{'a', byte(c), 'b'}))
	}
	for _, s := range samples {
		if got := string(appendString(nil, []byte(s))); got != standard(t, s) {
			t.Errorf("%q: got %s, want %s", s, got, standard(t, s))
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("plain \"quoted\"\n\u2028\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := string(appendString(nil, []byte(s))); got != standard(t, s) {
			t.Fatalf("%q: got %s, want %s", s, got, standard(t, s))
		}
	})
}

func BenchmarkPush(b *testing.B) {
	var batch logs.Batch
	for c := range 10 {
		l := named(strings.Repeat("n", c+1))
		for i := range 1000 {
			add(&batch, l, logs.Stdout, int64(i*10+c), "a line of quite usual length, as a web server writes it, with \"quotes\"")
		}
	}
	for name, format := range map[string]Format{"text": Text, "json": JSON} {
		b.Run(name, func(b *testing.B) {
			s := New(io.Discard, Options{Format: format})
			b.ReportAllocs()
			for b.Loop() {
				s.Push(b.Context(), &batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Entries), "ns/line")
		})
	}
}

// TestMetadataOfEntries: JSON has it among the labels, which win, and text does not.
func TestMetadataOfEntries(t *testing.T) {
	l := logs.NewLabels(map[string]string{"container": "web", "host": "h"}, map[string]string{"container_id": "0123"})
	with := func(pairs ...string) logs.Entry {
		var m logs.Metadata
		for i := 0; i < len(pairs); i += 2 {
			m = m.Append(pairs[i], pairs[i+1])
		}
		return logs.Entry{Line: []byte("x"), Extra: &logs.Extra{Tenant: "a", Metadata: m}}
	}
	var b logs.Batch
	b.Add(l, with())
	b.Add(l, with("level", "in\"fo", "host", "forged", "container_id", "forged"))
	b.Add(named("bare"), with("level", "warn", "trace", "1"))
	b.Add(named("bare"), logs.Entry{Line: []byte("y")})
	const begin = `{"time":"1970-01-01T00:00:00.000000000Z","container":"`
	want := begin + `web","stream":"stdout","line":"x","labels":{"host":"h","container_id":"0123"}}
` + begin + `web","stream":"stdout","line":"x","labels":{"host":"h","container_id":"0123","level":"in\"fo"}}
` + begin + `bare","stream":"stdout","line":"x","labels":{"level":"warn","trace":"1"}}
` + begin + `bare","stream":"stdout","line":"y","labels":{}}
`
	if got := printed(t, Options{Format: JSON}, &b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := printed(t, Options{Format: Text}, &b), "web   | x\nweb   | x\nbare  | x\nbare  | y\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestJSONOnATerminal: what could do something to a terminal, or be hidden on it, is
// escaped, and is the same to whoever reads the JSON.
func TestJSONOnATerminal(t *testing.T) {
	line := "\u009b31m\x7f\u202e\u200b\U000e0041é🎉\x1b[2J"
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, line)
	p := &jsonPrinter{terminal: true}
	p.begin(b.Groups)
	got := p.entry(nil, 0, 0)
	checkVisible(t, got[:len(got)-1])
	var read struct{ Line string }
	if err := json.Unmarshal(got, &read); err != nil || read.Line != line || !bytes.Contains(got, []byte("é🎉")) {
		t.Errorf("%v: %q from %s", err, read.Line, got)
	}
}

// TestRaw: a pipe gets lines as they are, a terminal harmless ones.
func TestRaw(t *testing.T) {
	line := "\x1b]0;x\x07\xff\r"
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, line)
	if got := printed(t, Options{Format: Raw}, &b); got != line+"\n" {
		t.Errorf("got %q", got)
	}
	p := &rawPrinter{terminal: true}
	p.begin(b.Groups)
	if got := string(p.entry(nil, 0, 0)); got != "^[]0;x^G\ufffd\n" {
		t.Errorf("got %q", got)
	}
}

func TestTemplate(t *testing.T) {
	var b logs.Batch
	l := logs.NewLabels(map[string]string{"container": "web", "compose_project": "shop", "team": "a\x1b[2J"}, map[string]string{"container_id": "0123"})
	add(&b, l, logs.Stderr, 1, "ERROR \x1b[31mred\x1b[2J\nforged")
	for text, want := range map[string]string{
		`{{.Container}} {{.Project}} {{.ID}} {{.Stream}} {{.Level}} {{.Line}}`: "web shop 0123 stderr error ERROR red^[[2J\n    forged\n",
		`{{.Time.Format "2006 MST"}} {{.Labels.team}}{{.Labels.none}}`:         "1970 UTC a^[[2J\n",
		`{{json .Container}} {{.Level | upper}}{{"\n"}}`:                       "\"web\" ERROR\n",
	} {
		made, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := printed(t, Options{Format: Templated, Template: made, Zone: time.UTC}, &b); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"{{", "{{.None}}", "{{none}}", `{{template "x"}}`} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	large, err := ParseTemplate(`{{printf "%60000s%60000s" "" ""}}{{printf "%60000s" ""}}{{.Line}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := printed(t, Options{Format: Templated, Template: large}, &b); len(got) > 2*mostMade || !strings.Contains(got, errTooMuch.Error()) || !strings.Contains(got, "ERROR red") {
		t.Errorf("%d bytes were made: %.80q", len(got), got[len(got)-80:])
	}
}
