package fleet

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// Acts counts what has happened to the containers.
type Acts struct {
	Stops    int `json:"stops"`
	Restarts int `json:"restarts"`
	Removals int `json:"removals"`
}

// Acts returns what has happened until now.
func (f *Fleet) Acts() Acts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acts
}

// Churn stops and starts, restarts, or removes and replaces one container after another,
// one per interval, until ctx is done. Each act is complete before the next: there are
// as many containers at the end as at the beginning, so that a slope of anything is not
// the fleet's.
func (f *Fleet) Churn(ctx context.Context, t testing.TB, every time.Duration) {
	t.Helper()
	if every <= 0 {
		return
	}
	random := rand.New(rand.NewPCG(f.options.Seed, uint64(every)))
	for next := time.Now().Add(every); ; next = next.Add(every) {
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return
		}
		f.act(t, random.IntN(len(f.slots)), random.IntN(3))
	}
}

func (f *Fleet) act(t testing.TB, slot, kind int) {
	t.Helper()
	c := f.slots[slot]
	var counter *int
	switch kind {
	case 0:
		c.Stop(t)
		c.Start(t)
		counter = &f.acts.Stops
	case 1:
		c.Restart(t)
		counter = &f.acts.Restarts
	default:
		// Removed as soon as it has written its last line.
		c.Stop(t)
		c.Remove(t)
		c = f.create(t, c.Spec.Driver)
		c.Start(t)
		f.put(slot, c)
		counter = &f.acts.Removals
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	*counter++
}
