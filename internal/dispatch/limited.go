package dispatch

import (
	"log/slog"
	"sync"
	"time"
)

// limitLog tells at a bounded rate which containers have to wait because of a limit
// that concerns them alone.
type limitLog struct {
	mu sync.Mutex // guards the fields below: several pushes share it
	// told is when a container was told of, by ID.
	told map[string]time.Time
	// since is when the present period of limitEvery began, and left out the
	// number of messages that were not written in it.
	since   time.Time
	leftOut int
}

const (
	// limitEvery is the least time between two messages about a container.
	limitEvery = 5 * time.Minute
	// maxLimitTold bounds the messages within that time.
	maxLimitTold = 20
)

func (r *limitLog) add(log *slog.Logger, id, container string, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= limitEvery {
		if r.leftOut > 0 {
			log.Warn("more containers are throttled by a limit of their own", "attempts", r.leftOut, "since", r.since)
		}
		r.told, r.since, r.leftOut = make(map[string]time.Time), now, 0
	}
	switch _, told := r.told[id]; {
	case told:
	case len(r.told) >= maxLimitTold:
		r.leftOut++
	default:
		r.told[id] = now
		log.Warn("container is throttled by a limit of Loki, its lines wait while others are sent", "container", container, "error", err)
	}
}
