package stream

import (
	"context"
	"sync"
)

// permit is one of a bounded number.
type permit struct {
	all chan struct{}
	// mu guards has and over.
	mu        sync.Mutex
	has, over bool
	// ended is closed by end.
	ended chan struct{}
}

func newPermit(all chan struct{}) *permit { return &permit{all: all, ended: make(chan struct{})} }

// state reports whether it has not been given yet, and whether it is given back.
func (p *permit) state() (waits, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.has && !p.over, p.over
}

// await waits for the permit, or until it is not needed any more. It returns false
// when ctx is done before.
func (p *permit) await(ctx context.Context) bool {
	select {
	case p.all <- struct{}{}:
	case <-p.ended:
		return true
	case <-ctx.Done():
		return false
	}
	p.mu.Lock()
	over := p.over
	p.has = !over
	p.mu.Unlock()
	if over {
		<-p.all
	}
	return true
}

// end lets others have it.
func (p *permit) end() {
	p.mu.Lock()
	before, has := p.over, p.has
	p.over = true
	p.mu.Unlock()
	if before {
		return
	}
	close(p.ended)
	if has {
		<-p.all
	}
}
