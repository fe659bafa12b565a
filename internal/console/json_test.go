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
