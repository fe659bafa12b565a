package dispatch

import (
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// warnEvery is the least time between two messages about the same trouble, or about
	// entries of a container that are refused for the same reason; limitEvery between two
	// about a container that is over a limit.
	warnEvery, limitEvery = 30 * time.Second, 5 * time.Minute
	// maxRejectKeys, maxLimitTold and maxTroubles bound the messages within that time: some
	// errors have the number of a port in them.
	maxRejectKeys, maxLimitTold, maxTroubles = 100, 20, 8
	// otherContainers stands for the containers beyond that.
	otherContainers = "(others)"
)

// said is what a lane has logged of its pushes, and what is still to be.
type said struct {
	log *slog.Logger
	// rejects are the entries that were refused. Each of them is in one of the messages:
	// what waits is logged when it is due, at the latest at the stop.
	rejects notices
	// limits are the containers that have to wait because of a limit that concerns them alone.
	limits   notices
	troubles notices

	mu sync.Mutex // guards the fields below
	// since is when pushes began to fail, and failing tells that this was logged.
	since   time.Time
	failing bool
}

func newSaid(log *slog.Logger) *said {
	return &said{
		log:      log,
		rejects:  notices{every: warnEvery, most: maxRejectKeys, holds: true},
		limits:   notices{every: limitEvery, most: maxLimitTold},
		troubles: notices{every: warnEvery, most: maxTroubles},
	}
}

// rejected says that entries were refused for good.
func (s *said) rejected(r logs.Reject, now time.Time) {
	s.rejects.note(r.Container+"\x00"+r.Reason, "\x00"+r.Reason, r.Count, now, func(count int, shared bool) {
		container := r.Container
		if shared {
			container = otherContainers
		}
		s.log.Warn("lines were rejected for good", "container", container, "reason", r.Reason, "lines", count,
			"example", time.Unix(0, r.Example).UTC().Format(time.RFC3339Nano), "cure", Cure(r.Reason), "message", r.Message)
	})
}

// throttled says that a container is over a limit of its own.
func (s *said) throttled(id, container string, err error, now time.Time) {
	s.limits.note(id, otherContainers, 1, now, func(count int, shared bool) {
		if shared {
			s.log.Warn("more containers are throttled by a limit of their own", "attempts", count)
			return
		}
		s.log.Warn("container is throttled by a limit of Loki, its lines wait while others are sent", "container", container, "error", err)
	})
}

// failed says that a push has failed.
func (s *said) failed(out logs.Outcome, now time.Time) {
	s.mu.Lock()
	if s.since.IsZero() {
		s.since = now
	}
	since := s.since
	s.mu.Unlock()
	if !s.troubles.note(out.Err.Error(), "", 1, now, func(int, bool) {
		if out.Misconfigured {
			s.log.Error("nothing can be delivered until this configuration is fixed", "error", out.Err)
			return
		}
		s.log.Warn("cannot deliver, will retry", "error", out.Err, "since", since)
	}) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = !s.since.IsZero() // unless another push has worked meanwhile
}

// works says that pushes work again, where it was said that they do not: of trouble that was
// shortly before it was not.
func (s *said) works() {
	s.mu.Lock()
	since, failing := s.since, s.failing
	s.since, s.failing = time.Time{}, false
	s.mu.Unlock()
	if failing {
		s.log.Info("delivery works again", "after", time.Since(since).Round(time.Millisecond))
	}
}

// tell logs what has waited for long enough, and returns how long it is until there
// is more; 0 when nothing waits.
func (s *said) tell(now time.Time) time.Duration {
	next, other := s.rejects.tell(now), s.limits.tell(now)
	if next == 0 || other > 0 && other < next {
		return other
	}
	return next
}

// tellAll logs everything that waits.
func (s *said) tellAll(now time.Time) {
	s.rejects.tellAll(now)
	s.limits.tellAll(now)
}
