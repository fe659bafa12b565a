package dispatch

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestD7NothingIsCommittedUnproven: while what answers may not be the sink, nothing is
// refused and nothing delivered.
func TestD7NothingIsCommittedUnproven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Unproven: true, Err: errors.New("what is that?")}
		}}
		d, m, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		delivered := 0
		send(t, d.Lane(0), lines(1, 100), func() { delivered++ })
		settled(time.Minute)
		if delivered != 0 || len(m.rejected) != 0 || d.RefusedLines() != 0 || d.Buffered() == 0 {
			t.Errorf("%d acks, rejected %v, held %d", delivered, m.rejected, d.Buffered())
		}
		if n := len(s.pushes); n > 60 {
			t.Errorf("%d requests in a minute", n)
		}
	})
}

// TestD7OneThatIsAccepted: a first line that is refused in words nobody knows holds up
// nothing for long, as another is tried.
func TestD7OneThatIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proven := false
		s := &sink{}
		s.answer = func(b *logs.Batch) logs.Outcome {
			for _, g := range b.Groups {
				for i := range g.Len() {
					if string(g.Line(i)) != "line 7" {
						continue
					}
					if !proven {
						return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Unproven: true, Err: errors.New("what is that?")}
					}
					return logs.Outcome{Kind: logs.Refused, Err: errors.New("unheard of")}
				}
			}
			proven = true
			return logs.Outcome{}
		}
		d, m, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		delivered := 0
		send(t, d.Lane(0), lines(1, 100), func() { delivered++ })
		settled(2 * time.Minute)
		if delivered != 1 || m.rejected["refused"] != 1 {
			t.Errorf("%d acks, rejected %v", delivered, m.rejected)
		}
		if r := d.Refused("web"); r.Lines != 1 || r.Reason != "refused" || d.RefusedLines() != 1 {
			t.Errorf("got %+v", r)
		}
	})
}

// TestD7AnotherContainerIsAccepted: a container all of whose lines are refused in words
// nobody knows does not keep the others of its lane waiting, as one of theirs is tried.
func TestD7AnotherContainerIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proven := false
		s := &sink{}
		s.answer = func(b *logs.Batch) logs.Outcome {
			bad := slices.ContainsFunc(b.Groups, func(g *logs.Group) bool { return g.Labels.Get("container") == "bad" })
			switch {
			case bad && !proven:
				return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Unproven: true, Err: errors.New("what is that?")}
			case bad:
				return logs.Outcome{Kind: logs.Refused, Err: errors.New("unheard of")}
			}
			proven = true
			return logs.Outcome{}
		}
		d, m, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		delivered := make(map[string]int)
		add := func(id string) {
			lane := d.Lane(0)
			var draft logs.Draft
			if err := lane.Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			of := labels(id)
			for i, line := range lines(1, 5) {
				draft.Add(of, logs.Entry{Time: int64(i + 1), Line: []byte(line)})
			}
			lane.End(id, &draft, func() { delivered[id]++ })
			lane.Flush()
		}
		add("bad")
		settled(time.Minute)
		if proven || len(delivered) != 0 {
			t.Fatalf("delivered %v", delivered)
		}
		add("good")
		settled(10 * time.Minute)
		if delivered["good"] != 1 || delivered["bad"] != 1 || m.rejected["refused"] != 5 {
			t.Errorf("delivered %v, rejected %v", delivered, m.rejected)
		}
	})
}

// TestP1RefusedByContainer: what is refused is known by container, with an example and
// what to do.
func TestP1RefusedByContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			return logs.Outcome{Kind: logs.Refused, Exact: true, Rejects: []logs.Reject{{Container: "web", Reason: "too_new", Count: 3, Example: at.UnixNano(), Message: "text"}}}
		}}
		d, _, stop := start(t, s, nil)
		defer stop()
		for range 2 {
			send(t, d.Lane(0), lines(1, 3), nil)
			settled(time.Second)
		}
		r := d.Refused("web")
		if r.Lines != 6 || r.Reason != "too_new" || !r.Example.Equal(at) || r.Message != "text" || d.RefusedLines() != 6 {
			t.Errorf("got %+v", r)
		}
		if got := Cure(r.Reason); got != "set this host's clock, or raise creation_grace_period of Loki; see docs/loki-limits.md" {
			t.Errorf("got %q", got)
		}
		d.Lane(0).Forget("web")
		if r := d.Refused("web"); r.Lines != 0 || d.RefusedLines() != 6 {
			t.Errorf("got %+v", r)
		}
	})
}
