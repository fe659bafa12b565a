// Lighterman carries the log of every container on a Docker host to Grafana
// Loki.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/agent"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/viewer"
)

// The exit codes, besides 0.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		wakeSeldom()
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run runs a subcommand and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return usageError(stderr)
	}
	if c, found := lookUp(args[0]); found {
		return c.run(ctx, args[1:], environ, stdout, stderr)
	}
	return unknownCommand(args[0], stderr)
}

// runCommand carries logs until a signal comes or something breaks for good.
func runCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	cfg, code := loadConfig("run", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	viewer.ForStandardOutput(cfg, stdout)
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	messages := new(status.Messages)
	log := newLeveled(cfg, level, stderr, messages)
	ctx, stop := untilSignal(ctx, log)
	defer stop()
	hangups := make(chan os.Signal, 1)
	if cfg.Loki.URL != nil || cfg.File != "" { // else it says that the terminal is gone
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	again := func() (*config.Config, error) {
		next, err := config.Load(args, environ)
		if err == nil {
			viewer.ForStandardOutput(next, stdout)
		}
		return next, err
	}
	a := agent.Agent{Config: cfg, Log: log, Stdout: stdout, Version: version(), Messages: messages, Reload: agent.Reload{Load: again, Hangups: hangups, Level: level}}
	if err := a.Run(ctx); err != nil {
		log.Error("cannot continue, exiting", "error", err)
		return exitFailure
	}
	return 0
}

// untilSignal returns a context that ends with the first signal that asks for the end, and
// what stops listening. A reader of standard output that goes is an error from now on, to be
// dealt with, after which positions are saved; it does not end the process.
func untilSignal(ctx context.Context, log *slog.Logger) (context.Context, func()) {
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := stopOnSignal(ctx, signals, log, os.Exit)
	return ctx, func() {
		stop()
		signal.Stop(signals)
	}
}

// sameSignal is the time within which two equal signals are one: timeout(1), for one,
// sends its signal to the process and then to its group.
const sameSignal = 100 * time.Millisecond

// stopOnSignal returns a context that ends with the first signal. The second
// one exits at once: a drain that takes too long must not need a SIGKILL. The
// function returned stops listening.
func stopOnSignal(ctx context.Context, signals <-chan os.Signal, log *slog.Logger, exit func(int)) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		var first os.Signal
		var at time.Time
		for {
			select {
			case s := <-signals:
				if s == first && time.Since(at) < sameSignal {
					continue
				}
				if first != nil {
					log.Warn("stopping at once", "signal", s.String())
					exit(exitInterrupted)
					return
				}
				first, at = s, time.Now()
				log.Info("stopping", "signal", s.String())
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		close(done)
		cancel()
	}
}

// newLogger makes the logger for lighterman's own messages.
func newLogger(cfg *config.Config, stderr io.Writer) *slog.Logger {
	return newLeveled(cfg, cfg.Log.Level, stderr, nil)
}

// newLeveled makes a logger whose messages are kept, too, if kept is not nil.
func newLeveled(cfg *config.Config, level slog.Leveler, stderr io.Writer, kept *status.Messages) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(stderr, options)
	if cfg.Log.Format == config.LogJSON {
		handler = slog.NewJSONHandler(stderr, options)
	}
	if kept != nil {
		handler = kept.Handler(handler)
	}
	return slog.New(cfg.Secrets.Handler(handler))
}

// loadConfig loads the configuration of a subcommand. Without one it has said
// why, and returns the exit code.
func loadConfig(command string, args, environ []string, stdout, stderr io.Writer) (*config.Config, int) {
	cfg, err := config.Load(args, environ)
	switch {
	case errors.Is(err, config.ErrHelp):
		return nil, helpCommand(context.Background(), []string{command}, nil, stdout, stderr)
	case err != nil:
		_, _ = fmt.Fprintln(stderr, err)
		return nil, exitUsage
	}
	return cfg, 0
}
