package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// shape plans a batch and describes the requests: "a b|c" are two of them.
func shape(s *streams, b *logs.Batch, now time.Time) (out string) {
	for i, part := range s.plan(b, now) {
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

// TestForgetStreams: a stream that a new container of the same name has taken over is
// not forgotten with the old one.
func TestForgetStreams(t *testing.T) {
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	of := func(id string) *logs.Batch {
		b := at(now, 10, "a")
		b.Groups[0].Container = id
		return b
	}
	for _, id := range []string{"old", "new"} {
		s.plan(of(id), now)
	}
	s.forget("old")
	if len(s.known) != 1 || len(s.of) != 1 {
		t.Errorf("%d streams of %d containers are left, want 1 of 1", len(s.known), len(s.of))
	}
	s.forget("new")
	if len(s.known) != 0 || len(s.of) != 0 {
		t.Errorf("%d streams of %d containers are left", len(s.known), len(s.of))
	}
	s.plan(of("silent"), now)
	now = now.Add(2 * streamIdle)
	s.plan(of("other"), now)
	if len(s.known) != 1 || len(s.of) != 1 {
		t.Errorf("%d streams of %d containers are left of silent ones", len(s.known), len(s.of))
	}
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
		s.plan(batch, now)
	}
}
