package dispatch

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestSettled: once per push, after all its acks, and not after a push that
// was not taken.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := &sink{answer: func(*logs.Batch) logs.Outcome {
			if tries++; tries == 1 {
				return logs.Outcome{Kind: logs.Retry, Err: errClosed}
			}
			return logs.Outcome{}
		}}
		var mu sync.Mutex
		var all []string
		note := func(what string) func() {
			return func() { mu.Lock(); all = append(all, what); mu.Unlock() }
		}
		noted := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
		d, _, stop := start(t, s, func(c *Config) { c.Settled = note("settled") })
		defer stop()
		send(t, d.Lane(0), lines(0, 1), note("first"))
		synctest.Wait()
		if got := noted(); len(got) > 0 {
			t.Errorf("%q before anything was taken", got)
		}
		// Both come with the next push, the first having been tried alone.
		send(t, d.Lane(0), lines(2, 3), note("second"))
		send(t, d.Lane(0), lines(4, 5), note("third"))
		time.Sleep(time.Second)
		synctest.Wait()
		want := []string{"first", "settled", "second", "third", "settled"}
		if got := noted(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
