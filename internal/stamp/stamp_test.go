package stamp

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	var p Parser
	for _, s := range []string{
		"2025-11-07T12:00:00Z", "2025-11-07T12:00:59.1Z", "2025-11-07T12:01:00.123456789Z",
		"1679-01-01T00:00:00Z", "2261-12-31T23:59:59.999999999Z", "2024-02-29T23:59:59.000000001Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Parse([]byte(s)); !ok || got != want.UnixNano() {
			t.Errorf("%s: %d %v, want %d", s, got, ok, want.UnixNano())
		}
	}
	for _, s := range []string{
		"", "Z", "2025-11-07T12:00:00", "2025-11-07T12:00:60Z", "2025-11-07T12:00:0:Z", "2025-11-07T12:60:00Z",
		"2025-02-29T12:00:00Z", "2025-11-07T12:00:00.Z", "2025-11-07T12:00:00.1234567890Z", "2025-11-07T12:00:00,1Z",
		"2025-11-07T12:00:00.12x4Z", "1678-12-31T00:00:00Z", "2262-01-01T00:00:00Z", "2025-11-07T12:00:00+00:00",
	} {
		if got, ok := p.Parse([]byte(s)); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}

// TestParseNothingLearned: a parser that knows no minute yet takes no text for it.
func TestParseNothingLearned(t *testing.T) {
	var p Parser
	if got, ok := p.Parse([]byte(strings.Repeat("\x00", minuteLen) + ":00Z")); ok {
		t.Errorf("got %d", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2025-11-07T12:00:00.123Z")
	f.Add("2025-11-07T12:00:00.123456789Z")
	f.Fuzz(func(t *testing.T, s string) {
		var p Parser
		got, ok := p.Parse([]byte(s))
		if !ok {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || got != want.UnixNano() {
			t.Fatalf("%q: %d, want %v, %v", s, got, want, err)
		}
	})
}

// TestParseDoesNotAllocate keeps the hot path free of garbage.
func TestParseDoesNotAllocate(t *testing.T) {
	var p Parser
	text := []byte("2025-11-07T12:01:00.123456789Z")
	if n := testing.AllocsPerRun(100, func() { p.Parse(text) }); n > 0 {
		t.Errorf("%v allocations per timestamp", n)
	}
}

func BenchmarkParse(b *testing.B) {
	var p Parser
	text := []byte("2025-11-07T12:01:00.123456789Z")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.Parse(text); !ok {
			b.Fatal("not parsed")
		}
	}
}
