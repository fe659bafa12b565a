package outcomes

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// running is a dispatcher that runs until the test ends.
type running struct {
	*dispatch.Dispatcher
	*counts
	scene *scene
	done  map[string]bool // guarded by counts' mu
}

func (s *scene) run(size int) *running {
	r := &running{counts: &counts{}, scene: s, done: map[string]bool{}}
	r.Dispatcher = dispatch.New(dispatch.Config{
		Sink: s.client, Metrics: r.counts, Log: slog.New(slog.DiscardHandler),
		Lanes: 1, LastOnly: true, BatchWait: 10 * time.Millisecond, BatchSize: size, MaxMemory: 64 << 20,
	})
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	s.Cleanup(func() { cancel(); <-ended })
	return r
}

// send hands lines over, each container's as one unit.
func (r *running) send(parts ...lines) {
	r.scene.Helper()
	lane := r.Lane(0)
	for _, p := range parts {
		var draft logs.Draft
		if err := lane.Begin(r.scene.Context(), p.container, &draft); err != nil {
			r.scene.Fatal(err)
		}
		r.scene.each([]lines{p}, func(labels *logs.Labels, e logs.Entry) { draft.Add(labels, e) })
		lane.End(p.container, &draft, func() { r.mu.Lock(); r.done[p.container] = true; r.mu.Unlock() })
	}
	lane.Flush()
}

func (r *running) delivered(container string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done[container]
}

func (r *running) await(containers ...string) {
	r.scene.Helper()
	for _, c := range containers {
		wait.For(r.scene, time.Minute, "the delivery of "+c, func() bool { return r.delivered(c) })
	}
}

// TestStreamLimitWaits: a stream that Loki does not make waits, and the others,
// be they in the same request, go on. Nothing of it is committed.
func TestStreamLimitWaits(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"max_global_streams_per_user": "3"}))
	r := s.run(1 << 20)
	r.send(lines{"a", 5, recent, 0}, lines{"b", 5, recent, 0})
	r.await("a", "b")
	r.send(lines{"c", 3, recent, 0}, lines{"d", 3, recent, 0}, lines{"e", 3, recent, 0})
	wait.For(t, 2*time.Minute, "two to wait", func() bool { return r.SetAside() == 2 })
	for i := range 10 {
		name := string("ab"[i%2])
		r.mu.Lock()
		r.done[name] = false
		r.mu.Unlock()
		r.send(lines{name, 10, recent - time.Duration(i+1)*time.Second, 0})
		r.await(name)
	}
	lost, waiting := s.lost(), 0
	for _, name := range []string{"c", "d", "e"} {
		if !r.delivered(name) {
			waiting += lost[name]
		}
	}
	if waiting != 6 || len(lost) != 2 {
		t.Errorf("missing %v", lost)
	}
	r.expect(t, 0)
}

// TestStreamRateWaits: a stream over its rate is delivered once and in the end
// wholly, however small its lines are; the others are while it waits.
func TestStreamRateWaits(t *testing.T) {
	for _, size := range []int{0, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, lokitest.New(t, map[string]string{"per_stream_rate_limit": "50KB", "per_stream_rate_limit_burst": "50KB"}))
			s.container("noisy", nil, map[string]string{"container_id": noise(64)})
			r := s.run(1 << 20)
			r.send(lines{"quiet", 1, recent, 0})
			r.send(lines{"noisy", 300_000 / max(size, 100), recent, size})
			r.await("quiet")
			for i := 1; !r.delivered("noisy"); i++ {
				name := fmt.Sprint("quiet", i)
				began := time.Now()
				r.send(lines{name, 1, recent, 0})
				r.await(name)
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("a quiet line took %v", took)
				}
			}
			s.expectLost(map[string]int{})
			r.expect(t, 0)
		})
	}
}

// TestTooLargeIsDivided: what is too large for Loki's HTTP API, or between its
// parts, is delivered in smaller requests, and others are not kept waiting.
func TestTooLargeIsDivided(t *testing.T) {
	withFlags(t, need.Loki(t), "-distributor.max-recv-msg-size=200000", "-server.grpc-max-recv-msg-size-bytes=100000")
	s := newScene(t, lokitest.New(t, nil))
	r := s.run(1 << 20)
	r.send(lines{"large", 900, recent, 1000}, lines{"a", 5, recent, 0}, lines{"line", 1, recent, 300_000}, lines{"b", 5, recent, 0}, lines{"rest", 500, recent, 1000})
	r.await("large", "a", "line", "b", "rest")
	r.expect(t, 1)
	// Counted, as this Loki cannot answer with so many lines either.
	for name, want := range map[string]int{"large": 900, "a": 5, "line": 0, "b": 5, "rest": 500} {
		if n := s.loki.Count(t, fmt.Sprintf("{test=%q, container=%q}", s.name, name)); n != want {
			t.Errorf("%d lines of %s, want %d", n, name, want)
		}
	}
}

// TestBlockedUntil: lines wait while ingestion is blocked, and come afterwards.
func TestBlockedUntil(t *testing.T) {
	until := time.Now().Add(15 * time.Second)
	s := newScene(t, lokitest.New(t, map[string]string{"block_ingestion_until": fmt.Sprintf("%q", until.UTC().Format(time.RFC3339))}))
	if out := s.push(lines{"once", 1, recent, 0}); out.Kind != logs.Retry || !out.Misconfigured {
		t.Fatalf("got %+v", out)
	}
	r := s.run(1 << 20)
	r.send(lines{"a", 50, recent, 0}, lines{"b", 1, recent, 0})
	r.await("a", "b")
	s.expectLost(map[string]int{"once": 1})
	r.expect(t, 0)
}

// TestMetadataLimits: each entry is refused and counted.
func TestMetadataLimits(t *testing.T) {
	for name, limit := range map[string]string{"max_structured_metadata_size": "50B", "max_structured_metadata_entries_count": "1"} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, lokitest.New(t, map[string]string{name: limit}))
			s.container("with", nil, map[string]string{"container_id": noise(64), "more": "x"})
			out := s.push(lines{"with", 4, recent, 0}, lines{"without", 3, recent, 0})
			if out.Kind != logs.Refused || !out.Exact || reasons(out) != "structured_metadata" {
				t.Fatalf("got %+v", out)
			}
			s.expectLost(map[string]int{"with": 4})
		})
	}
}

// TestLabelLimits: a whole stream is refused and counted, whatever its label breaks.
func TestLabelLimits(t *testing.T) {
	l := lokitest.New(t, map[string]string{"max_label_name_length": "30", "max_label_value_length": "200", "max_label_names_per_series": "8"})
	for name, more := range map[string]map[string]string{
		"name":    {"abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz": "v"},
		"value":   {"x": noise(300)},
		"count":   {"l1": "v", "l2": "v", "l3": "v", "l4": "v", "l5": "v", "l6": "v", "l7": "v"},
		"invalid": {"not-a-name": "v"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, l)
			s.container("refused", more, nil)
			out := s.push(lines{"refused", 4, recent, 0}, lines{"a", 3, recent, 0})
			if out.Kind != logs.Refused {
				t.Fatalf("got %+v", out)
			}
			s.dispatch(lines{"refused", 40, recent, 0}, lines{"b", 3, recent, 0}).expect(t, 40)
			if lost := s.lost(); lost["refused"] != 44 || lost["b"] != 0 {
				t.Errorf("lost %v", lost)
			}
		})
	}
}

// TestExamples: the example of a refusal is the timestamp of an entry that Loki
// does not have.
func TestExamples(t *testing.T) {
	l := lokitest.New(t, limits)
	for _, test := range []struct {
		name   string
		before []lines
		push   []lines
		want   lines
	}{
		{"too old", nil, []lines{{"b", 5, recent, 0}, {"a", 5, recent, 0}, {"a", 3, old, 0}}, lines{"a", 3, old, 0}},
		{"too new", nil, []lines{{"b", 5, recent, 0}, {"a", 5, recent, 0}, {"a", 3, future, 0}}, lines{"a", 3, future, 0}},
		{"too long", nil, []lines{{"b", 5, recent, 0}, {"a", 5, recent, 0}, {"a", 3, recent - time.Minute, 2000}}, lines{"a", 3, recent - time.Minute, 0}},
		{"too far behind", []lines{{"a", 1, 0, 0}}, []lines{{"a", 5, recent, 0}, {"a", 3, 2 * time.Hour, 0}}, lines{"a", 3, 2 * time.Hour, 0}},
		{"labels", nil, []lines{{"b", 5, recent, 0}, {"long", 3, recent - time.Minute, 0}}, lines{"long", 3, recent - time.Minute, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, l)
			poison(s)
			if test.before != nil {
				s.accepted(test.before...)
			}
			out := s.push(test.push...)
			var times []int64
			s.each([]lines{test.want}, func(_ *logs.Labels, e logs.Entry) { times = append(times, e.Time) })
			for _, r := range out.Rejects {
				if !slices.Contains(times, r.Example) || r.Container != test.want.container {
					t.Errorf("%s, example %v of %v", r.Container, time.Unix(0, r.Example), out.Err)
				}
			}
			if len(out.Rejects) == 0 {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestOrdered: unordered_writes: false changes nothing any more: Loki's chunks hold
// structured metadata, and those take entries in any order.
func TestOrdered(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"unordered_writes": "false"}))
	s.accepted(lines{"a", 1, recent, 0})
	s.dispatch(lines{"a", 5, recent + time.Minute, 0}, lines{"a", 3, 0, 0}, lines{"a", 4, 2 * time.Hour, 0}).expect(t, 0)
	s.expectLost(map[string]int{})
}

// TestEnforcedLabels: a stream without a label that Loki requires is refused.
func TestEnforcedLabels(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"enforced_labels": "[team]"}))
	s.container("with", map[string]string{"team": "x"}, nil)
	s.dispatch(lines{"with", 5, recent, 0}, lines{"without", 40, recent, 0}).expect(t, 40)
	s.expectLost(map[string]int{"without": 40})
}
