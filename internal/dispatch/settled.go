package dispatch

import (
	"sync"
	"time"
)

// receipts are when a lane has told last that acks were handed out, and whether it has to tell
// again. Telling writes positions to two files: with one frame for each of forty pushes a second
// these would be most of what is written to the disk.
type receipts struct {
	mu     sync.Mutex // guards the fields below
	told   time.Time
	untold bool
}

// tellSettled tells that acks were handed out, at once or a little later.
func (l *Lane) tellSettled(now time.Time) {
	if l.config.Settled == nil {
		return
	}
	l.receipts.mu.Lock()
	l.receipts.untold = now.Sub(l.receipts.told) < l.config.SettledEvery
	later := l.receipts.untold
	if !later {
		l.receipts.told = now
	}
	l.receipts.mu.Unlock()
	if !later {
		l.config.Settled()
	}
}

// untilSettled tells what is still to be told if it is time for that, and returns how long it is
// not; 0 where there is nothing to tell.
func (l *Lane) untilSettled(now time.Time) time.Duration {
	l.receipts.mu.Lock()
	if !l.receipts.untold {
		l.receipts.mu.Unlock()
		return 0
	}
	if left := l.config.SettledEvery - now.Sub(l.receipts.told); left > 0 {
		l.receipts.mu.Unlock()
		return left
	}
	l.receipts.mu.Unlock()
	l.tellSettled(now)
	return 0
}

// settleNow tells what is still to be told.
func (l *Lane) settleNow() {
	l.receipts.mu.Lock()
	l.receipts.told = time.Time{}
	untold := l.receipts.untold
	l.receipts.mu.Unlock()
	if untold {
		l.tellSettled(time.Now())
	}
}
