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
)

// The exit codes, besides 0.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
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
	agent.ForStandardOutput(cfg, stdout)
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	log := newLeveled(cfg, level, stderr)
	// A reader of standard output that goes is an error to be dealt with, after
	// which positions are saved; it must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, stop := stopOnSignal(ctx, signals, log, os.Exit)
	defer stop()
	hangups := make(chan os.Signal, 1)
	if cfg.Loki.URL != nil || cfg.File != "" { // else it says that the terminal is gone
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	again := func() (*config.Config, error) {
		next, err := config.Load(args, environ)
		if err == nil {
			agent.ForStandardOutput(next, stdout)
		}
		return next, err
	}
	a := agent.Agent{Config: cfg, Log: log, Stdout: stdout, Version: version(), Reload: agent.Reload{Load: again, Hangups: hangups, Level: level}}
	if err := a.Run(ctx); err != nil {
		log.Error("cannot continue, exiting", "error", err)
		return exitFailure
	}
	return 0
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
	return newLeveled(cfg, cfg.Log.Level, stderr)
}

func newLeveled(cfg *config.Config, level slog.Leveler, stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == config.LogJSON {
		return slog.New(cfg.Secrets.Handler(slog.NewJSONHandler(stderr, options)))
	}
	return slog.New(cfg.Secrets.Handler(slog.NewTextHandler(stderr, options)))
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
