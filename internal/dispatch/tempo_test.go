package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestTempo: the wait is the least on a quiet host, rises at once with what there is to say,
// falls again, and goes by the logs that are looked at, too.
func TestTempo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const least, most = 22 * time.Millisecond, 200 * time.Millisecond
		tempo := newTempo(least, most, 2)
		perSecond := func(lines int, d time.Duration) time.Duration {
			for end := time.Now().Add(d); time.Now().Before(end); {
				wait := tempo.current()
				time.Sleep(wait)
				tempo.took(int(float64(lines)*wait.Seconds()), time.Now())
			}
			return tempo.current()
		}
		if got := tempo.current(); got != least {
			t.Errorf("%v at the start", got)
		}
		if got := perSecond(1000, 2*time.Second); got != least {
			t.Errorf("%v at 1,000 lines a second", got)
		}
		if got := perSecond(5000, 2*time.Second); got < 95*time.Millisecond || got > 105*time.Millisecond {
			t.Errorf("%v at 5,000 lines a second", got)
		}
		if got := perSecond(20_000, 400*time.Millisecond); got != most {
			t.Errorf("%v at 20,000 lines a second", got)
		}
		if got := perSecond(1000, 3*time.Second); got != least {
			t.Errorf("%v at 1,000 lines a second again", got)
		}
		if got := tempo.looks(0, 100); got != least {
			t.Errorf("%v with 100 logs", got)
		}
		if got := tempo.looks(1, 400); got != 100*time.Millisecond {
			t.Errorf("%v with 500 logs", got)
		}
		if got := newTempo(0, most, 1).current(); got != most {
			t.Errorf("%v where nothing is to be found out", got)
		}
	})
}

// TestLanesShareARequest: what two lanes have at the same moment leaves together, and is
// acknowledged in both; a line after a silence goes at once; and what one lane's reader has
// waits no longer than a round for a reader that does not come.
func TestLanesShareARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, _, stop := start(t, s, func(c *Config) { c.Lanes, c.LeastWait = 2, 20*time.Millisecond })
		defer stop()
		acks := 0
		add := func(lane *Lane, id string, due time.Time) {
			lane.Expect(due)
			var draft logs.Draft
			if err := lane.Begin(t.Context(), id, &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(labels(id), logs.Entry{Time: time.Now().UnixNano(), Line: []byte(id)})
			lane.End(id, &draft, func() { acks++ })
		}
		requests := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.pushes) }
		add(d.Lane(0), "a", time.Time{})
		d.Lane(0).Flush()
		synctest.Wait()
		if requests() != 1 || acks != 1 {
			t.Fatalf("%d requests, %d acks after the first line", requests(), acks)
		}
		// The streams are known from now on.
		time.Sleep(time.Second)
		add(d.Lane(1), "b", time.Time{})
		d.Lane(1).Flush()
		synctest.Wait()
		before := requests()
		for range 3 {
			time.Sleep(20 * time.Millisecond)
			now := time.Now()
			add(d.Lane(0), "a", now)
			add(d.Lane(1), "b", now)
			d.Lane(0).Flush()
			d.Lane(1).Flush()
			synctest.Wait()
		}
		if got := requests() - before; got != 3 || acks != 8 {
			t.Errorf("%d requests for three rounds of two lanes, %d acks", got, acks)
		}
		// The other reader is about to come, and does not.
		time.Sleep(time.Second)
		d.Lane(1).Expect(time.Now())
		add(d.Lane(0), "a", time.Now())
		d.Lane(0).Flush()
		time.Sleep(20 * time.Millisecond)
		d.Lane(0).Flush()
		synctest.Wait()
		if acks != 9 {
			t.Errorf("%d acks where the other reader does not come", acks)
		}
	})
}
