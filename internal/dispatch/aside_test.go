package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// sendAs hands over lines of a container as one unit.
func sendAs(t *testing.T, l *Lane, name string, lines []string, delivered func()) {
	t.Helper()
	var draft logs.Draft
	if err := l.Begin(t.Context(), name, &draft); err != nil {
		t.Fatal(err)
	}
	set := labels(name)
	for i, line := range lines {
		draft.Add(set, logs.Entry{Time: time.Now().UnixNano() + int64(i), Line: []byte(name + " " + line)})
	}
	l.End(name, &draft, delivered)
	l.Flush()
}

// settled lets time pass, and waits until everybody has done what was due.
func settled(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// of returns what was accepted of a container.
func of(s *sink, name string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.accepted {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			out = append(out, text)
		}
	}
	return out
}

func groupNamed(b *logs.Batch, name string) *logs.Group {
	for _, g := range b.Groups {
		if g.Labels.Get("container") == name {
			return g
		}
	}
	return nil
}

// limit answers that a container is over a limit of its own while on is set.
func limit(name string, on *atomic.Bool) func(b *logs.Batch) logs.Outcome {
	return func(b *logs.Batch) logs.Outcome {
		if g := groupNamed(b, name); g != nil && on.Load() {
			return logs.Outcome{Kind: logs.Retry, Group: g, RateLimited: true, Err: errors.New("429")}
		}
		return logs.Outcome{}
	}
}

// TestRoomOfUnprovenContainer: one that the sink has not answered for may add many
// small reads, but only until firstRoom is nearly used up; then it waits for an answer.
func TestRoomOfUnprovenContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		on.Store(true)
		d, _, stop := start(t, &sink{answer: limit("noisy", &on)}, func(c *Config) { c.LastOnly = true })
		defer stop()
		lane := d.Lane(0)
		line := strings.Repeat("x", 1000)
		sent, free := 0, false
		for {
			var draft logs.Draft
			room, err := lane.TryBegin("noisy", &draft, func() { free = true })
			if err != nil {
				t.Fatal(err)
			}
			if room == 0 {
				break
			}
			draft.Add(labels("noisy"), logs.Entry{Time: int64(sent + 1), Line: []byte(line)})
			lane.End("noisy", &draft, func() {})
			sent++
		}
		if used := sent * (len(line) + logs.EntryOverhead + ackSize); used < firstRoom*3/4 || used > firstRoom {
			t.Errorf("%d bytes were taken, want %d", used, firstRoom)
		}
		on.Store(false)
		settled(time.Minute)
		synctest.Wait()
		if !free {
			t.Error("nobody was told that there is room")
		}
	})
}

// TestLimitedContainerDelaysOnlyItself: the others are delivered as before, and
// what is limited comes in order when it may, its acks too.
func TestLimitedContainerDelaysOnlyItself(t *testing.T) {
	for _, lastOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var on atomic.Bool
			on.Store(true)
			s := &sink{answer: limit("noisy", &on)}
			d, _, stop := start(t, s, func(c *Config) { c.LastOnly = lastOnly })
			defer stop()
			var acks []int
			for i := range 3 {
				sendAs(t, d.Lane(0), "noisy", lines(10*i, 10*i+9), func() { acks = append(acks, i) })
				settled(time.Second)
			}
			for i := range 10 {
				began := time.Now()
				var took time.Duration
				sendAs(t, d.Lane(0), "quiet", lines(i, i), func() { took = time.Since(began) })
				settled(time.Second)
				if took > 200*time.Millisecond || len(of(s, "quiet")) != i+1 {
					t.Errorf("line %d was delivered after %v", i, took)
				}
			}
			if len(acks) > 0 || d.SetAside() != 1 {
				t.Errorf("acks %v, %d set aside", acks, d.SetAside())
			}
			on.Store(false)
			settled(time.Minute)
			synctest.Wait()
			if got := of(s, "noisy"); !slices.Equal(got, lines(0, 29)) || !slices.Equal(acks, []int{0, 1, 2}) {
				t.Errorf("delivered %v, acks %v", got, acks)
			}
			if d.SetAside() != 0 || d.Buffered() != 0 {
				t.Errorf("%d set aside, %d bytes held", d.SetAside(), d.Buffered())
			}
		})
	}
}

// TestPoisonDoesNotHoldUpOthers: a thousand refused lines that have to be searched
// for take thousands of requests; the others go between them.
func TestPoisonDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.answer = func(b *logs.Batch) logs.Outcome {
			s.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			s.mu.Lock()
			if groupNamed(b, "poison") != nil {
				return logs.Outcome{Kind: logs.Refused, Err: errors.New("400")}
			}
			return logs.Outcome{}
		}
		d, m, stop := start(t, s, nil)
		defer stop()
		began := time.Now()
		var took time.Duration
		sendAs(t, d.Lane(0), "poison", lines(1, 1000), func() { took = time.Since(began) })
		for i := range 20 {
			sendAs(t, d.Lane(0), "quiet", lines(i, i), nil)
			settled(300 * time.Millisecond)
			if n := len(of(s, "quiet")); n != i+1 {
				t.Errorf("%d of %d lines are delivered", n, i+1)
			}
		}
		settled(time.Minute)
		synctest.Wait()
		if m.rejected["refused"] != 1000 || took < 10*time.Second {
			t.Errorf("rejected %v, after %v", m.rejected, took)
		}
	})
}

// TestTenantLimit: containers with little to say are delivered from what is left
// of a limit for all, while one has more to say than the limit allows.
func TestTenantLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 20_000.0 // bytes per second
		tokens, at := rate, time.Now()
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			tokens, at = min(rate, tokens+rate*time.Since(at).Seconds()), time.Now()
			switch size := float64(b.Bytes); {
			case size > rate:
				return logs.Outcome{Kind: logs.TooLarge, RateLimited: true, Parts: int(size/rate) + 1, Err: errors.New("429")}
			case size > tokens:
				return logs.Outcome{Kind: logs.Retry, RateLimited: true, Err: errors.New("429")}
			default:
				tokens -= size
				return logs.Outcome{}
			}
		}}
		d, _, stop := start(t, s, nil)
		defer stop()
		sendAs(t, d.Lane(0), "noisy", slices.Repeat([]string{strings.Repeat("x", 1000)}, 2000), nil)
		var worst time.Duration
		for i := range 60 {
			began := time.Now()
			sendAs(t, d.Lane(0), "quiet", lines(i, i), func() { worst = max(worst, time.Since(began)) })
			settled(time.Second)
		}
		if n := len(of(s, "quiet")); n != 60 || worst > time.Second {
			t.Errorf("%d of 60 lines are delivered, the slowest after %v", n, worst)
		}
		settled(10 * time.Minute)
		synctest.Wait()
		if n := len(of(s, "noisy")); n != 2000 {
			t.Errorf("%d of 2000 noisy lines are delivered", n)
		}
	})
}

// TestPace: a limit that counts what it does not take, as Loki's of a stream does,
// is made full use of: no attempt comes before there is room again.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 100_000.0 // bytes per second
		tokens, at := rate, time.Now()
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			tokens, at = min(rate, tokens+rate*time.Since(at).Seconds()), time.Now()
			size := float64(b.Bytes)
			out := logs.Outcome{Group: b.Groups[0], RateLimited: true, Err: errors.New("429")}
			switch {
			case size > rate:
				out.Kind, out.Parts = logs.TooLarge, int(size/rate)+1
			case size > tokens:
				out.Kind, out.Pace = logs.Retry, time.Duration(size/rate*float64(time.Second))
				tokens = 0
			default:
				tokens -= size
				return logs.Outcome{}
			}
			return out
		}}
		d, _, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		line := strings.Repeat("x", 1000-len("noisy ")-logs.EntryOverhead)
		began := time.Now()
		var took time.Duration
		for range 40 { // 4 MB
			sendAs(t, d.Lane(0), "noisy", slices.Repeat([]string{line}, 100), func() { took = time.Since(began) })
		}
		settled(10 * time.Minute)
		if n := len(of(s, "noisy")); n != 4000 || took > 50*time.Second {
			t.Errorf("%d of 4000 lines after %v; the limit alone takes 40 s", n, took)
		}
	})
}

// TestManySetAside: containers that the sink has never taken anything of get little
// room, so any number of them leaves room for the others.
func TestManySetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			for _, g := range b.Groups {
				if strings.HasPrefix(g.Labels.Get("container"), "new") {
					return logs.Outcome{Kind: logs.Retry, Group: g, Err: errors.New("429")}
				}
			}
			return logs.Outcome{}
		}}
		d, m, stop := start(t, s, func(c *Config) { c.LastOnly = true; c.MaxMemory = 32 << 20 })
		defer stop()
		line := bytes.Repeat([]byte("x"), 1000)
		for i := range 500 {
			name := fmt.Sprint("new", i)
			set := labels(name)
			for {
				var draft logs.Draft
				room, err := d.Lane(0).TryBegin(name, &draft, func() {})
				if err != nil {
					t.Fatal(err)
				}
				if room == 0 {
					break
				}
				for range room / 1000 {
					draft.Add(set, logs.Entry{Line: line})
				}
				d.Lane(0).End(name, &draft, nil)
			}
		}
		for i := range 10 {
			sendAs(t, d.Lane(0), "quiet", lines(i, i), nil)
			settled(time.Minute)
			if n := len(of(s, "quiet")); n != i+1 {
				t.Errorf("%d of %d lines are delivered", n, i+1)
			}
		}
		if d.SetAside() != 500 || d.Buffered() > 32<<20 {
			t.Errorf("%d set aside, %d bytes held", d.SetAside(), d.Buffered())
		}
		if m.retries > 500*30 {
			t.Errorf("%d attempts within 10 minutes", m.retries)
		}
	})
}

// TestCloseTriesWhatIsSetAside at once, and its acks come when it is taken.
func TestCloseTriesWhatIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		on.Store(true)
		s := &sink{answer: limit("noisy", &on)}
		d, _, stop := start(t, s, nil)
		acks, after := 0, 0
		sendAs(t, d.Lane(0), "noisy", lines(0, 9), func() { acks++ })
		d.Lane(0).After("noisy", func() { after++ })
		settled(time.Hour)
		d.Close()
		settled(3 * time.Second)
		if acks+after > 0 {
			t.Error("an ack for what is not delivered")
		}
		on.Store(false)
		settled(3 * time.Second)
		synctest.Wait()
		if acks != 1 || after != 1 || len(of(s, "noisy")) != 10 {
			t.Errorf("acks %d, after it %d, delivered %v", acks, after, s.accepted)
		}
		stop()
	})
}

// TestNotDeliveredNotCommitted: what is set aside at the end has no ack.
func TestNotDeliveredNotCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		on.Store(true)
		s := &sink{answer: limit("noisy", &on)}
		d, _, stop := start(t, s, nil)
		acks, others := 0, 0
		sendAs(t, d.Lane(0), "noisy", lines(0, 9), func() { acks++ })
		sendAs(t, d.Lane(0), "quiet", lines(0, 9), func() { others++ })
		settled(time.Minute)
		d.Close()
		settled(10 * time.Second)
		stop()
		if acks != 0 || others != 1 || d.Buffered() == 0 {
			t.Errorf("acks %d and %d, %d bytes held", acks, others, d.Buffered())
		}
	})
}

// TestQuietDoNotWaitForNoisy: a batch has something of everybody, so a line waits
// for the push under way, and no longer.
func TestQuietDoNotWaitForNoisy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.answer = func(*logs.Batch) logs.Outcome {
			s.mu.Unlock()
			time.Sleep(50 * time.Millisecond)
			s.mu.Lock()
			return logs.Outcome{}
		}
		d, _, stop := start(t, s, nil)
		defer stop()
		line := bytes.Repeat([]byte("x"), 1000)
		for i := range 10 {
			name := fmt.Sprint("noisy", i)
			for range 3 {
				var draft logs.Draft
				if err := d.Lane(0).Begin(t.Context(), name, &draft); err != nil {
					t.Fatal(err)
				}
				set := labels(name)
				for range 1000 {
					draft.Add(set, logs.Entry{Line: line})
				}
				d.Lane(0).End(name, &draft, nil)
			}
		}
		began := time.Now()
		var took time.Duration
		sendAs(t, d.Lane(0), "quiet", lines(1, 1), func() { took = time.Since(began) })
		settled(time.Minute)
		synctest.Wait()
		if took > 100*time.Millisecond || took == 0 {
			t.Errorf("delivered after %v", took)
		}
		if len(s.accepted) != 30_001 || d.Buffered() != 0 {
			t.Errorf("%d lines, %d bytes held", len(s.accepted), d.Buffered())
		}
	})
}

// logged starts a dispatcher whose messages can be read.
func logged(t *testing.T, s *sink) (d *Dispatcher, text func() string, stop func()) {
	t.Helper()
	var buf locked
	d, _, stop = start(t, s, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
	})
	return d, func() string { synctest.Wait(); return buf.String() }, stop
}

// locked is a buffer for several goroutines.
type locked struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}
func (l *locked) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// TestRejectsAreTold: at once, then at a bounded rate, and what was held back is
// told without further rejects, and at the stop.
func TestRejectsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			return logs.Outcome{Kind: logs.Refused, Exact: true, Rejects: []logs.Reject{
				{Container: "a", Reason: "too_old", Count: 2, Example: at.UnixNano(), Message: "text"}, {Container: "b", Reason: "labels", Count: 1, Example: at.UnixNano()}}}
		}}
		d, text, stop := logged(t, s)
		push := func() { send(t, d.Lane(0), lines(1, 3), nil); settled(time.Second) }
		push()
		first := `msg="lines were rejected for good" container=a reason=too_old lines=2 example=2026-01-02T03:04:05.000000006Z cure="raise reject_old_samples_max_age of Loki, or set since no further back; see docs/loki-limits.md" message=text
msg="lines were rejected for good" container=b reason=labels lines=1 example=2026-01-02T03:04:05.000000006Z cure="fewer or shorter labels, or raise Loki's limits for them; see docs/loki-limits.md" message=""
`
		if got := text(); got != first {
			t.Fatalf("got %s", got)
		}
		for range 5 {
			push()
		}
		if got := text(); got != first {
			t.Errorf("not held back: %s", got)
		}
		settled(warnEvery)
		if got := text(); !strings.Contains(got, "container=a reason=too_old lines=10 ") || !strings.Contains(got, "container=b reason=labels lines=5 ") {
			t.Errorf("not told: %s", got)
		}
		push()
		before := text()
		stop()
		if got := strings.TrimPrefix(text(), before); !strings.Contains(got, "container=a reason=too_old lines=2 ") || strings.Count(got, "\n") != 2 {
			t.Errorf("at the stop: %s", got)
		}
	})
}

// TestRejectLogIsBounded: of many containers each refused line is in one message,
// and there are few.
func TestRejectLogIsBounded(t *testing.T) {
	var messages, total int
	log := slog.New(handler(func(record slog.Record) {
		messages++
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "lines" {
				total += int(a.Value.Int64())
			}
			return true
		})
	}))
	r := newSaid(log)
	now := time.Unix(1_700_000_000, 0)
	for i := range 10_000 {
		r.rejected(logs.Reject{Container: fmt.Sprint(i % 3000), Reason: "labels", Count: 3}, now)
		now = now.Add(time.Millisecond)
		if len(r.rejects.keys) > maxRejectKeys+1 {
			t.Fatalf("%d keys", len(r.rejects.keys))
		}
	}
	if messages > maxRejectKeys+1 {
		t.Errorf("%d messages within 10 s", messages)
	}
	r.tellAll(now)
	if total != 30_000 {
		t.Errorf("%d lines told", total)
	}
}

// handler is a slog.Handler that calls itself.
type handler func(slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool      { return true }
func (h handler) Handle(_ context.Context, r slog.Record) error { h(r); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h handler) WithGroup(string) slog.Handler                 { return h }
