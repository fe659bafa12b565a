package status

import (
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// picture is an answer that many may ask for at once: it is made once for all who ask
// while it is being made, and a large one serves for a while. So what slow readers keep
// alive is bounded by the time that a connection may take, and not by their number.
type picture struct {
	make func() ([]byte, error)
	// making lets one caller make it, and the others wait for that.
	making singleflight.Group
	last   atomic.Pointer[made]
}

// made is a finished picture; its body is not changed any more.
type made struct {
	body  []byte
	until time.Time
}

const (
	// freshFor is how long so many bytes serve: readers that take as long as
	// writeTimeout allows keep no more than about 6 MiB alive. What is smaller than
	// that is made anew each time, so that who has just seen something happen sees it
	// here, too.
	freshFor   = 100 * time.Millisecond
	freshBytes = 64 << 10
	// maxFresh is the age of a picture that is shown at most.
	maxFresh = 5 * time.Second
)

func newPicture(of func() ([]byte, error)) *picture { return &picture{make: of} }

// get returns the present picture.
func (p *picture) get() ([]byte, error) {
	if last := p.last.Load(); last != nil && time.Now().Before(last.until) {
		return last.body, nil
	}
	body, err, _ := p.making.Do("", func() (any, error) {
		began := time.Now()
		body, err := p.make()
		if err != nil {
			return nil, err
		}
		if steps := len(body) / freshBytes; steps > 0 {
			p.last.Store(&made{body, began.Add(min(time.Duration(steps)*freshFor, maxFresh))})
		} else {
			p.last.Store(nil)
		}
		return body, nil
	})
	if err != nil {
		return nil, err
	}
	return body.([]byte), nil //nolint:errcheck // it is what the function above returns
}
