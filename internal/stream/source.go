package stream

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Source reads one container's log through the API.
type Source struct {
	group *Group
	start Start
	// ctx is done when the stream is to end; a look at it ends with it.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// permit is nil when the container ran when the stream began.
	permit *permit

	// mu guards doubt.
	mu    sync.Mutex
	doubt doubt

	// The rest is written by the source's goroutine.

	// idleSince is when the stream began to wait for the engine, nil while it hands
	// over. A time, as the host's clock may be set meanwhile.
	idleSince atomic.Pointer[time.Time]
	// heard is the timestamp of the newest record that the stream has brought.
	heard atomic.Int64
	// spoke: the engine has sent something. end is the time of what the log ended with
	// when it was opened; nil while that is not known.
	spoke atomic.Bool
	end   atomic.Pointer[int64]
}

// errAsked is why a stream is ended that was asked to end.
var errAsked = errors.New("the stream was asked to end")

// Kind is the route that the source reads on.
func (s *Source) Kind() logs.RouteKind { return logs.API }

// Descriptors is how many the source counts for: it asks for the end of the log on another
// connection.
func (s *Source) Descriptors() int { return 2 }

// CaughtUp reports whether the stream has come to where the log ended when it was opened.
func (s *Source) CaughtUp() bool {
	end := s.end.Load()
	return end != nil && *end <= s.heard.Load()
}

// End returns the time of what the log ended with when it was opened.
func (s *Source) End() (at int64, known bool) {
	if end := s.end.Load(); end != nil {
		return *end, true
	}
	return 0, false
}

// Silent returns how long the engine has had nothing to say; 0 while it has.
func (s *Source) Silent() time.Duration {
	if since := s.idleSince.Load(); since != nil {
		return time.Since(*since)
	}
	return 0
}

// idle notes that the stream begins to wait for the engine.
func (s *Source) idle() {
	now := time.Now()
	s.idleSince.Store(&now)
}

// Ended reports whether an error says that the engine ended a stream in order.
func Ended(err error) bool {
	return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// doubt is what a stream's silence is judged by, apart from the silence itself.
type doubt struct {
	container *logs.Container
	// removedAt is since when the container does not exist; zero while it does. stoppedAt
	// is when its run was found to be over; zero when it was from the beginning.
	removedAt, stoppedAt time.Time
	// lookAt is when to look whether the stream has stalled, and silence how
	// long to wait then until the next look.
	lookAt  time.Time
	silence time.Duration
	// looking: a look is under way.
	looking bool
	// heldWarned is since when what the stream holds back is held, as it was logged last.
	heldWarned time.Time
	// timer attends to the stream. over: nobody doubts it any more.
	timer *time.Timer
	over  bool
}
