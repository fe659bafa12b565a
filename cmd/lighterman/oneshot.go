package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
)

// oneShot is a subcommand that looks at something and says what it sees, until it is done or a
// signal ends it.
type oneShot struct {
	name string
	own  flags
	// failed is the exit code where run returns an error, and otherwise that is the one that it
	// returns.
	failed int
	run    func(ctx context.Context, cfg *config.Config, log *slog.Logger) (code int, err error)
}

// command runs it with arguments.
func (l *oneShot) command(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	cfg, code := configured(l.name, &l.own, args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.Log.Level = max(cfg.Log.Level, slog.LevelWarn)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := l.run(ctx, cfg, newLogger(cfg, stderr))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(cfg.Secrets.Error(err)))
		return l.failed
	}
	return code
}

// configured takes the own flags of a subcommand, and loads the configuration from the others.
// Without one it has said why, and returns the exit code.
func configured(name string, own *flags, args, environ []string, stdout, stderr io.Writer) (*config.Config, int) {
	rest, err := own.parse(args)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(err))
		return nil, exitUsage
	}
	return loadConfig(name, rest, environ, stdout, stderr)
}

// report writes what is seen: as text while it goes, or as JSON at the end.
type report struct {
	out      io.Writer
	progress *progress
	json     bool
	err      error // of the first writing that failed
}

func newReport(stdout, stderr io.Writer, asJSON bool) report {
	return report{out: stdout, progress: progressOn(stderr), json: asJSON}
}

func (r *report) printf(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.out, format, args...)
	}
}

// writeJSON writes a value for programs, and for people who look at it on a terminal.
func writeJSON(w io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	var out []byte
	for line := range bytes.Lines(text) { // strings have no line feeds
		out = append(console.AppendHarmless(out, bytes.TrimSuffix(line, []byte("\n"))), '\n')
	}
	_, err = w.Write(out)
	return err
}

// progress shows on a terminal how far something is.
type progress struct {
	out   io.Writer // nil where there is no terminal
	last  time.Time
	shown bool
}

func progressOn(w io.Writer) *progress {
	if f, is := w.(*os.File); is && console.IsTerminal(f) {
		return &progress{out: f}
	}
	return &progress{}
}

// text shows a text in place of the one before, a few times in a second.
func (p *progress) text(of func() string) {
	const often = 250 * time.Millisecond
	if p.out == nil || time.Since(p.last) < often {
		return
	}
	p.last, p.shown = time.Now(), true
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", of())
}

func (p *progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.out, "\r\x1b[K")
		p.shown = false
	}
}
