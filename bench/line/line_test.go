package line

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestRecordIsText(t *testing.T) {
	m := NewMaker(7)
	escaped, size, n := 0, 0, 20000
	for i := range n {
		h := Header{Written: 1764000000000000000 + int64(i), Container: 42, Number: i}
		at := h.Written + int64(i%1000)*1000
		record := m.AppendRecord(nil, h, at)
		size += len(record)
		var fields struct {
			Log, Stream string
			Time        time.Time
		}
		if err := json.Unmarshal(record, &fields); err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		text, stderr := m.Text(h)
		if fields.Log != string(text)+"\n" || (fields.Stream == "stderr") != stderr || fields.Time.UnixNano() != at {
			t.Fatalf("record %s\ntext %s", record, text)
		}
		if got, ok := Parse(text); !ok || got != h {
			t.Fatalf("parsed %+v %t, want %+v", got, ok, h)
		}
		if strings.Count(string(record), `\`) > 1 { // the line feed is always one
			escaped++
		}
	}
	if share := float64(escaped) / float64(n); share < 0.77 || share > 0.83 {
		t.Errorf("%.2f of the lines have escapes, want 0.8", share)
	}
	if mean := float64(size) / float64(n); mean < 244 || mean > 254 {
		t.Errorf("a record has %.1f bytes on average, want 249", mean)
	}
}

func TestJSONRecordIsText(t *testing.T) {
	m, debug := NewJSONMaker(7), 0
	const n = 5000
	for i := range n {
		h := Header{Written: 1764000000000000000 + int64(i), Container: 42, Number: i}
		var fields struct{ Log, Stream string }
		record := m.AppendRecord(nil, h, h.Written)
		if err := json.Unmarshal(record, &fields); err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		text, stderr := m.Text(h)
		if fields.Log != string(text)+"\n" || (fields.Stream == "stderr") != stderr {
			t.Fatalf("record %s\ntext %s", record, text)
		}
		var said struct{ Level, Msg, Path, ID string }
		if err := json.Unmarshal(text, &said); err != nil || said.Msg == "" || said.Path == "" || len(said.ID) != 17 {
			t.Fatalf("%s: %v", text, err)
		}
		if got, ok := Parse(text); !ok || got != h {
			t.Fatalf("parsed %+v %t, want %+v", got, ok, h)
		}
		if m.Debug(h) != (said.Level == "debug") {
			t.Fatalf("debug is %t of %s", m.Debug(h), text)
		}
		if said.Level == "debug" {
			debug++
		}
	}
	if debug < n/10 || debug > n/5 {
		t.Errorf("%d of %d lines have the level debug, want a seventh", debug, n)
	}
}

func TestSpreadRecordsAreText(t *testing.T) {
	m, plain := NewSpreadMaker(7), NewJSONMaker(7)
	for i := range 500 {
		h := Header{Written: 1764000000000000000 + int64(i), Container: 42, Number: i}
		text, stderr := m.Text(h)
		want, _ := plain.Text(h)
		if compact := strings.ReplaceAll(string(text), "\n  ", ""); compact != string(want) {
			t.Fatalf("%s\nis not %s", compact, want)
		}
		var parts []string
		for record := range strings.Lines(string(m.AppendRecord(nil, h, h.Written))) {
			var fields struct {
				Log, Stream string
				Time        time.Time
			}
			if err := json.Unmarshal([]byte(record), &fields); err != nil {
				t.Fatalf("%s: %v", record, err)
			}
			if (fields.Stream == "stderr") != stderr || fields.Time.UnixNano() != h.Written+int64(len(parts)) {
				t.Fatalf("record %d is %s", len(parts), record)
			}
			parts = append(parts, fields.Log)
		}
		if len(parts) != 4 || strings.Join(parts, "") != string(text)+"\n" {
			t.Fatalf("%q is not %q", parts, text)
		}
		if got, ok := Parse(text); !ok || got != h {
			t.Fatalf("parsed %+v %t, want %+v", got, ok, h)
		}
		if m.Debug(h) != plain.Debug(h) || !json.Valid(text) {
			t.Fatalf("%s", text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good, _ := NewMaker(1).Text(Header{Written: 1764000000000000000, Container: 1, Number: 1})
	for i := range HeaderSize {
		bad := []byte(string(good))
		bad[i] = 'x'
		if _, ok := Parse(bad); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, ok := Parse(good[:HeaderSize-1]); ok {
		t.Error("half a header is accepted")
	}
}

func TestTallySeesChanges(t *testing.T) {
	sum := func(lines ...string) Tally {
		var out Tally
		for i, l := range lines {
			out.Add([]byte(l), int64(i/2))
		}
		return out
	}
	want := sum("a", "b", "c", "d")
	for name, got := range map[string]Tally{
		"changed": sum("a", "b", "c", "e"), "lost": sum("a", "b", "c"), "times exchanged": sum("c", "b", "a", "d"),
	} {
		if got == want {
			t.Errorf("%s: equal sums", name)
		}
	}
	if sum("b", "a", "d", "c") != want {
		t.Error("order matters")
	}
}

func TestLedger(t *testing.T) {
	l := make(Ledger)
	l.Of(3).Add([]byte("x"), 1)
	l.Of(3).Add([]byte("y"), 2)
	l.Of(4).Add([]byte("x"), 3)
	if l.Lines() != 3 || l.Of(3).Lines != 2 || l.Of(4).Lines != 1 {
		t.Errorf("%v", l)
	}
}
