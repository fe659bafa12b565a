package dispatch

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTempo: the wait is the least on a quiet host, rises at once with what there is to say,
// falls again, and goes by the logs that are looked at, too.
func TestTempo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const least, most = 40 * time.Millisecond, 200 * time.Millisecond
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
		if got := tempo.round(0, 100); got != least {
			t.Errorf("%v with 100 logs", got)
		}
		if got := tempo.round(1, 400); got != 100*time.Millisecond {
			t.Errorf("%v with 500 logs", got)
		}
		if got := newTempo(0, most, 1).current(); got != most {
			t.Errorf("%v where nothing is to be found out", got)
		}
	})
}
