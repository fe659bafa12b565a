package outcomes

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func expectKind(t *testing.T, out logs.Outcome, want logs.OutcomeKind) {
	t.Helper()
	if out.Kind != want || out.Misconfigured {
		t.Fatalf("got %+v, want kind %v", out, want)
	}
}

// TestStreamLimit: a stream over the limit is not made, and sent again until it is.
func TestStreamLimit(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"max_global_streams_per_user": "2"}))
	s.accepted(lines{"a", 1, 0, 0}, lines{"b", 1, 0, 0})
	expectKind(t, s.push(lines{"c", 2, 0, 0}), logs.Retry)
	expectKind(t, s.push(lines{"a", 2, 0, 0}, lines{"c", 2, 0, 0}), logs.Retry)
	s.expectLost(map[string]int{"c": 4})
}

// TestStreamRate: Loki takes nothing of a stream that is over its rate.
func TestStreamRate(t *testing.T) {
	l := lokitest.New(t, map[string]string{"per_stream_rate_limit": "20KB", "per_stream_rate_limit_burst": "30KB"})
	s := newScene(t, l)
	s.accepted(lines{"a", 25, 0, 1000})
	expectKind(t, s.push(lines{"b", 1, 0, 0}, lines{"a", 15, 0, 1000}), logs.Retry)
	s.expectLost(map[string]int{"a": 15})
	// More than the burst would never be taken.
	expectKind(t, s.push(lines{"c", 40, 0, 1000}), logs.TooLarge)
	s.expectLost(map[string]int{"a": 15, "c": 40})
}

// TestStreamRateBehind: without sharding Loki takes a part of a stream, and calls
// the rest too far behind when that was the last entry's reason.
func TestStreamRateBehind(t *testing.T) {
	l := lokitest.New(t, map[string]string{"per_stream_rate_limit": "20KB", "per_stream_rate_limit_burst": "30KB", "shard_streams": "{enabled: false}"})
	behind := 2 * time.Hour
	t.Run("shown", func(t *testing.T) {
		s := newScene(t, l)
		s.accepted(lines{"a", 1, 0, 0})
		// Smaller parts, as sending it as a whole again would use up the limit for what Loki has.
		out := s.push(lines{"a", 5, recent, 20_000}, lines{"a", 1, behind, 0})
		expectKind(t, out, logs.TooLarge)
		if out.Group == nil || len(out.Rejects) > 0 {
			t.Errorf("got %+v", out)
		}
	})
	t.Run("not shown", func(t *testing.T) {
		s := newScene(t, l)
		s.accepted(lines{"a", 1, 0, 0})
		out := s.push(lines{"a", 11, behind, 0}, lines{"a", 5, recent, 20_000}, lines{"a", 1, behind, 0})
		if out.Kind != logs.Refused || out.Exact {
			t.Errorf("got %+v", out)
		}
	})
}

// TestIngestionRate: what is over the rate waits. On a slow machine there may be room again for
// some, and not for more and more.
func TestIngestionRate(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"ingestion_rate_mb": "0.1", "ingestion_burst_size_mb": "0.12"}))
	s.accepted(lines{"a", 110, 0, 1000})
	lost, out := map[string]int{"d": 200}, logs.Outcome{}
	for _, name := range []string{"b", "c", "e", "f", "g"} {
		if out = s.push(lines{name, 90, 0, 1000}, lines{name + "2", 1, 0, 0}); out.Kind != logs.Accepted {
			lost[name], lost[name+"2"] = 90, 1
			break
		}
	}
	expectKind(t, out, logs.Retry)
	expectKind(t, s.push(lines{"d", 200, 0, 1000}), logs.TooLarge)
	s.expectLost(lost)
}

// TestTooLarge: a request has two limits, that of the HTTP API (413), and that
// between distributor and ingester (500).
func TestTooLarge(t *testing.T) {
	withFlags(t, need.Loki(t), "-distributor.max-recv-msg-size=200000", "-server.grpc-max-recv-msg-size-bytes=100000")
	s := newScene(t, lokitest.New(t, nil))
	for name, n := range map[string]int{"http": 400, "grpc": 120} {
		expectKind(t, s.push(lines{name, n, 0, 1000}), logs.TooLarge)
	}
	s.accepted(lines{"fits", 80, 0, 1000})
	s.expectLost(map[string]int{"http": 400, "grpc": 120})
}

// TestBlocked: Loki answers 260 and stores nothing.
func TestBlocked(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"block_ingestion_until": `"2100-01-01T00:00:00Z"`}))
	if out := s.push(lines{"a", 3, 0, 0}); out.Kind != logs.Retry || !out.Misconfigured {
		t.Fatalf("got %+v", out)
	}
	s.expectLost(map[string]int{"a": 3})
}
