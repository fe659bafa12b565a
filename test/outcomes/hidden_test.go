package outcomes

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// An ingester answers with the result of the last stream of a request, whatever
// became of the ones before (Loki 3.7.8, pkg/ingester/instance.go, Push: "the
// returned error only reflects what happened to the last stream in the request").
// The distributor sends a request's streams to an ingester in the order in which
// they came. What an ingester refuses, for good or for now, is therefore hidden
// by a 204 when another stream follows that it takes:
//
//   - entries too far behind,
//   - streams over the limit of streams,
//   - streams over their rate limit.
//
// These tests hold what Loki does, not what is wanted: should one fail with a
// newer Loki, then what is done about it may no longer be needed.

func TestHiddenBehind(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	s.accepted(lines{"a", 1, 0, 0})
	s.accepted(lines{"a", 5, 2 * time.Hour, 0}, lines{"b", 1, 0, 0})
	s.expectLost(map[string]int{"a": 5})
}

// TestHiddenByRefusal: the distributor's own refusals are told, the ingester's not.
func TestHiddenByRefusal(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	s.accepted(lines{"a", 1, 0, 0})
	out := s.push(lines{"a", 5, 2 * time.Hour, 0}, lines{"b", 1, 0, 0}, lines{"b", 2, old, 0})
	if out.Kind != logs.Refused || rejected(out)["b"] != 2 || len(rejected(out)) != 1 {
		t.Fatalf("got %+v", out)
	}
	s.expectLost(map[string]int{"a": 5, "b": 2})
}

func TestHiddenStreamLimit(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"max_global_streams_per_user": "2"}))
	s.accepted(lines{"a", 1, 0, 0}, lines{"b", 1, 0, 0})
	s.accepted(lines{"c", 2, 0, 0}, lines{"a", 2, 0, 0})
	s.expectLost(map[string]int{"c": 2})
}

func TestHiddenStreamRate(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"per_stream_rate_limit": "20KB", "per_stream_rate_limit_burst": "30KB"}))
	s.accepted(lines{"a", 25, 0, 1000})
	s.accepted(lines{"a", 15, 0, 1000}, lines{"b", 1, 0, 0})
	s.expectLost(map[string]int{"a": 15})
}

// TestSentAgain: Loki refuses what it has, when it is sent again after entries of
// its stream that are more than an hour newer. Counted as refused, it is not lost.
func TestSentAgain(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	b := s.batch(lines{"a", 5, 2 * time.Hour, 0}, lines{"a", 3, 0, 0})
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
		t.Fatalf("got %+v", out)
	}
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Refused || !out.Exact || rejected(out)["a"] != 5 {
		t.Errorf("got %+v", out)
	}
	s.expectLost(map[string]int{})
}

// TestSentAgainSharded: what is sent again is stored again, when Loki has begun
// meanwhile to shard the stream because of its rate (shard_streams, on by default
// from 1.5 MB/s): shards differ in a label and are streams of their own.
func TestSentAgainSharded(t *testing.T) {
	s := newScene(t, lokitest.New(t, map[string]string{"shard_streams": "{desired_rate: 10KB}"}))
	b := s.batch(lines{"a", 100, 0, 1000})
	count := 0
	again := wait.Until(30*time.Second, func() bool {
		if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
			t.Errorf("got %+v", out)
		}
		count = len(s.loki.All(t, fmt.Sprintf("{test=%q}", s.name)))
		return count != b.Entries
	})
	if !again {
		t.Errorf("%d entries: Loki knows what is sent again", count)
	}
}
