package dispatch

import (
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// rejectLog tells of refused entries at a bounded rate: at once when a container's
// entries are refused for a new reason, and then at most once per warnEvery with
// the number refused meanwhile. Every entry is in one of the messages: what is held
// back is told when it is due, at the latest at the stop.
type rejectLog struct {
	mu      sync.Mutex // guards pending: several pushes share it
	pending map[rejectKey]*rejectCount
}

type rejectKey struct{ container, reason string }

type rejectCount struct {
	// at is when the key was told last, and pending what was refused since.
	at      time.Time
	pending logs.Reject
}

const (
	// maxRejectKeys bounds the memory, and the messages within warnEvery.
	maxRejectKeys = 100
	// otherContainers stands for the containers beyond that.
	otherContainers = "(others)"
)

// add counts a reject, and tells it if its container and reason were not told of
// within warnEvery.
func (r *rejectLog) add(log *slog.Logger, reject logs.Reject, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.count(rejectKey{reject.Container, reject.Reason}, now)
	reject.Count += count.pending.Count
	count.pending = reject
	if now.Sub(count.at) >= warnEvery {
		count.tell(log, now)
	}
}

// count finds or makes the count of a key. When there are too many, those that
// were told long ago go, and then new ones share one per reason.
func (r *rejectLog) count(key rejectKey, now time.Time) *rejectCount {
	if count := r.pending[key]; count != nil {
		return count
	}
	if r.pending == nil {
		r.pending = make(map[rejectKey]*rejectCount)
	}
	if len(r.pending) >= maxRejectKeys {
		for other, count := range r.pending {
			if count.pending.Count == 0 && now.Sub(count.at) >= warnEvery {
				delete(r.pending, other)
			}
		}
	}
	if len(r.pending) >= maxRejectKeys {
		key.container = otherContainers
		if count := r.pending[key]; count != nil {
			return count
		}
	}
	count := &rejectCount{}
	r.pending[key] = count
	return count
}

// tell tells what has been held back for warnEvery. It returns how long it is until
// there is more to tell; 0 when nothing is held back.
func (r *rejectLog) tell(log *slog.Logger, now time.Time) (next time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, count := range r.pending {
		if count.pending.Count == 0 {
			continue
		}
		left := warnEvery - now.Sub(count.at)
		if left <= 0 {
			count.tell(log, now)
		} else if next == 0 || left < next {
			next = left
		}
	}
	return next
}

// tellAll tells everything that is held back.
func (r *rejectLog) tellAll(log *slog.Logger, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, count := range r.pending {
		if count.pending.Count > 0 {
			count.tell(log, now)
		}
	}
}

func (c *rejectCount) tell(log *slog.Logger, now time.Time) {
	r := c.pending
	log.Warn("the sink refused lines", "container", r.Container, "reason", r.Reason, "lines", r.Count,
		"example", time.Unix(0, r.Example).UTC().Format(time.RFC3339Nano), "message", r.Message)
	c.at, c.pending = now, logs.Reject{}
}
