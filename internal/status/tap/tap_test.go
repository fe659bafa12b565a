package tap

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

// batch has lines of a container.
func batch(id string, lines ...string) *logs.Batch {
	labels := logs.NewLabels(map[string]string{"container": id}, nil)
	b := &logs.Batch{}
	for i, line := range lines {
		b.Add(labels, logs.Entry{Time: int64(i), Line: []byte(line), Stream: logs.Stderr})
	}
	b.Groups[0].Container = id
	return b
}

func TestLook(t *testing.T) {
	tap, now := New(), time.Now()
	tap.Sent(batch("web", "before"))
	if seen, err := tap.Look("web", now); err != nil || seen.Total != 0 || seen.Lines == nil {
		t.Fatalf("%+v, %v", seen, err)
	}
	sent := batch("web", "one", "two")
	tap.Sent(sent)
	tap.Sent(batch("other", "not this"))
	sent.Groups[0].Text[0] = 'X' // its memory is used again
	seen, err := tap.Look("web", now)
	if err != nil || seen.Total != 2 || len(seen.Lines) != 2 || seen.Lines[0].Text != "one" || seen.Lines[1].Stream != "stderr" {
		t.Errorf("%+v, %v", seen, err)
	}
}

// TestTooMuch: what is too much is counted and left out, and a long line is cut between
// characters.
func TestTooMuch(t *testing.T) {
	tap, now := New(), time.Now()
	_, _ = tap.Look("web", now)
	var lines []string
	for i := range 3 * keptLines {
		lines = append(lines, fmt.Sprint(i))
	}
	tap.Sent(batch("web", lines...))
	tap.Sent(batch("web", strings.Repeat("ü", lineBytes)))
	seen, _ := tap.Look("web", now)
	if seen.Total != 3*keptLines+1 || len(seen.Lines) != keptLines || seen.LeftOut != 2*keptLines+1 {
		t.Errorf("%d lines, %d in all, %d left out", len(seen.Lines), seen.Total, seen.LeftOut)
	}
	last := seen.Lines[keptLines-1]
	if len(last.Text) > lineBytes || last.Cut != 2*lineBytes-len(last.Text) || !utf8.ValidString(last.Text) || seen.Lines[0].Text != fmt.Sprint(2*keptLines+1) {
		t.Errorf("%d bytes, %d cut; the first is %q", len(last.Text), last.Cut, seen.Lines[0].Text)
	}
}

// TestBound: there are only so many containers at a time, and one that nobody asks for any
// more makes room.
func TestBound(t *testing.T) {
	tap, now := New(), time.Now()
	for i := range maxWatches {
		if _, err := tap.Look(fmt.Sprint(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tap.Look("more", now); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	now = now.Add(forgetAfter + time.Second)
	if _, err := tap.Look("more", now); err != nil || len(tap.watches) != 1 {
		t.Errorf("%v, %d watches", err, len(tap.watches))
	}
	tap.Forget(now.Add(time.Hour))
	if tap.lookedAt.Load() || len(tap.watches) != 0 {
		t.Error("what nobody looks at is kept")
	}
}

// TestNobody: where nobody looks a batch costs nothing.
func TestNobody(t *testing.T) {
	tap, b := New(), batch("web", "a", "b")
	if n := testing.AllocsPerRun(100, func() { tap.Sent(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrently(t *testing.T) {
	tap := New()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				tap.Sent(batch("web", "a line"))
				_, _ = tap.Look([]string{"web", "other"}[i%2], time.Now())
			}
		})
	}
	wg.Wait()
}

func BenchmarkNobodyLooks(b *testing.B) {
	tap, sent := New(), batch("web", "a line")
	b.ReportAllocs()
	for b.Loop() {
		tap.Sent(sent)
	}
}

// BenchmarkLookedAt is a push with a thousand lines of a container that somebody looks at.
func BenchmarkLookedAt(b *testing.B) {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = strings.Repeat("x", 200)
	}
	tap, sent := New(), batch("web", lines...)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = tap.Look("web", time.Now())
		tap.Sent(sent)
	}
}
