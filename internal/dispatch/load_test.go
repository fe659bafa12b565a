package dispatch

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestLiveLeavesBeforeBacklogs: what is written now does not leave with a backlog, but every
// other time, and a container that writes much now is none.
func TestLiveLeavesBeforeBacklogs(t *testing.T) {
	const limit = 1 << 20
	type part struct {
		id     string
		bytes  int
		behind bool
	}
	for _, test := range []struct {
		name  string
		parts []part
		want  []string
	}{
		{"live ones alone", []part{{"a", 100, false}, {"b", 100, false}}, []string{"ab"}},
		{"a backlog alone", []part{{"B", limit / 2, true}}, []string{"B"}},
		{"live ones beside a backlog", []part{{"B", limit / 2, true}, {"a", 100, false}, {"b", 100, false}}, []string{"ab", "B"}},
		{"live ones beside two", []part{{"B", limit / 2, true}, {"a", 100, false}, {"C", limit * 3 / 4, true}}, []string{"a", "B", "C"}},
		{"beside one that writes much", []part{{"B", limit / 2, false}, {"a", 100, false}}, []string{"aB"}},
		{"the end of a backlog beside another", []part{{"B", limit / 2, true}, {"e", 100, true}}, []string{"eB"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := New(Config{Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1, BatchSize: limit, MaxMemory: 64 << 20}).Lane(0)
			for _, p := range test.parts {
				fill(t, l, p.id, p.bytes, p.behind)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			var got []string
			for len(l.queues.ready) > 0 {
				batch := ""
				for _, seg := range l.queues.load(limit) {
					batch += seg.queue.id
				}
				got = append(got, batch)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("loaded %v, want %v", got, test.want)
			}
		})
	}
	t.Run("a backlog has every other batch", func(t *testing.T) {
		l := New(Config{Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1, BatchSize: limit, MaxMemory: 64 << 20}).Lane(0)
		fill(t, l, "B", limit/2, true)
		for i := range 2 {
			fill(t, l, fmt.Sprint("a", i), 100, false)
			l.mu.Lock()
			if n := len(l.queues.load(limit)); n != 1+i {
				t.Errorf("batch %d has %d segments", i, n)
			}
			l.mu.Unlock()
		}
	})
}

// fill hands over about so many bytes.
func fill(t *testing.T, l *Lane, id string, bytes int, behind bool) {
	t.Helper()
	var draft logs.Draft
	if room, err := l.TryBegin(id, &draft, nil); room == 0 || err != nil {
		t.Fatal("no room", err)
	}
	draft.Behind = behind
	draft.Add(labels(id), logs.Entry{Time: 1, Line: make([]byte, bytes)})
	l.End(id, &draft, nil)
}
