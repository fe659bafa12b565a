package dispatch

import (
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// trouble logs that pushes fail, at a bounded rate, and that they work again. Several
// pushes of a lane share it.
type trouble struct {
	mu sync.Mutex // guards the fields below
	// since is when pushes began to fail, and said tells that this was logged.
	since time.Time
	said  bool
	// told is when each error was logged, as far as that is not long ago.
	told map[string]time.Time
}

// maxTroubles bounds the different errors that are logged within warnEvery: some have
// the number of a port in them.
const maxTroubles = 8

func (t *trouble) report(log *slog.Logger, out logs.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	maps.DeleteFunc(t.told, func(_ string, at time.Time) bool { return now.Sub(at) >= warnEvery })
	text := out.Err.Error()
	if _, told := t.told[text]; told || len(t.told) >= maxTroubles {
		return
	}
	if t.told == nil {
		t.told = make(map[string]time.Time)
	}
	t.told[text], t.said = now, true
	if out.Misconfigured {
		log.Error("nothing can be delivered until this configuration is fixed", "error", out.Err)
		return
	}
	log.Warn("cannot deliver, will retry", "error", out.Err, "since", t.since)
}

// over ends trouble. Where it was not told of, as it had been shortly before, its end is
// not either.
func (t *trouble) over(log *slog.Logger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said {
		log.Info("delivery works again", "after", time.Since(t.since).Round(time.Millisecond))
	}
	t.since, t.said = time.Time{}, false
}
