package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/tap"
	"github.com/lighterman/lighterman/internal/viewer"
)

// sink is the one place that entries go to, and whether it takes them.
type sink struct {
	dispatch.Sink
	to  atomic.Pointer[endpoint.Loki] // nil for standard output
	out *console.Sink                 // nil for Loki
	// renewed has an element when there is another Loki.
	renewed chan struct{}
	tail    *viewer.LastLines // nil where all lines are wanted
	err     atomic.Pointer[error]
	// answered is how the last push ended; it is nil where there was none to where the next one
	// goes. tap shows lines to who looks at them, and is nil where there are no pages.
	answered atomic.Pointer[answered]
	tap      *tap.Tap
}

// answered is how a push ended, why, and to whom it went.
type answered struct {
	status.Answer
	err error
	to  *endpoint.Loki
}

// errOutputGone is the normal end of "lighterman run | head".
var errOutputGone = errors.New("cannot write to standard output: it is closed")

var errNotReached = errors.New("it has not answered yet")

func (a Agent) newSink(view *viewer.Viewer, log *slog.Logger) (*sink, error) {
	cfg := a.Config
	if cfg.Loki.URL == nil {
		s := &sink{out: view.Out}
		s.Sink, s.tail = view.Sink()
		return s, nil
	}
	to, err := endpoint.New(cfg, a.Version, log)
	if err != nil {
		return nil, err
	}
	s := &sink{renewed: make(chan struct{}, 1)}
	s.to.Store(to)
	s.note(errNotReached)
	return s, nil
}

// use pushes to another Loki from now on. Pushes under way end as they do.
func (s *sink) use(to *endpoint.Loki) {
	s.to.Swap(to).Close()
	select {
	case s.renewed <- struct{}{}:
	default:
	}
}

// name is what the sink is called in messages.
func (s *sink) name() string {
	if to := s.to.Load(); to != nil {
		return to.Name
	}
	return status.StandardOutput
}

// lastAnswer is how the last push to where the next one goes ended; nil where there was none.
func (s *sink) lastAnswer() *answered {
	if a := s.answered.Load(); a != nil && a.to == s.to.Load() {
		return a
	}
	return nil
}

// Push implements dispatch.Sink, and remembers whether the sink takes entries. A
// limit of one stream says nothing of the others.
func (s *sink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	began, to := time.Now(), s.to.Load()
	out := s.interruptible(ctx, to, b)
	s.answered.Store(&answered{answerOf(began, out), out.Err, to})
	if s.tap != nil && out.Kind == logs.Accepted {
		s.tap.Sent(b)
	}
	switch {
	case to != s.to.Load(): // it says nothing of the one that there is now
	case out.Kind == logs.Retry && out.Group == nil:
		s.note(out.Err)
	default:
		s.note(nil)
	}
	return out
}

// outcomes are the words for kinds of outcomes.
var outcomes = [...]string{logs.Accepted: "accepted", logs.Retry: "retry", logs.TooLarge: "too_large", logs.Refused: "refused"}

// answerOf is what is shown of an outcome, whoever looks.
func answerOf(began time.Time, out logs.Outcome) status.Answer {
	now := time.Now()
	return status.Answer{Time: now.UTC(), Outcome: outcomes[out.Kind], Seconds: now.Sub(began).Seconds()}
}

// interruptible pushes, and gives up when ctx is done: a write to a pipe or a
// terminal whose reader stands still ends no other way. The write goes on then,
// in a process that is about to end.
func (s *sink) interruptible(ctx context.Context, to *endpoint.Loki, b *logs.Batch) logs.Outcome {
	if to != nil {
		return to.Push(ctx, b)
	}
	done := make(chan logs.Outcome, 1)
	go func() { done <- s.Sink.Push(ctx, b) }()
	select {
	case out := <-done:
		return out
	case <-ctx.Done():
		return logs.Outcome{Kind: logs.Retry, Err: ctx.Err()}
	}
}

func (s *sink) note(err error) { s.err.Store(&err) }

// ready returns nil when the sink takes entries.
func (s *sink) ready() error {
	if err := s.err.Load(); err != nil && *err != nil {
		return fmt.Errorf("%s: %w", s.name(), *err)
	}
	return nil
}

// await asks Loki whether it is there until it is, so that readiness does not
// wait for the first line; and again when there is another. With standard output it waits
// for that to break.
func (s *sink) await(ctx context.Context) error {
	if s.out != nil {
		select {
		case <-s.out.Broken():
			return errOutputGone
		case <-ctx.Done():
			return nil
		}
	}
	s.awaitLoki(ctx)
	for {
		select {
		case <-s.renewed:
			s.note(errNotReached)
			s.awaitLoki(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *sink) awaitLoki(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for s.ready() != nil {
		if out := s.to.Load().Probe(ctx); out.Kind == logs.Accepted {
			s.note(nil)
			return
		} else if ctx.Err() == nil {
			s.note(out.Err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// last passes on the last lines that there were before the start, until ctx is done.
func (s *sink) last(ctx context.Context) {
	if s.tail != nil {
		s.tail.Run(ctx)
	}
}

func (s *sink) close() {
	if to := s.to.Load(); to != nil {
		to.Close()
	}
}
