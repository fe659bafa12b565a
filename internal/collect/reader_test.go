package collect

import (
	"testing"
	"time"
)

// dueLane is a lane of which only the time of its next batch is asked.
type dueLane struct {
	Lane
	at time.Time
}

func (l dueLane) Due() time.Time { return l.at }

// TestTickWaitsForTheBatch: files are polled just before a batch can leave, put off
// once at most.
func TestTickWaitsForTheBatch(t *testing.T) {
	at := time.Now().Add(time.Hour)
	r := newReader(dueLane{at: at}, time.Second, nil)
	r.hot = []*fileSource{{}}
	if due := r.pulse(); !due.Equal(at.Add(-before)) || r.queue.len() > 0 {
		t.Errorf("due %v, %d in the queue", due, r.queue.len())
	}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 1 {
		t.Errorf("put off twice: due %v, %d in the queue", due, r.queue.len())
	}
	r.lane, r.hot = dueLane{at: time.Now()}, []*fileSource{{}}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 2 {
		t.Errorf("a batch is due and nothing is read: due %v, %d in the queue", due, r.queue.len())
	}
	// What cannot be watched is polled at its own pace.
	r.lane, r.slow = dueLane{at: at}, []*fileSource{{}}
	if due := r.pulse(); !due.IsZero() || r.queue.len() != 3 {
		t.Errorf("due %v, %d in the queue", due, r.queue.len())
	}
}
