package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

var file = logs.NewLabels(map[string]string{"filename": "/var/log/app", "host": "h"}, nil)

// inOrder compares lines, of which the last waiting ones are not acknowledged, with entries.
func inOrder(t *testing.T, config SequenceConfig, lines []string, waiting int, has []lokiquery.Entry) *Sequence {
	t.Helper()
	config.Source, config.Naming, config.Examples = having(has), []string{"filename", "host"}, 5
	if config.To == 0 {
		config.To = 1 << 60
	}
	s := NewSequence(config)
	defer s.Close()
	add := func(to func(context.Context, Stored) error) {
		for i, line := range lines {
			if err := to(t.Context(), Stored{Text: []byte(line), Labels: file, Waits: i >= len(lines)-waiting}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !config.Whole {
		add(s.Count)
		if err := s.Counted(); err != nil {
			t.Fatal(err)
		}
	}
	add(s.Add)
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSequenceModel: what was taken away, added and changed is counted so, wherever in the log
// the time begins that counts.
func TestSequenceModel(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 11))
		n, old, waiting := 300+rng.IntN(300), 0, rng.IntN(20)
		whole := seed%2 == 0
		if !whole {
			old = 50 + rng.IntN(100)
		}
		var lines []string
		var has []lokiquery.Entry
		var want Result
		at, fault := int64(1000), 0
		want.Edge = int64(old)
		const calm = 40 // lines at both ends of the time that are as they should be
		for k := range n {
			line := fmt.Sprintf("line %d", k)
			lines = append(lines, line)
			at += 1 + rng.Int64N(50)
			if k < old {
				continue
			}
			want.Entries++
			waits := k >= n-waiting
			e := lokiquery.Entry{Time: at, Line: line}
			if what := rng.IntN(30); !waits && k > old+calm && k < n-waiting-calm && k > fault+8 && what < 4 {
				fault = k
				switch what {
				case 0:
					want.Missing++
					continue
				case 1:
					want.Changed++
					e.Line = fmt.Sprintf("changed %d", k)
					has = append(has, e)
					continue
				case 2:
					want.Twice++
					has = append(has, e)
					at++
				case 3:
					want.Strange++
					at++
					has = append(has, lokiquery.Entry{Time: at, Line: fmt.Sprintf("strange %d", k)})
				}
				at++
				e.Time = at
			} else if waits && k >= n-waiting/2 {
				want.Waiting++
				continue
			}
			want.Found++
			has = append(has, e)
		}
		s := inOrder(t, SequenceConfig{Whole: whole}, lines, waiting, has)
		got := s.Result
		if !whole {
			// Where the time begins is known by the number of entries: as many lines as Loki lacks
			// or has too many may be taken for older, or not be found.
			off := want.Missing + want.Twice + want.Strange + int64(waiting)
			if diff := got.Edge - want.Edge; diff < -off || diff > off {
				t.Fatalf("seed %d: %d not compared, want %d within %d", seed, got.Edge, want.Edge, off)
			}
			got.Found, got.Entries, got.Edge = want.Found, want.Entries, want.Edge
		}
		checkCounts(t, seed, got, want)
	}
}

// TestSequenceAlike: lines that are often the same, and stretches that are missing, are counted
// right, though not which of equal ones it is.
func TestSequenceAlike(t *testing.T) {
	var lines []string
	var has []lokiquery.Entry
	for k := range 5000 {
		line := []string{"", "ping", "pong", fmt.Sprint("request ", k)}[k%4]
		lines = append(lines, line)
		if k < 700 || k >= 900 {
			has = append(has, lokiquery.Entry{Time: int64(k + 1), Line: line})
		}
	}
	s := inOrder(t, SequenceConfig{Whole: true}, lines, 0, has)
	if s.Result.Missing != 200 || s.Result.Found != 4800 || s.Result.Twice+s.Result.Strange+s.Result.Changed != 0 {
		t.Errorf("%+v", s.Result)
	}
}

// TestSequenceNothing: what was acknowledged within the time is missed, at least the last line,
// also where it is not known how many there were.
func TestSequenceNothing(t *testing.T) {
	lines := []string{"a", "b", "c", "d"}
	for whole, missing := range map[bool]int64{true: 3, false: 1} {
		s := inOrder(t, SequenceConfig{From: 10, Whole: whole, Newest: 20}, lines, 1, nil)
		if s.Result.Missing != missing || s.Result.Waiting != 1 || s.Result.Same() || s.Result.Examples[len(s.Result.Examples)-2].Kind != Missing && s.Result.Examples[0].Kind != Missing {
			t.Errorf("%+v", s.Result)
		}
	}
	if s := inOrder(t, SequenceConfig{From: 10, Newest: 5}, lines, 0, nil); !s.Result.Same() || s.Result.Edge != 4 {
		t.Errorf("from before the time: %+v", s.Result)
	}
}

// TestSequenceFormer: what Loki has of the file that had the name before is not counted.
func TestSequenceFormer(t *testing.T) {
	var has []lokiquery.Entry
	for k := range 3000 {
		has = append(has, lokiquery.Entry{Time: int64(k + 1), Line: fmt.Sprint("former ", k)})
	}
	has = append(has, lokiquery.Entry{Time: 4000, Line: "a"}, lokiquery.Entry{Time: 4001, Line: "late"}, lokiquery.Entry{Time: 4002, Line: "b"}, lokiquery.Entry{Time: 4003, Line: "not ours"}, lokiquery.Entry{Time: 4004, Line: "c"})
	for _, whole := range []bool{true, false} {
		s := inOrder(t, SequenceConfig{Whole: whole, Before: 4001, Most: 500}, []string{"a", "b", "c"}, 0, has)
		if s.Result.Found != 3 || s.Result.Strange != 1 || s.Result.Missing != 0 {
			t.Errorf("%+v", s.Result)
		}
	}
}

// TestSequenceNext: nor is what Loki has of the file that has the name now.
func TestSequenceNext(t *testing.T) {
	has := []lokiquery.Entry{{Time: 1, Line: "a"}, {Time: 2, Line: "strange"}, {Time: 3, Line: "b"}, {Time: 10, Line: "next"}, {Time: 11, Line: "c"}, {Time: 12, Line: "next"}}
	for _, whole := range []bool{true, false} {
		if s := inOrder(t, SequenceConfig{Whole: whole, After: 10}, []string{"a", "b", "c"}, 0, has); s.Result.Found != 3 || s.Result.Strange != 1 || s.Result.Missing+s.Result.Twice+s.Result.Changed != 0 {
			t.Errorf("%+v", s.Result)
		}
	}
}

// TestSequenceDisorder: lines that Loki has in another order are there.
func TestSequenceDisorder(t *testing.T) {
	var lines []string
	var has []lokiquery.Entry
	for k := range 1000 {
		lines = append(lines, fmt.Sprint("line ", k))
		has = append(has, lokiquery.Entry{Time: int64(k+1) * 10, Line: lines[k]})
	}
	for k := 400; k < 450; k++ { // the clock was set back, and forward again
		has[k].Time -= 2000
	}
	slices.SortFunc(has, func(a, b lokiquery.Entry) int { return int(a.Time - b.Time) })
	if s := inOrder(t, SequenceConfig{Whole: true}, lines, 0, has); !s.Result.Same() || s.Result.Found != 1000 {
		t.Errorf("%+v", s.Result)
	}
}

// TestSequenceMemory: what is held does not grow with what is compared, also where nothing is
// the same.
func TestSequenceMemory(t *testing.T) {
	const n, most = 200_000, 2000
	endless := func(text string) Source {
		return func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
			return func(yield func(lokiquery.Entry, error) bool) {
				for k := range n {
					if !yield(lokiquery.Entry{Time: int64(k + 1), Line: fmt.Sprint(text, k)}, nil) {
						return
					}
				}
			}
		}
	}
	for _, text := range []string{"line ", "other "} {
		s := NewSequence(SequenceConfig{Source: endless(text), Naming: []string{"filename"}, To: 1 << 60, Whole: true, Most: most})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for k := range n {
			if err := s.Add(t.Context(), Stored{Text: fmt.Append(nil, "line ", k), Labels: file}); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
			t.Errorf("%s: %d bytes more", text, grown)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if same := strings.HasPrefix(text, "line"); s.Result.Same() != same || s.Result.Entries != n {
			t.Errorf("%s: %+v", text, s.Result)
		}
	}
}

// TestSequenceFails: that Loki cannot be read is not a difference.
func TestSequenceFails(t *testing.T) {
	broken := errors.New("broken")
	s := NewSequence(SequenceConfig{Naming: []string{"filename"}, To: 10, Source: func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) { yield(lokiquery.Entry{}, broken) }
	}})
	defer s.Close()
	if err := s.Add(t.Context(), Stored{Text: []byte("a"), Labels: file}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
