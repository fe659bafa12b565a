package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// planned is plan for what has arrived at once.
func planned(s *streams, b *logs.Batch, now time.Time) []*logs.Batch {
	parts, states := s.plan(b, now)
	s.arrived(states)
	return parts
}

// shape plans a batch and describes the requests: "a b|c" are two of them.
func shape(s *streams, b *logs.Batch, now time.Time) (out string) {
	for i, part := range planned(s, b, now) {
		if i > 0 {
			out += "|"
		}
		for j, g := range part.Groups {
			if j > 0 {
				out += " "
			}
			out += g.Labels.Get("container")
		}
		s.told(part, now)
	}
	return out
}

// at makes a batch of one line per name, of the given size.
func at(when time.Time, size int, names ...string) *logs.Batch {
	b := &logs.Batch{}
	for _, name := range names {
		b.Add(labels(name), logs.Entry{Time: when.UnixNano(), Line: make([]byte, size)})
	}
	return b
}

func TestPlan(t *testing.T) {
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	step := func(what string, b *logs.Batch, want string) {
		t.Helper()
		if got := shape(s, b, now); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	step("unknown streams", at(now, 10, "a", "b", "c"), "a|b|c")
	now = now.Add(time.Second)
	step("known streams", at(now, 10, "a", "b", "c"), "a b c")
	step("a new one among them", at(now, 10, "a", "d", "c"), "a c d")
	step("one far behind", at(now.Add(-time.Hour), 10, "a"), "a")
	b := at(now, 10, "c")
	b.Add(labels("a"), logs.Entry{Time: now.Add(-time.Hour).UnixNano()})
	b.Add(labels("b"), logs.Entry{Time: now.UnixNano()})
	step("behind, among others", b, "c b a")
	step("a busy one", at(now, 300<<10, "b"), "b")
	b = at(now, 10, "b", "a", "c")
	step("still busy", b, "a c b")
	now = now.Add(10 * time.Second)
	step("quiet again", at(now, 10, "b", "a"), "b a")
	now = now.Add(time.Hour)
	step("long ago", at(now, 10, "b", "a"), "b|a")
	if len(s.known) > 4 {
		t.Errorf("%d streams are remembered", len(s.known))
	}
}

// TestApart: where somebody else writes to the same streams each is in a request of its own,
// however often they were sent.
func TestApart(t *testing.T) {
	config := Config{Lanes: 1, MaxMemory: 1, BatchSize: 1, LastOnly: true, Apart: true}
	s, now := New(config).shared.sent, time.Unix(1_700_000_000, 0)
	for range 3 {
		if got := shape(s, at(now, 10, "a", "b", "c"), now); got != "a|b|c" {
			t.Errorf("%q", got)
		}
		now = now.Add(time.Second)
	}
}

// TestForgetStreams: a stream that a container of the same name has sent to is not
// forgotten with one of the two, so that what lies behind is seen to; and nothing is
// left when both are gone.
func TestForgetStreams(t *testing.T) {
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	of := func(id string, when time.Time) *logs.Batch {
		b := at(when, 10, "a")
		b.Groups[0].Container = id
		return b
	}
	left := func(what string, streams, containers int) {
		t.Helper()
		if len(s.known) != streams || len(s.of) != containers {
			t.Errorf("%s: %d streams of %d containers are left, want %d of %d", what, len(s.known), len(s.of), streams, containers)
		}
	}
	for range 100 {
		for _, id := range []string{"old", "new"} {
			shape(s, of(id, now), now)
		}
	}
	if keys := len(s.of["old"]); keys != 1 {
		t.Errorf("%d keys are kept of one stream", keys)
	}
	s.forget("new")
	left("one of two", 1, 1)
	behind := of("old", now.Add(-2*time.Hour))
	behind.Add(labels("b"), logs.Entry{Time: now.UnixNano()})
	shape(s, at(now, 10, "b"), now)
	if got := shape(s, behind, now); got != "b a" {
		t.Errorf("behind what the other had sent: %q, want it last", got)
	}
	s.forget("old")
	s.forget("") // that of b
	left("both", 0, 0)
	s.told(of("old", now), now)
	s.limited(of("old", now).Groups[0], now)
	left("an answer that comes late", 0, 0)
	planned(s, of("silent", now), now)
	now = now.Add(2 * streamIdle)
	planned(s, at(now, 10, "b"), now)
	left("a silent one", 1, 1)
}

func BenchmarkPlan(b *testing.B) {
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	batch := &logs.Batch{}
	for i := range 50 {
		batch.Add(labels(fmt.Sprint("container", i)), logs.Entry{Time: now.UnixNano(), Line: []byte("x")})
	}
	shape(s, batch, now)
	b.ReportAllocs()
	for b.Loop() {
		planned(s, batch, now)
	}
}
