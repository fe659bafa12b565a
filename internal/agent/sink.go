package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
)

// sink is the one place that entries go to, and whether it takes them.
type sink struct {
	dispatch.Sink
	to  atomic.Pointer[lokiAt] // nil for standard output
	out *console.Sink          // nil for Loki
	// renewed has an element when there is another Loki.
	renewed chan struct{}
	tail    *lastLines // nil where all lines are wanted
	err     atomic.Pointer[error]
}

// lokiAt is a Loki, and what it is called in messages.
type lokiAt struct {
	*loki.Client
	name string
}

// errOutputGone is the normal end of "lighterman run | head".
var errOutputGone = errors.New("cannot write to standard output: it is closed")

var errNotReached = errors.New("it has not answered yet")

func (a Agent) newSink(look *look, log *slog.Logger) (*sink, error) {
	cfg := a.Config
	if cfg.Loki.URL == nil {
		s := &sink{Sink: look.out, out: look.out}
		if cfg.Reading.Tail.Set {
			s.tail = newLastLines(look.out, cfg.Reading.Tail.N, look.start)
			s.Sink, look.history = s.tail, s.tail
		}
		if !look.Follow {
			s.Sink = &past{Sink: s.Sink, look: look}
		}
		return s, nil
	}
	to, err := newLoki(cfg, a.Version, log)
	if err != nil {
		return nil, err
	}
	s := &sink{renewed: make(chan struct{}, 1)}
	s.to.Store(to)
	s.note(errNotReached)
	return s, nil
}

// newLoki makes the client of a configuration.
func newLoki(cfg *config.Config, version string, log *slog.Logger) (*lokiAt, error) {
	client, err := loki.New(loki.Config{
		URL: cfg.Loki.URL, Tenant: cfg.Loki.Tenant,
		Username: cfg.Loki.Username, Password: cfg.Loki.Password.Reveal(), PasswordFile: cfg.Loki.PasswordFile,
		BearerToken: cfg.Loki.BearerToken.Reveal(), BearerTokenFile: cfg.Loki.BearerTokenFile,
		TLS: loki.TLS{
			CAFile: cfg.Loki.TLS.CAFile, CertFile: cfg.Loki.TLS.CertFile, KeyFile: cfg.Loki.TLS.KeyFile,
			ServerName: cfg.Loki.TLS.ServerName, InsecureSkipVerify: cfg.Loki.TLS.InsecureSkipVerify,
		},
		Proxy: cfg.Loki.Proxy, Timeout: cfg.Loki.PushTimeout, UserAgent: "lighterman/" + version,
		Log: log, Secrets: cfg.Secrets,
	})
	if err != nil {
		return nil, err
	}
	return &lokiAt{client, cfg.Secrets.Scrub(cfg.Loki.URL.String())}, nil
}

// use pushes to another Loki from now on. Pushes under way end as they do.
func (s *sink) use(to *lokiAt) {
	s.to.Swap(to).Close()
	select {
	case s.renewed <- struct{}{}:
	default:
	}
}

// name is what the sink is called in messages.
func (s *sink) name() string {
	if to := s.to.Load(); to != nil {
		return to.name
	}
	return "standard output"
}

// Push implements dispatch.Sink, and remembers whether the sink takes entries. A
// limit of one stream says nothing of the others.
func (s *sink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	out := s.interruptible(ctx, b)
	if out.Kind == logs.Retry && out.Group == nil {
		s.note(out.Err)
	} else {
		s.note(nil)
	}
	return out
}

// interruptible pushes, and gives up when ctx is done: a write to a pipe or a
// terminal whose reader stands still ends no other way. The write goes on then,
// in a process that is about to end.
func (s *sink) interruptible(ctx context.Context, b *logs.Batch) logs.Outcome {
	if to := s.to.Load(); to != nil {
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
		s.tail.run(ctx)
	}
}

func (s *sink) close() {
	if to := s.to.Load(); to != nil {
		to.Close()
	}
}

// colors are the choices of the setting color, as the console knows them.
var colors = map[config.Color]console.Color{
	config.ColorAuto: console.AutoColor, config.ColorAlways: console.Always, config.ColorNever: console.Never,
}
