package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// farSink answers after a while. It knows what is under way, and what came in which
// order.
type farSink struct {
	delay  time.Duration
	answer func(b *logs.Batch) logs.Outcome
	// rate, if not 0, is what the line carries in bytes per second, one request after
	// the other; what has not arrived after lineTimeout is carried in vain.
	rate int

	// free is when the line has carried what was sent so far.
	free time.Time

	mu       sync.Mutex
	underWay map[string]int
	most     int
	pushes   int
	twice    bool
	got      map[string][]string
}

func (s *farSink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	s.begin(b, 1)
	defer s.begin(b, -1)
	delay := s.delay + s.carry(b.Bytes)
	select {
	case <-time.After(min(delay, lineTimeout)):
	case <-ctx.Done():
		return logs.Outcome{Kind: logs.Retry, Err: ctx.Err()}
	}
	if delay > lineTimeout {
		return logs.Outcome{Kind: logs.Retry, Err: context.DeadlineExceeded, TimedOut: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil {
		if out := s.answer(b); out.Kind != logs.Accepted {
			return out
		}
	}
	for _, g := range b.Groups {
		for i := range g.Len() {
			s.got[streamOf(g)] = append(s.got[streamOf(g)], strings.TrimRight(string(g.Line(i)), "x"))
		}
	}
	return logs.Outcome{}
}

const lineTimeout = 10 * time.Second

// carry returns how long it takes until so many bytes more have been carried.
func (s *farSink) carry(bytes int) time.Duration {
	if s.rate == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.free.Before(now) {
		s.free = now
	}
	took := s.free.Sub(now) + time.Duration(bytes)*time.Second/time.Duration(s.rate)
	s.free = now.Add(min(took, lineTimeout)) // who gives up carries no more
	return took
}

func (s *farSink) begin(b *logs.Batch, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range b.Groups {
		s.underWay[streamOf(g)] += by
		s.twice = s.twice || s.underWay[streamOf(g)] > 1
	}
	if s.pushes += by; s.pushes > s.most {
		s.most = s.pushes
	}
}

func streamOf(g *logs.Group) string { return g.Container + g.Stream.String() }

// far hands over lines of 64 KiB of some containers, in turn for both streams, and
// returns how long it took until all were delivered, in order, with no two pushes of one
// stream at once.
func far(t *testing.T, s *farSink, lastOnly bool, containers, perContainer int) (took time.Duration) {
	t.Helper()
	s.underWay, s.got = make(map[string]int), make(map[string][]string)
	d, _, stop := start(t, &sink{}, func(c *Config) { c.Sink, c.LastOnly = s, lastOnly })
	defer stop()
	began := time.Now()
	text := strings.Repeat("x", 64<<10)
	names := make([]*logs.Labels, containers)
	for i := range names {
		names[i] = labels(fmt.Sprint(i))
	}
	var acks sync.Map
	for i := range perContainer {
		for c := range containers {
			id := fmt.Sprint(c)
			l := d.Lane(0)
			var draft logs.Draft
			if err := l.Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(names[c], logs.Entry{Time: time.Now().UnixNano() + int64(i), Stream: logs.Stream(i % logs.Streams), Line: []byte(fmt.Sprint(i, " ", text))})
			l.End(id, &draft, func() {
				if before, _ := acks.Swap(id, i); before != nil && before.(int) != i-1 {
					t.Errorf("container %s: ack %d after %v", id, i, before)
				}
			})
			l.Flush()
		}
	}
	d.Close()
	for time.Since(began) < time.Hour && d.Buffered() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	took = time.Since(began)
	synctest.Wait()
	for c := range containers {
		for i := range perContainer {
			got := s.got[fmt.Sprint(c)+logs.Stream(i%logs.Streams).String()]
			if n := i / logs.Streams; n >= len(got) || got[n] != fmt.Sprint(i, " ") {
				t.Fatalf("container %d: line %d is not in its place", c, i)
			}
		}
	}
	if s.twice {
		t.Error("two pushes of one stream at once")
	}
	return took
}

// TestFarSink: where answers take long, several pushes are under way, of different
// containers.
func TestFarSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &farSink{delay: 100 * time.Millisecond}
		took := far(t, s, false, 16, 64) // 64 MiB
		t.Logf("%v, at most %d pushes at once", took, s.most)
		if s.most != maxPushers || took > 2*time.Second {
			t.Errorf("64 pushes of 100 ms took %v, at most %d at once", took, s.most)
		}
	})
}

// TestNearSink: one that answers soon gets one push at a time.
func TestNearSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &farSink{delay: slowAnswer / 2}
		far(t, s, false, 16, 64)
		if s.most != 1 {
			t.Errorf("%d pushes at once", s.most)
		}
	})
}

// TestNarrowLine: over a line that does not carry a full batch before the push is given
// up, or not as many at once as would help elsewhere, a backlog arrives about as quickly
// as the line allows.
func TestNarrowLine(t *testing.T) {
	for _, rate := range []int{20 << 10, 80 << 10, 250 << 10, 1 << 20} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &farSink{delay: 50 * time.Millisecond, rate: rate}
				took := far(t, s, false, 16, 20) // 20 MiB
				ideal := 20 * time.Duration(1<<20) * time.Second / time.Duration(rate)
				t.Logf("%v, the line needs %v, at most %d pushes at once", took, ideal, s.most)
				if took > ideal*3/2+time.Minute {
					t.Errorf("took %v, the line needs %v", took, ideal)
				}
			})
		})
	}
}

// TestSlowSink: one that takes its time for every request, however little is in it, gets
// large ones, and several at once, also after some that it did not answer in time.
func TestSlowSink(t *testing.T) {
	for _, delay := range []time.Duration{2500 * time.Millisecond, 4 * time.Second} {
		for _, hiccups := range []int{0, 6} {
			t.Run(fmt.Sprint(delay, hiccups), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &farSink{delay: delay}
					n := 0
					s.answer = func(*logs.Batch) logs.Outcome {
						if n++; n <= hiccups {
							time.Sleep(lineTimeout - delay)
							return logs.Outcome{Kind: logs.Retry, Err: context.DeadlineExceeded, TimedOut: true}
						}
						return logs.Outcome{}
					}
					took := far(t, s, false, 16, 64) // 64 MiB
					t.Logf("%v, at most %d pushes at once", took, s.most)
					if took > 64*delay/4+time.Duration(hiccups)*(lineTimeout+delay)+time.Minute {
						t.Errorf("took %v, at most %d pushes at once", took, s.most)
					}
				})
			})
		}
	}
}

// TestFarSinkFails: a sink that is far and often does not answer as it should, be it
// that it has taken what it was sent.
func TestFarSinkFails(t *testing.T) {
	for _, lastOnly := range []bool{false, true} {
		t.Run(fmt.Sprint("last only ", lastOnly), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { farSinkFails(t, lastOnly) }) })
	}
}

func farSinkFails(t *testing.T, lastOnly bool) {
	n := 0
	s := &farSink{delay: 60 * time.Millisecond}
	s.answer = func(b *logs.Batch) logs.Outcome {
		switch n++; {
		case n%5 == 0:
			return logs.Outcome{Kind: logs.Retry, Err: errors.New("busy")}
		case n%7 == 0 && len(b.Groups) > 0:
			return logs.Outcome{Kind: logs.Retry, Err: errors.New("over its limit"), Group: b.Groups[0]}
		case n%11 == 0 && b.Entries > 1:
			return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("too large")}
		}
		return logs.Outcome{}
	}
	far(t, s, lastOnly, 12, 40)
	if s.most < 2 {
		t.Errorf("%d pushes at once", s.most)
	}
}

// TestFarSinkOneContainer: streams that may be refused make a request each, and these
// leave together.
func TestFarSinkOneContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &farSink{delay: 100 * time.Millisecond}
		took := far(t, s, true, 1, 160) // 10 MiB
		t.Logf("%v, at most %d pushes at once", took, s.most)
		if s.most != logs.Streams || took > 2*time.Second {
			t.Errorf("10 MiB took %v, at most %d pushes at once", took, s.most)
		}
	})
}

// TestStopFarSink: pushes under way are given up when everything stops.
func TestStopFarSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &farSink{delay: 100 * time.Millisecond, underWay: make(map[string]int), got: make(map[string][]string)}
		d, _, stop := start(t, &sink{}, func(c *Config) { c.Sink = s })
		text := []byte(strings.Repeat("x", 900<<10))
		for i := range 40 {
			id := fmt.Sprint(i % 10)
			var draft logs.Draft
			if err := d.Lane(0).Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(labels(id), logs.Entry{Time: int64(i), Line: text})
			d.Lane(0).End(id, &draft, nil)
		}
		for s.count() < 3 {
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("stopping took %v", took)
		}
	})
}

func (s *farSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushes
}
