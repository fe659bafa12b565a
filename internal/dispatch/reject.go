package dispatch

import (
	"cmp"
	"log/slog"
	"slices"
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
	log.Warn("lines were rejected for good", "container", r.Container, "reason", r.Reason, "lines", r.Count,
		"example", time.Unix(0, r.Example).UTC().Format(time.RFC3339Nano), "cure", Cure(r.Reason), "message", r.Message)
	c.at, c.pending = now, logs.Reject{}
}

// refuse counts a single entry that the sink does not take.
func (s *shipment) refuse(b *logs.Batch, out logs.Outcome, reason string) {
	message := ""
	if out.Err != nil {
		message = out.Err.Error()
	}
	g := b.Groups[0]
	s.reject([]logs.Reject{{Container: g.Labels.Get("container"), ID: g.Container, Reason: reason, Count: 1, Message: message}}, b)
	s.passed()
}

// reject counts and tells what the sink refused of a request.
func (s *shipment) reject(rejects []logs.Reject, b *logs.Batch) {
	for _, r := range rejects {
		if r.Example == 0 {
			r.Example = oldest(b, r.Container)
		}
		if r.ID == "" {
			r.ID = idOf(b, r.Container)
		}
		now := time.Now()
		s.config.Metrics.Rejected(r.Reason, r.Count)
		s.config.Metrics.StreamsRejected(s.barred.add(&r, now))
		s.refused.add(r, now)
		s.said.rejects.add(s.config.Log, r, now)
	}
}

// idOf finds the container of a request that has a name.
func idOf(b *logs.Batch, name string) string {
	for _, g := range b.Groups {
		if g.Labels.Get("container") == name || single(b) {
			return g.Container
		}
	}
	return ""
}

// oldest returns the oldest timestamp of a container's entries, or of all when it
// has none.
func oldest(b *logs.Batch, container string) int64 {
	var own, all int64
	for _, g := range b.Groups {
		first := slices.Min(g.Times)
		if all == 0 || first < all {
			all = first
		}
		if g.Labels.Get("container") == container && (own == 0 || first < own) {
			own = first
		}
	}
	return cmp.Or(own, all)
}
