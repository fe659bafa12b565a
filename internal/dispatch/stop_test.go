package dispatch

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestStopDuringAPause: a sink that has asked for a long pause, or was away for
// long, is tried at once when everything is to end, and again soon.
func TestStopDuringAPause(t *testing.T) {
	for _, after := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var down atomic.Bool
			down.Store(true)
			s := &sink{answer: func(*logs.Batch) logs.Outcome {
				if down.Load() {
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("503"), RetryAfter: after}
				}
				return logs.Outcome{}
			}}
			d, _, stop := start(t, s, nil)
			defer stop()
			delivered := false
			send(t, d.Lane(0), lines(1, 3), func() { delivered = true })
			settled(5 * time.Minute)
			d.Close()
			settled(3 * time.Second)
			down.Store(false)
			settled(2 * closingBackoff)
			if !delivered {
				t.Errorf("not delivered %v after the sink was back", 2*closingBackoff)
			}
		})
	}
}

// TestAsideTakeTurns: of several containers that are set aside each is tried, also
// while there is always something to send for the others.
func TestAsideTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[string]int)
		s := &sink{}
		s.answer = func(b *logs.Batch) logs.Outcome {
			s.mu.Unlock()
			time.Sleep(50 * time.Millisecond)
			s.mu.Lock()
			for _, name := range []string{"one", "two"} {
				if groupNamed(b, name) != nil {
					seen[name]++
					return logs.Outcome{Kind: logs.Refused, Err: errors.New("400")}
				}
			}
			return logs.Outcome{}
		}
		d, _, stop := start(t, s, func(c *Config) { c.BatchWait = 0 })
		defer stop()
		sendAs(t, d.Lane(0), "one", lines(1, 500), nil)
		sendAs(t, d.Lane(0), "two", lines(1, 500), nil)
		for range 300 {
			sendAs(t, d.Lane(0), "busy", lines(1, 1), nil)
			settled(50 * time.Millisecond)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if seen["one"] < 50 || seen["two"] < 50 {
			t.Errorf("attempts %v", seen)
		}
	})
}
