package reader

import (
	"testing"
	"time"
)

// dueLane is a lane of which only the time of its next batch is asked.
type dueLane struct {
	Lane
	at time.Time
}

func (l dueLane) Due() time.Time          { return l.at }
func (l dueLane) Round(int) time.Duration { return 0 }

// TestTickWaitsForTheBatch: files are polled just before a batch can leave, put off
// once at most.
func TestTickWaitsForTheBatch(t *testing.T) {
	at := time.Now().Add(time.Hour)
	r := New(Config{Lane: dueLane{at: at}, Poll: time.Second})
	r.ticks.hot = []*Source{{}}
	if due := r.pulse(); !due.Equal(at.Add(-before)) || r.queue.len() > 0 {
		t.Errorf("due %v, %d in the queue", due, r.queue.len())
	}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 1 {
		t.Errorf("put off twice: due %v, %d in the queue", due, r.queue.len())
	}
	r.config.Lane, r.ticks.hot = dueLane{at: time.Now()}, []*Source{{}}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 2 {
		t.Errorf("a batch is due and nothing is read: due %v, %d in the queue", due, r.queue.len())
	}
	// What cannot be watched is polled at its own pace.
	r.config.Lane, r.ticks.slow = dueLane{at: at}, []*Source{{}}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 3 {
		t.Errorf("due %v, %d in the queue", due, r.queue.len())
	}
}

// TestTogether: whenever readers begin, they soon poll at the same moments, and go on so
// although each poll takes some time; no pause is much longer or shorter than asked for.
func TestTogether(t *testing.T) {
	const interval, took = 200 * time.Millisecond, 3 * time.Millisecond
	for begin := -2 * interval; begin < 2*interval; begin += 7 * time.Millisecond {
		now := pulseZero.Add(begin)
		for range 8 {
			next := together(now, interval)
			if pause := next.Sub(now); pause < interval*7/8 || pause > interval*9/8 {
				t.Fatalf("begun at %v: a pause of %v", begin, pause)
			}
			now = next.Add(took)
		}
		if off := now.Add(-took).Sub(pulseZero) % interval; off != 0 {
			t.Errorf("begun at %v: %v off", begin, off)
		}
	}
	if next := together(pulseZero, 1); next.Sub(pulseZero) > 1 {
		t.Errorf("a pause of %v for the shortest interval", next.Sub(pulseZero))
	}
}

// TestSlowOnesDoNotHasten: what cannot be watched is looked at five times a second at most beside
// what is being written, however often that is.
func TestSlowOnesDoNotHasten(t *testing.T) {
	var at ticks
	now, slow, looks := time.Unix(1e9, 0), &Source{}, 0
	for range 25 { // a second of rounds of 40 ms
		at.add(&Source{})
		at.addSlow(slow)
		_, taken := at.take(now)
		looks += len(taken)
		now = now.Add(40 * time.Millisecond)
	}
	if looks != 5 {
		t.Errorf("%d looks in a second", looks)
	}
	if next := at.next(now, 40*time.Millisecond); next.Sub(now) != slowPoll {
		t.Errorf("alone it is looked at after %v", next.Sub(now))
	}
	at.add(&Source{})
	if next := at.next(now, 40*time.Millisecond); next.Sub(now) > 50*time.Millisecond {
		t.Errorf("what is being written waits for it: %v", next.Sub(now))
	}
}
