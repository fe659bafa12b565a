package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// distant is a sink that is far away. It keeps each entry once, and refuses what Loki refuses:
// what is behind the newest by more than the window, which is 0 where it wants entries in order.
type distant struct {
	window time.Duration
	// batch and span are the BatchSize and OutOfOrder to be set.
	batch int
	span  time.Duration
	// fails says how a push fails, nil for never.
	fails func(n int, b *logs.Batch) *logs.Outcome

	mu       sync.Mutex
	n        int
	underWay int
	most     int
	newest   int64
	kept     map[string]bool
	refused  []string
}

func (f *distant) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	f.mu.Lock()
	f.n++
	n := f.n
	f.underWay++
	f.most = max(f.most, f.underWay)
	f.mu.Unlock()
	time.Sleep(100*time.Millisecond + rand.N(40*time.Millisecond))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.underWay--
	if ctx.Err() != nil {
		return logs.Outcome{Kind: logs.Retry, Err: ctx.Err()}
	}
	if f.fails != nil {
		if out := f.fails(n, b); out != nil {
			return *out
		}
	}
	var rejects []logs.Reject
	for _, g := range b.Groups {
		for i, at := range g.Times {
			line := string(g.Line(i))
			late := at < f.newest-int64(f.window)
			if late {
				f.refused = append(f.refused, line)
				rejects = append(rejects, logs.Reject{Container: g.Labels.Container(), Reason: "out_of_order", Count: 1})
				continue
			}
			f.kept[line] = true
			f.newest = max(f.newest, at)
		}
	}
	if rejects != nil {
		return logs.Outcome{Kind: logs.Refused, Exact: true, Rejects: rejects}
	}
	return logs.Outcome{}
}

// carry has a backlog of one container delivered, and returns how long that took. It fails unless
// acks come in order, each when all before it is with the sink.
func carry(t *testing.T, f *distant, lines int, step time.Duration) time.Duration {
	t.Helper()
	f.kept = make(map[string]bool)
	d, _, stop := start(t, &sink{}, func(c *Config) {
		c.Sink, c.LastOnly, c.BatchSize, c.MaxMemory, c.OutOfOrder = f, true, f.batch, 128*f.batch, f.span
	})
	defer stop()
	began, first := time.Now(), time.Now().Add(-24*time.Hour).UnixNano()
	var mu sync.Mutex
	acked := 0
	name := func(i int) string { return fmt.Sprintf("%06d %s", i, strings.Repeat("x", 1000)) }
	const chunk = 16
	for i := 0; i < lines; i += chunk {
		var draft logs.Draft
		if err := d.Lane(0).Begin(t.Context(), "web", &draft); err != nil {
			t.Fatal(err)
		}
		draft.Behind = true
		for j := i; j < i+chunk; j++ {
			draft.Add(web, logs.Entry{Time: first + int64(j)*int64(step), Line: []byte(name(j))})
		}
		d.Lane(0).End("web", &draft, func() {
			mu.Lock()
			defer mu.Unlock()
			f.mu.Lock()
			defer f.mu.Unlock()
			if acked != i {
				t.Errorf("the ack of line %d comes after that of %d lines", i, acked)
			}
			acked += chunk
			for j := i; j < i+chunk; j++ {
				if !f.kept[name(j)] {
					t.Errorf("line %d is acknowledged and not there", j)
				}
			}
		})
	}
	d.Lane(0).Flush()
	for done := false; !done; {
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		done = acked == lines
		mu.Unlock()
		if time.Since(began) > time.Hour {
			t.Fatalf("%d of %d lines are acknowledged", acked, lines)
		}
	}
	if len(f.refused) > 0 {
		t.Errorf("%d lines were refused", len(f.refused))
	}
	return time.Since(began)
}

// TestFlow: several batches of one container are under way over a far link where that is set, one
// where it is not, or where these span much time; and whatever fails, nothing is lost, nothing
// acknowledged before its time, and nothing sent that would be too far behind.
func TestFlow(t *testing.T) {
	const lines = 4096 // 4 MiB, 75 batches
	group := func(b *logs.Batch) *logs.Outcome {
		return &logs.Outcome{Kind: logs.Retry, Group: b.Groups[len(b.Groups)-1], RateLimited: true, Err: errors.New("per stream rate limit")}
	}
	const batch, span, many = 64 << 10, 5 * time.Minute, 8
	for _, test := range []struct {
		name   string
		far    *distant
		step   time.Duration
		within time.Duration
		// least and most are how many are under way at once, at most.
		least, most int
	}{
		{"any order", &distant{window: 10 * time.Minute, batch: batch, span: span}, time.Millisecond, 4 * time.Second, 6, many},
		{"large batches", &distant{window: 10 * time.Minute, batch: 256 << 10, span: span}, time.Millisecond, 4 * time.Second, 4, many},
		{"in order", &distant{batch: batch}, time.Millisecond, time.Minute, 1, 1},
		{"a line in ten seconds", &distant{window: span, batch: batch, span: span}, 10 * time.Second, time.Minute, 1, 1},
		{"a line in two seconds", &distant{window: span, batch: batch, span: span}, 2 * time.Second, time.Minute, 2, many},
		{"away now and then", &distant{window: 10 * time.Minute, batch: batch, span: span, fails: func(n int, _ *logs.Batch) *logs.Outcome {
			if n%7 == 3 {
				return &logs.Outcome{Kind: logs.Retry, Err: errors.New("away")}
			}
			return nil
		}}, time.Millisecond, time.Minute, 2, many},
		{"over a limit of the stream", &distant{window: 10 * time.Minute, batch: batch, span: span, fails: func(n int, b *logs.Batch) *logs.Outcome {
			if n%11 == 5 {
				return group(b)
			}
			return nil
		}}, time.Millisecond, 10 * time.Minute, 2, many},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := test.far
				took := carry(t, f, lines, test.step)
				if took > test.within || f.most < test.least || f.most > test.most {
					t.Errorf("%v, up to %d under way", took, f.most)
				}
			})
		})
	}
}
