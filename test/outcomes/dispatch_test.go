package outcomes

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
)

// counts is a dispatch.Metrics.
type counts struct {
	mu       sync.Mutex // guards rejected
	rejected int
}

func (c *counts) Pushed(string, time.Duration, int)  {}
func (c *counts) Retried(string)                     {}
func (c *counts) Delivered(time.Duration, int, bool) {}
func (c *counts) StreamsRejected(int)                {}
func (c *counts) Rejected(_ string, n int)           { c.mu.Lock(); c.rejected += n; c.mu.Unlock() }

func (c *counts) expect(t *testing.T, rejected int) {
	t.Helper()
	if c.rejected != rejected {
		t.Errorf("%d counted as refused, want %d", c.rejected, rejected)
	}
}

// dispatch sends lines through a dispatcher of one lane, as one batch, and waits
// until it has delivered them.
func (s *scene) dispatch(parts ...lines) *counts {
	s.Helper()
	m := &counts{}
	d := dispatch.New(dispatch.Config{
		Sink: s.client, Metrics: m, Log: slog.New(slog.DiscardHandler),
		Lanes: 1, LastOnly: true, BatchWait: time.Millisecond, BatchSize: 1 << 20, MaxMemory: 64 << 20,
	})
	lane, acks := d.Lane(0), 0
	var draft logs.Draft
	if err := lane.Begin(s.Context(), "x", &draft); err != nil {
		s.Fatal(err)
	}
	s.each(parts, func(labels *logs.Labels, e logs.Entry) { draft.Add(labels, e) })
	lane.End("x", &draft, func() { acks++ })
	d.Close()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	if err := d.Run(ctx); err != nil || acks != 1 {
		s.Fatalf("%v, %d acks", err, acks)
	}
	return m
}

// TestDispatch: what is counted as refused is what Loki does not have, and nobody
// else loses a line.
func TestDispatch(t *testing.T) {
	l := lokitest.New(t, limits)
	for _, test := range []struct {
		name   string
		before []lines
		send   []lines
		lost   map[string]int
	}{
		{"nothing wrong", nil, []lines{{"a", 500, recent, 0}, {"b", 500, recent, 0}}, map[string]int{}},
		{"of everything", nil, []lines{
			{"many", 40, recent, 0}, {"a", 300, recent, 0}, {"a", 20, old, 0}, {"b", 20, future, 0},
			{"b", 10, recent, 2000}, {"long", 30, recent, 0}, {"b", 7, recent, 0}, {"c", 100, recent, 0},
		}, map[string]int{"many": 40, "a": 20, "b": 30, "long": 30}},
		{"one stream behind", []lines{{"a", 1, 0, 0}}, []lines{{"a", 200, 2 * time.Hour, 0}, {"a", 100, recent, 0}}, map[string]int{"a": 200}},
		{"one stream behind and refused before", []lines{{"a", 1, 0, 0}},
			[]lines{{"a", 50, 2 * time.Hour, 0}, {"a", 100, recent, 0}, {"a", 3, old, 0}, {"a", 20, recent + time.Minute, 0}}, map[string]int{"a": 53}},
		{"the last of several behind", []lines{{"a", 1, 0, 0}},
			[]lines{{"b", 100, recent, 0}, {"c", 100, recent, 0}, {"a", 50, 2 * time.Hour, 0}, {"a", 10, recent, 0}}, map[string]int{"a": 50}},
		{"behind, before a stream that is not", []lines{{"a", 1, 0, 0}},
			[]lines{{"a", 50, 2 * time.Hour, 0}, {"a", 10, recent, 0}, {"b", 100, recent, 0}}, map[string]int{"a": 50}},
		{"beside a stream over hours", []lines{{"a", 1, 0, 0}},
			[]lines{{"b", 5, 2 * time.Hour, 0}, {"b", 5, 0, 0}, {"a", 50, 2 * time.Hour, 0}}, map[string]int{"a": 50}},
		{"all of several behind", []lines{{"a", 1, 0, 0}, {"b", 1, 0, 0}, {"c", 1, 0, 0}},
			[]lines{{"a", 5, 2 * time.Hour, 0}, {"b", 6, 2 * time.Hour, 0}, {"c", 7, 2 * time.Hour, 0}, {"c", 3, recent, 0}}, map[string]int{"a": 5, "b": 6, "c": 7}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, l)
			poison(s)
			if test.before != nil {
				s.accepted(test.before...)
			}
			m := s.dispatch(test.send...)
			s.expectLost(test.lost)
			want := 0
			for _, n := range test.lost {
				want += n
			}
			m.expect(t, want)
		})
	}
}

// TestDispatchLimited: rate limits delay lines, and cost none.
func TestDispatchLimited(t *testing.T) {
	for name, limits := range map[string]map[string]string{
		"of the stream":              {"per_stream_rate_limit": "200KB", "per_stream_rate_limit_burst": "300KB"},
		"of the stream, not sharded": {"per_stream_rate_limit": "200KB", "per_stream_rate_limit_burst": "300KB", "shard_streams": "{enabled: false}"},
		"of the tenant":              {"ingestion_rate_mb": "0.2", "ingestion_burst_size_mb": "0.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			s := newScene(t, lokitest.New(t, limits))
			for range 2 {
				s.dispatch(lines{"a", 250, recent, 1000}, lines{"b", 5, recent, 0}, lines{"c", 250, recent, 1000}).expect(t, 0)
			}
			s.expectLost(map[string]int{})
		})
	}
}
