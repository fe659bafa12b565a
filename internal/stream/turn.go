package stream

import (
	"context"
	"sync"
)

// turn is one of a bounded number.
type turn struct {
	all chan struct{}
	// mu guards has and over.
	mu        sync.Mutex
	has, over bool
	// ended is closed by end.
	ended chan struct{}
}

func newTurn(all chan struct{}) *turn { return &turn{all: all, ended: make(chan struct{})} }

// state reports whether the turn has not come, and whether it is over.
func (t *turn) state() (waits, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.has && !t.over, t.over
}

// await waits for the turn, or until it is not needed any more. It returns false
// when ctx is done before.
func (t *turn) await(ctx context.Context) bool {
	select {
	case t.all <- struct{}{}:
	case <-t.ended:
		return true
	case <-ctx.Done():
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has = !t.over; t.over {
		<-t.all
	}
	return true
}

// end lets others have the turn.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	close(t.ended)
	if t.has {
		<-t.all
	}
}
