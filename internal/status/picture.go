package status

import (
	"context"
	"sync/atomic"
	"time"
)

// picture is an answer that many may ask for at once: it is made once for all who ask
// before it is begun, and a large one serves for a while. So what slow readers keep
// alive is bounded by the time that a connection may take, and not by their number.
type picture struct {
	make func() ([]byte, error)
	// making has an element while somebody makes it; the others wait for that.
	making chan struct{}
	// last is nil where there is none that serves anybody.
	last atomic.Pointer[made]
}

// made is a finished picture; its body is not changed any more.
type made struct {
	body         []byte
	began, until time.Time
}

const (
	// freshFor is how long so many bytes serve: readers that take as long as
	// writeTimeout allows keep no more than about 6 MiB alive. What is smaller than
	// that serves only those who asked before it was begun, so that who has just seen
	// something happen sees it here, too.
	freshFor   = 100 * time.Millisecond
	freshBytes = 64 << 10
	// maxFresh is the age of a picture that is shown at most.
	maxFresh = 5 * time.Second
)

func newPicture(of func() ([]byte, error)) *picture {
	return &picture{make: of, making: make(chan struct{}, 1)}
}

// get returns the present picture. Who is gone does not wait for it: ctx is done then.
func (p *picture) get(ctx context.Context) ([]byte, error) {
	asked := time.Now()
	if last := p.last.Load(); last != nil && asked.Before(last.until) {
		return last.body, nil
	}
	select {
	case p.making <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.making }()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if last := p.last.Load(); last != nil && (time.Now().Before(last.until) || last.began.After(asked)) {
		return last.body, nil
	}
	began := time.Now()
	body, err := p.make()
	if err != nil {
		return nil, err
	}
	m := &made{body, began, began.Add(min(time.Duration(len(body)/freshBytes)*freshFor, maxFresh))}
	p.last.Store(m)
	time.AfterFunc(maxFresh, func() { p.last.CompareAndSwap(m, nil) })
	return body, nil
}
