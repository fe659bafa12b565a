package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// randSink answers at random.
type randSink struct {
	mu        sync.Mutex
	rng       *rand.Rand
	last      map[string]int
	seen      map[string]map[int]bool
	under     map[string]int
	bad       []string
	most, now int
	calm      bool
	// anyOrder: it takes entries in any order, and lighterman was told so.
	anyOrder bool
}

func (s *randSink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	s.mu.Lock()
	d := time.Duration(s.rng.IntN(200)) * time.Millisecond
	kind := s.rng.IntN(30)
	if s.calm {
		kind = 29
	}
	s.now++
	s.most = max(s.most, s.now)
	for _, g := range b.Groups {
		k := g.Container + streamKey(g)
		s.under[k]++
		if s.under[k] > 1 && !s.anyOrder {
			s.bad = append(s.bad, "twice under way "+k)
		}
	}
	s.mu.Unlock()
	var err error
	select {
	case <-time.After(d):
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	for _, g := range b.Groups {
		s.under[g.Container+streamKey(g)]--
	}
	if err != nil {
		return logs.Outcome{Kind: logs.Retry, Err: err}
	}
	take := func(g *logs.Group) {
		k := g.Container + streamKey(g)
		if s.seen[k] == nil {
			s.seen[k] = map[int]bool{}
		}
		for i := range g.Len() {
			f := strings.Fields(string(g.Line(i)))
			n, _ := strconv.Atoi(f[0])
			if !s.seen[k][n] && n < s.last[k] && !s.anyOrder {
				s.bad = append(s.bad, fmt.Sprintf("%q: %d after %d", k, n, s.last[k]))
			}
			s.seen[k][n] = true
			s.last[k] = max(s.last[k], n)
		}
	}
	g := b.Groups[s.rng.IntN(len(b.Groups))]
	switch kind {
	case 0, 1:
		return logs.Outcome{Kind: logs.Retry, Err: errors.New("busy")}
	case 2, 3:
		return logs.Outcome{Kind: logs.Retry, Err: errors.New("stream"), Group: g, RateLimited: s.rng.IntN(2) == 0}
	case 4:
		if b.Entries > 1 {
			return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("large")}
		}
	case 5:
		if b.Entries > 1 {
			return logs.Outcome{Kind: logs.Refused, Err: errors.New("no")}
		}
	case 6:
		return logs.Outcome{Kind: logs.Retry, Err: errors.New("tenant"), RateLimited: true}
	case 7:
		if g.Len() > 1 {
			return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("large"), Group: g}
		}
	case 8:
		return logs.Outcome{Kind: logs.Retry, Err: errors.New("after"), RetryAfter: time.Second}
	case 9, 10:
		for _, g := range b.Groups[:s.rng.IntN(1+len(b.Groups))] {
			take(g)
		}
		return logs.Outcome{Kind: logs.Retry, Err: errors.New("late"), TimedOut: true}
	}
	for _, g := range b.Groups {
		take(g)
	}
	return logs.Outcome{}
}

// TestRandomSink: whatever the sink answers, and however long it takes, every entry comes,
// in order within its stream where the sink wants that, acks come in order, and nothing is left of it.
func TestRandomSink(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := &randSink{rng: rand.New(rand.NewPCG(seed, 2)), last: map[string]int{}, seen: map[string]map[int]bool{}, under: map[string]int{}, anyOrder: seed%3 == 2}
			lastOnly := rng.IntN(2) == 0
			d, _, stop := start(t, &sink{}, func(c *Config) {
				c.Sink, c.LastOnly = s, lastOnly
				c.BatchSize = 256 << 10
				if s.anyOrder {
					c.OutOfOrder = time.Hour
				}
				if seed%4 >= 2 {
					c.Lanes, c.LeastWait = 2, 20*time.Millisecond
				}
				c.MaxMemory = []int{2 << 20, 8 << 20, 32 << 20}[rng.IntN(3)]
			})
			nc := 1 + rng.IntN(12)
			type key struct{ c, s, l int }
			count := map[key]int{}
			lab := make([][]*logs.Labels, nc)
			for c := range lab {
				for i := range 3 {
					lab[c] = append(lab[c], labels(fmt.Sprint(c, "-", i)))
				}
			}
			given, acks := make([]int, nc), make([]int, nc)
			var mu sync.Mutex
			now := time.Now().UnixNano()
			var draft logs.Draft
			for range 400 {
				c := rng.IntN(nc)
				l := d.Lane(c % d.Lanes())
				if err := l.Begin(t.Context(), fmt.Sprint(c), &draft); err != nil {
					t.Fatal(err)
				}
				if rng.IntN(20) == 0 {
					time.Sleep(time.Duration(rng.IntN(500)) * time.Millisecond) // a read that takes its time
				}
				for range rng.IntN(4) {
					st, li := rng.IntN(2), rng.IntN(3)
					k := key{c, st, li}
					count[k]++
					draft.Add(lab[c][li], logs.Entry{Time: now + int64(count[k]), Stream: logs.Stream(st), Line: []byte(fmt.Sprint(count[k], " ", strings.Repeat("x", rng.IntN(1+[]int{100, 30000}[rng.IntN(2)]))))})
				}
				n := given[c]
				given[c]++
				l.End(fmt.Sprint(c), &draft, func() {
					mu.Lock()
					defer mu.Unlock()
					if acks[c] != n {
						t.Errorf("ack %d of %d, want %d", n, c, acks[c])
					}
					acks[c] = n + 1
				})
				if rng.IntN(3) == 0 {
					l.Flush()
				}
				if rng.IntN(50) == 0 {
					time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
				}
			}
			s.mu.Lock()
			s.calm = rng.IntN(2) == 0
			s.mu.Unlock()
			d.Close()
			began := time.Now()
			for d.Buffered() > 0 {
				time.Sleep(100 * time.Millisecond)
				if time.Since(began) > 10*time.Hour {
					t.Fatalf("seed %d: hangs with %d", seed, d.Buffered())
				}
			}
			synctest.Wait()
			for k, n := range count {
				g := &logs.Group{Labels: lab[k.c][k.l], Stream: logs.Stream(k.s)}
				if got := len(s.seen[fmt.Sprint(k.c)+streamKey(g)]); got != n {
					t.Errorf("seed %d %v: %d of %d", seed, k, got, n)
				}
			}
			for c := range given {
				if given[c] != acks[c] {
					t.Errorf("seed %d: acks %d of %d", seed, acks[c], given[c])
				}
			}
			for i, b := range s.bad {
				if i < 3 {
					t.Errorf("seed %d: %s", seed, b)
				}
			}
			for _, l := range d.lanes {
				if l.queues.bytes != 0 || l.queues.queued != 0 || len(l.queues.ready) != 0 || len(l.queues.aside) != 0 || l.pace.inFlight != 0 {
					t.Errorf("seed %d: %d %d %d %d %d", seed, l.queues.bytes, l.queues.queued, len(l.queues.ready), len(l.queues.aside), l.pace.inFlight)
				}
				for _, q := range l.queues.all {
					if q.bytes != 0 || q.queued != 0 || q.state != idle {
						t.Errorf("queue %+v", q)
					}
				}
			}
			if seed < 6 {
				t.Logf("seed %d: %d at once", seed, s.most)
			}
			stop()
		})
	}
}

// ingester answers as Loki's does: only the last stream's fate shows.
type ingester struct {
	mu     sync.Mutex
	n      int
	delay  func(n int) time.Duration
	newest map[string]int64
	hidden int
}

func (s *ingester) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	s.mu.Lock()
	d := s.delay(s.n)
	s.n++
	s.mu.Unlock()
	time.Sleep(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, g := range b.Groups {
		key := g.Labels.Get("container")
		dropped := 0
		for _, at := range g.Times {
			if at < s.newest[key]-int64(time.Hour) {
				dropped++
			} else {
				s.newest[key] = max(s.newest[key], at)
			}
		}
		if dropped > 0 && i < len(b.Groups)-1 {
			s.hidden += dropped
		}
	}
	return logs.Outcome{}
}

// TestSharedStream: two containers have one stream, and the older entries of the one are
// under way when the other's come. They do not arrive too late.
func TestSharedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ingester{newest: map[string]int64{}}
		s.delay = func(n int) time.Duration {
			if n == 5 {
				return 400 * time.Millisecond
			}
			return 100 * time.Millisecond
		}
		d, _, stop := start(t, &sink{}, func(c *Config) { c.Sink, c.LastOnly = s, true })
		defer stop()
		l := d.Lane(0)
		same, x, y := labels("same"), labels("x"), labels("y")
		now := time.Now()
		old := now.Add(-3 * time.Hour)
		add := func(id string, labels *logs.Labels, at time.Time, size int) {
			var draft logs.Draft
			if err := l.Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(labels, logs.Entry{Time: at.UnixNano(), Line: []byte(strings.Repeat("x", size))})
			l.End(id, &draft, func() {})
		}
		// All streams are known, and the sink is slow.
		add("old", same, old, 10)
		add("x", x, now, 10)
		add("y", y, now, 10)
		l.Flush()
		time.Sleep(3 * time.Second)
		s.mu.Lock()
		base := s.n
		s.delay = func(n int) time.Duration {
			if n == base {
				return 400 * time.Millisecond
			}
			return 100 * time.Millisecond
		}
		s.mu.Unlock()
		// A container's backlog of 3 h ago, and one that was made anew with its labels.
		add("old", same, old.Add(time.Minute), 100)
		add("x", x, time.Now(), 960<<10)
		time.Sleep(10 * time.Millisecond)
		add("new", same, time.Now(), 100)
		add("y", y, time.Now(), 960<<10)
		l.Flush()
		time.Sleep(3 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.hidden > 0 {
			t.Errorf("%d entries lost without a word", s.hidden)
		}
	})
}

type pushFunc func(ctx context.Context, b *logs.Batch) logs.Outcome

func (f pushFunc) Push(ctx context.Context, b *logs.Batch) logs.Outcome { return f(ctx, b) }

// TestLeaderIsTold: a helper sets x aside and goes on with a push of y that takes long. Who
// leads tries x again meanwhile.
func TestLeaderIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began, xAt time.Time
		xs, ys := 0, 0
		d, _, stop := start(t, &sink{}, func(c *Config) {
			c.Sink = pushFunc(func(_ context.Context, b *logs.Batch) logs.Outcome {
				mu.Lock()
				took, out := 100*time.Millisecond, logs.Outcome{}
				for _, g := range b.Groups {
					switch g.Container {
					case "x":
						if xs++; xs == 1 {
							out = logs.Outcome{Kind: logs.Retry, Err: errors.New("limit"), Group: g, RateLimited: true}
						} else {
							xAt = time.Now()
						}
					case "y":
						if ys++; ys == 3 {
							took = 30 * time.Second
						}
					}
				}
				mu.Unlock()
				time.Sleep(took)
				return out
			})
		})
		defer stop()
		l := d.Lane(0)
		add := func(id string, size int) {
			var draft logs.Draft
			if err := l.Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(labels(id), logs.Entry{Time: time.Now().UnixNano(), Line: []byte(strings.Repeat("x", size))})
			l.End(id, &draft, func() {})
		}
		add("prime", 10)
		l.Flush()
		time.Sleep(time.Second)
		began = time.Now()
		add("a", 960<<10) // the leader's
		time.Sleep(time.Millisecond)
		add("x", 60<<10)
		add("y", 800<<10) // the helper's, with x
		add("y", 800<<10)
		add("y", 960<<10)
		add("y", 960<<10)
		l.Flush()
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		t.Logf("x was sent again after %v", xAt.Sub(began))
		if xAt.Sub(began) > 5*time.Second {
			t.Error("late")
		}
	})
}
