package dispatch

import (
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

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink answers each push with what answer says, Accepted when it is nil, and
// notes what it has accepted.
type sink struct {
	mu       sync.Mutex
	answer   func(b *logs.Batch) logs.Outcome
	pushes   []int // entries
	times    []time.Time
	accepted []string
}

func (s *sink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	if ctx.Err() != nil {
		return logs.Outcome{Kind: logs.Retry, Err: ctx.Err()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushes = append(s.pushes, b.Entries)
	s.times = append(s.times, time.Now())
	if s.answer != nil {
		if out := s.answer(b); out.Kind != logs.Accepted {
			return out
		}
	}
	for _, g := range b.Groups {
		for i := range g.Len() {
			s.accepted = append(s.accepted, string(g.Line(i)))
		}
	}
	return logs.Outcome{}
}

// counts is a Metrics that counts.
type counts struct {
	mu       sync.Mutex
	retries  int
	rejected map[string]int
	entries  int
	behind   int
	streams  int
}

func (c *counts) Pushed(string, time.Duration, int) {}
func (c *counts) Retried(string)                    { c.mu.Lock(); c.retries++; c.mu.Unlock() }
func (c *counts) Delivered(_ time.Duration, n int, behind bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries += n
	if behind {
		c.behind += n
	}
}

func (c *counts) StreamsRejected(n int) { c.mu.Lock(); c.streams += n; c.mu.Unlock() }

func (c *counts) Rejected(reason string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rejected == nil {
		c.rejected = make(map[string]int)
	}
	c.rejected[reason] += n
}

func start(t *testing.T, s *sink, change func(*Config)) (d *Dispatcher, m *counts, stop func()) {
	t.Helper()
	m = &counts{}
	config := Config{Sink: s, Metrics: m, Log: slog.New(slog.DiscardHandler), Lanes: 1,
		BatchWait: 200 * time.Millisecond, BatchSize: 1 << 20, MaxMemory: 64 << 20}
	if change != nil {
		change(&config)
	}
	d = New(config)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, m, func() { cancel(); <-done }
}

func labels(name string) *logs.Labels {
	return logs.NewLabels(map[string]string{"container": name}, nil)
}

var web = labels("web")

// send hands over lines as one unit.
func send(t *testing.T, l *Lane, lines []string, delivered func()) {
	t.Helper()
	var draft logs.Draft
	if err := l.Begin(t.Context(), "web", &draft); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		draft.Add(web, logs.Entry{Time: time.Now().UnixNano() + int64(i), Line: []byte(line)})
	}
	l.End("web", &draft, delivered)
	l.Flush()
}

func lines(first, last int) (out []string) {
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprint("line ", i))
	}
	return out
}

func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, _, stop := start(t, s, nil)
		defer stop()
		began := time.Now()
		for i := range 10 {
			send(t, d.Lane(0), lines(i, i), nil)
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.accepted) != 10 || len(s.pushes) > 4 {
			t.Errorf("pushes of %v entries", s.pushes)
		}
		for i := 1; i < len(s.times); i++ {
			if gap := s.times[i].Sub(s.times[i-1]); gap < 200*time.Millisecond || gap > 250*time.Millisecond {
				t.Errorf("push %d comes %v after the one before", i, gap)
			}
		}
		if first := s.times[0].Sub(began); first > 0 {
			t.Errorf("the first line waited %v", first)
		}
	})
}

func TestReceiptsComeInOrderAfterDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			if down.Load() {
				return logs.Outcome{Kind: logs.Retry, Err: errors.New("down")}
			}
			return logs.Outcome{}
		}}
		d, m, stop := start(t, s, nil)
		defer stop()
		var acks []int
		for i := range 5 {
			send(t, d.Lane(0), lines(10*i, 10*i+9), func() { acks = append(acks, i) })
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(acks) > 0 || m.retries < 50 {
			t.Fatalf("acks %v after %d retries", acks, m.retries)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(acks, []int{0, 1, 2, 3, 4}) || !slices.Equal(s.accepted, lines(0, 49)) {
			t.Errorf("acks %v, %d lines", acks, len(s.accepted))
		}
		if d.Buffered() != 0 {
			t.Errorf("%d bytes held", d.Buffered())
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(*logs.Batch) logs.Outcome { time.Sleep(24 * time.Hour); return logs.Outcome{} }}
		d, _, stop := start(t, s, func(c *Config) { c.MaxMemory = 1 << 20; c.BatchSize = 100 << 10 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		line := []byte(strings.Repeat("x", 1000))
		sent := 0
		var draft logs.Draft
		for d.Lane(0).Begin(ctx, "web", &draft) == nil {
			draft.Add(web, logs.Entry{Line: line})
			d.Lane(0).End("web", &draft, nil)
			sent++
		}
		// One container leaves as much free as it holds, but for a last chunk.
		if held := d.Buffered(); held < 3<<17 || held > 1<<19 || sent > 550 {
			t.Errorf("%d bytes of %d lines held", held, sent)
		}
		for i := range 1000 {
			if room, err := d.Lane(0).TryBegin(fmt.Sprint("another", i), &draft, func() {}); err != nil {
				t.Fatal(err)
			} else if room > 0 {
				draft.Add(web, logs.Entry{Line: line})
				d.Lane(0).End(fmt.Sprint("another", i), &draft, nil)
			}
		}
		if held := d.Buffered(); held < 1<<20 || held > 1<<20+2000 {
			t.Errorf("%d bytes of many containers held", held)
		}
		stop()
		if err := d.Lane(0).Begin(t.Context(), "web", &draft); !errors.Is(err, errClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestLittleIsHeldWhileStuck: what cannot be delivered is not read ahead.
func TestLittleIsHeldWhileStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			if down.Load() {
				return logs.Outcome{Kind: logs.Retry, Err: errors.New("down")}
			}
			return logs.Outcome{}
		}}
		d, _, stop := start(t, s, func(c *Config) { c.BatchSize = 100 << 10 })
		defer stop()
		fill := func(within time.Duration) (sent int) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			var draft logs.Draft
			for ; sent < 10_000 && d.Lane(0).Begin(ctx, "web", &draft) == nil; sent++ {
				draft.Add(web, logs.Entry{Line: make([]byte, 1000)})
				d.Lane(0).End("web", &draft, nil)
				time.Sleep(time.Millisecond) // as files are read, not all at once
			}
			return sent
		}
		sent := fill(time.Hour)
		if held := d.Buffered(); held > 5*100<<10 || sent > 500 {
			t.Errorf("%d bytes of %d lines held", held, sent)
		}
		down.Store(false)
		if more := fill(time.Hour); more != 10_000 {
			t.Errorf("%d lines taken after the outage", more)
		}
	})
}

func TestTooLargeIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			if b.Entries > 3 || slices.Contains(texts(b), "line 5") {
				return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("413")}
			}
			return logs.Outcome{}
		}}
		d, m, stop := start(t, s, nil)
		defer stop()
		ok := false
		send(t, d.Lane(0), lines(1, 20), func() { ok = true })
		time.Sleep(time.Minute)
		synctest.Wait()
		want := slices.Concat(lines(1, 4), lines(6, 20))
		if !ok || !slices.Equal(s.accepted, want) || m.rejected["too_large"] != 1 {
			t.Errorf("delivered %v, rejected %v", s.accepted, m.rejected)
		}
	})
}

func texts(b *logs.Batch) (out []string) {
	for _, g := range b.Groups {
		for i := range g.Len() {
			out = append(out, string(g.Line(i)))
		}
	}
	return out
}

// TestPoison: refused lines are found and counted exactly, the others pass.
func TestPoison(t *testing.T) {
	poison := []string{"line 3", "line 17", "line 18"}
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			for _, text := range texts(b) {
				if slices.Contains(poison, text) {
					return logs.Outcome{Kind: logs.Refused, Err: errors.New("400")}
				}
			}
			return logs.Outcome{}
		}}
		d, m, stop := start(t, s, nil)
		defer stop()
		send(t, d.Lane(0), lines(1, 20), nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.accepted) != 17 || m.rejected["refused"] != 3 {
			t.Errorf("delivered %v, rejected %v", s.accepted, m.rejected)
		}
	})
}

func TestExactRejectsAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			return logs.Outcome{Kind: logs.Refused, Exact: true, Rejects: []logs.Reject{{Reason: "too_old", Count: 2}, {Reason: "too_new", Count: 1}}}
		}}
		d, m, stop := start(t, s, nil)
		defer stop()
		ok := false
		send(t, d.Lane(0), lines(1, 20), func() { ok = true })
		time.Sleep(time.Minute)
		synctest.Wait()
		if !ok || len(s.pushes) != 1 || m.rejected["too_old"] != 2 || m.rejected["too_new"] != 1 {
			t.Errorf("pushes %v, rejected %v", s.pushes, m.rejected)
		}
	})
}

func TestCloseDelivers(t *testing.T) {
	s := &sink{}
	d := New(Config{Sink: s, Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1,
		BatchWait: time.Hour, BatchSize: 100, MaxMemory: 1 << 20})
	ended := make(chan error)
	go func() { ended <- d.Run(t.Context()) }()
	send(t, d.Lane(0), lines(1, 50), nil)
	send(t, d.Lane(0), lines(51, 52), nil)
	d.Close()
	<-ended
	if !slices.Equal(s.accepted, lines(1, 52)) {
		t.Errorf("%d lines", len(s.accepted))
	}
}

func TestSameContainerSameLane(t *testing.T) {
	d := New(Config{Lanes: 4})
	used := make(map[int]bool)
	for i := range 100 {
		id := fmt.Sprintf("%064x", i)
		used[d.Number(id)] = true
		if again := New(Config{Lanes: 4}).Number(id); again != d.Number(id) {
			t.Fatalf("%s: lane %d, then %d", id, d.Number(id), again)
		}
	}
	if len(used) != 4 {
		t.Errorf("%d lanes used", len(used))
	}
}

// TestForget: nothing is kept of a container that was removed when what was held of it
// is delivered, also when it is forgotten by an ack; and it may come back.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, _, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		lane := d.Lane(0)
		left := func() (queues, streams, containers int) {
			settled(time.Second)
			lane.mu.Lock()
			defer lane.mu.Unlock()
			lane.sent.mu.Lock()
			defer lane.sent.mu.Unlock()
			return len(lane.queues.all), len(lane.sent.known), len(lane.sent.of)
		}
		want := func(what string, n int) {
			t.Helper()
			if queues, streams, containers := left(); queues != n || streams != n || containers != n {
				t.Errorf("%s: %d queues, %d streams, %d containers, want %d of each", what, queues, streams, containers, n)
			}
		}
		send(t, lane, lines(0, 9), func() {})
		want("sent", 1)
		lane.Forget("web")
		want("forgotten while idle", 0)
		send(t, lane, lines(10, 19), func() {})
		lane.After("web", func() { lane.Forget("web") })
		want("forgotten by an ack", 0)
		send(t, lane, lines(20, 29), func() {})
		lane.Forget("web")
		send(t, lane, lines(30, 39), func() {})
		want("back before it was delivered", 1)
		if len(s.accepted) != 40 {
			t.Errorf("%d entries were delivered", len(s.accepted))
		}
	})
}
