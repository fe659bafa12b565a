package dispatch

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestRetryAfterIsHonoured: nothing is sent before the sink wants it; and hosts that were all
// asked for the same pause do not come back together.
func TestRetryAfterIsHonoured(t *testing.T) {
	const asked, hosts = 8 * time.Second, 50
	var after []time.Duration
	for range hosts {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{}
			s.answer = func(*logs.Batch) logs.Outcome {
				if len(s.pushes) == 1 {
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("429"), RetryAfter: asked}
				}
				return logs.Outcome{}
			}
			d, _, stop := start(t, s, nil)
			defer stop()
			send(t, d.Lane(0), lines(1, 3), nil)
			time.Sleep(2 * asked)
			synctest.Wait()
			if len(s.times) != 2 {
				t.Fatalf("pushes at %v", s.times)
			}
			after = append(after, s.times[1].Sub(s.times[0]))
		})
	}
	soonest, latest := slices.Min(after), slices.Max(after)
	if soonest < asked || latest > asked*3/2 || latest-soonest < asked/4 {
		t.Errorf("asked for a pause of %v, %d hosts come back after %v to %v", asked, hosts, soonest, latest)
	}
}

// TestHostsComeBackApart: hosts that have lost the same sink at the same moment try it again at
// different ones, whatever it says.
func TestHostsComeBackApart(t *testing.T) {
	const hosts, outage = 200, time.Minute
	for name, out := range map[string]logs.Outcome{
		"nobody is there": {Kind: logs.Retry, Err: errors.New("connection refused"), Unreachable: true},
		"it cannot":       {Kind: logs.Retry, Err: errors.New("503")},
	} {
		t.Run(name, func(t *testing.T) {
			var back []time.Duration
			for range hosts {
				synctest.Test(t, func(t *testing.T) {
					s, began := &sink{}, time.Now()
					s.answer = func(*logs.Batch) logs.Outcome {
						if time.Since(began) < outage {
							return out
						}
						return logs.Outcome{}
					}
					d, _, stop := start(t, s, nil)
					defer stop()
					send(t, d.Lane(0), lines(1, 3), nil)
					settled(2 * outage)
					back = append(back, s.times[len(s.times)-1].Sub(began)-outage)
				})
			}
			slices.Sort(back)
			// No tenth of the time has more than a third of the hosts.
			most, tenth := 0, back[hosts-1]/10
			for i := range back {
				n, _ := slices.BinarySearch(back, back[i]+tenth)
				most = max(most, n-i)
			}
			t.Logf("back after %v to %v, at most %d of %d within %v", back[0], back[hosts-1], most, hosts, tenth)
			if most > hosts/3 {
				t.Errorf("%d of %d hosts come back within %v: %v", most, hosts, tenth, back)
			}
		})
	}
}

// TestStreamsComeDueApart: streams that were all new at the start are asked about again one by
// one, in requests that there are anyway.
func TestStreamsComeDueApart(t *testing.T) {
	const streams, often = 50, 2 * time.Second
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	var names []string
	for i := range streams {
		names = append(names, fmt.Sprint("container", i))
	}
	batch := func() int {
		parts := planned(s, at(now, 10, names...), now)
		for _, part := range parts {
			s.told(part, now)
		}
		now = now.Add(often)
		return len(parts)
	}
	if n := batch(); n != streams {
		t.Errorf("%d requests for %d new streams", n, streams)
	}
	batches, requests, most := int(time.Hour/often), 0, 0
	for range batches {
		n := batch()
		requests, most = requests+n, max(most, n)
	}
	t.Logf("%d requests in %d batches of %d streams, at most %d in one", requests, batches, streams, most)
	if requests > batches+streams || most > streams/10 {
		t.Errorf("%d requests in %d batches, at most %d in one", requests, batches, most)
	}
}
