package link

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// lane is one direction of a link, which all its connections share.
type lane struct {
	delay time.Duration
	rate  float64
	room  *semaphore.Weighted // bytes that may be under way; it serves in order

	mu   sync.Mutex
	free time.Time // when the last byte until now has been sent; guarded by mu
}

func newLane(s Shape) *lane {
	return &lane{delay: s.RTT / 2, rate: float64(s.Rate), room: semaphore.NewWeighted(s.bound())}
}

// enter sends n bytes, at most a chunk, once there is room for them, and returns
// when they arrive: after everything that has entered before, also where there are
// none. The room is theirs until leave.
func (l *lane) enter(ctx context.Context, n int) (time.Time, error) {
	if err := l.room.Acquire(ctx, int64(n)); err != nil {
		return time.Time{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Time in which nothing was sent is lost: nothing is sent faster for it.
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	return l.free.Add(l.delay), nil
}

func (l *lane) leave(n int) { l.room.Release(int64(n)) }
