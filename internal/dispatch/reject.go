package dispatch

import (
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// rejectLog tells of refused entries at a bounded rate: at once when a
// container's entries are refused for a new reason, and then at most once per
// warnEvery with the number refused meanwhile.
type rejectLog struct {
	told map[rejectKey]*rejectCount
}

type rejectKey struct{ container, reason string }

type rejectCount struct {
	at      time.Time
	pending int
}

// maxRejectKeys bounds the memory for containers that come and go.
const maxRejectKeys = 1000

func (r *rejectLog) add(log *slog.Logger, reject logs.Reject, now time.Time) {
	if r.told == nil || len(r.told) >= maxRejectKeys {
		r.told = make(map[rejectKey]*rejectCount)
	}
	key := rejectKey{reject.Container, reject.Reason}
	count := r.told[key]
	if count == nil {
		count = &rejectCount{}
		r.told[key] = count
	}
	count.pending += reject.Count
	if now.Sub(count.at) < warnEvery {
		return
	}
	log.Warn("the sink refused lines", "container", reject.Container,
		"reason", reject.Reason, "lines", count.pending, "message", reject.Message)
	count.at, count.pending = now, 0
}
