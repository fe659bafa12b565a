package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/sample"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/suggest"
)

const suggestUsage = `Usage: lighterman suggest [CONTAINER…] [flags]

Looks at what Docker has stored of containers, and prints a configuration for it,
with the figures as comments: stack traces to be joined, parsers, levels that nobody
finds, health checks and other noise, colours, secrets, fields with too many values
for a label, and log options of Docker that lose lines or fill the disk. What the
configuration in force does already is not proposed again. No secret is printed.

Containers are given by name, by the beginning of an ID or by service; without one
all are looked at that lighterman collects. Of each at most the newest 16 MiB are
read, and the comments say how much that was. It runs beside a lighterman that runs,
and changes nothing. To see what comes of it:

  lighterman suggest > proposed.yaml
  lighterman check --config proposed.yaml
  lighterman try --config proposed.yaml CONTAINER

  --since DURATION
        Begins so long ago, or at a time such as 2006-01-02T15:04:05Z. Default: 24h.
  --json
        What was found as JSON; docs/suggest.md describes it.

The exit code is 0 when containers could be looked at, whatever was found, 1 when none
could be, and 2 when a flag or the configuration is wrong.
`

// suggestCommand proposes configuration.
func suggestCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	now := time.Now()
	of := sample.Inspection{Since: now.Add(-24 * time.Hour)}
	asJSON := false
	l := oneShot{name: "suggest", failed: exitFailure, own: flags{
		own:  []argument{sinceFlag(&of.Since, now), jsonFlag(&asJSON)},
		word: func(text string) error { of.Containers = append(of.Containers, text); return nil },
	}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		shown := progressOn(stderr)
		of.Progress = func(p scan.Progress) { shown.text(func() string { return progressText(p) }) }
		report, err := sample.Suggest(ctx, cfg, log, of)
		shown.clear()
		if err == nil {
			err = lookedAtSome(report)
			noteUnread(report, stderr)
		}
		if err == nil {
			err = printReport(report, asJSON, stdout)
		}
		if err != nil {
			return 0, fmt.Errorf("cannot suggest: %w", err)
		}
		return 0, nil
	}
	return l.command(ctx, args, environ, stdout, stderr)
}

// noteUnread says which containers could not be looked at, and how much was found.
func noteUnread(r *suggest.Report, stderr io.Writer) {
	for _, c := range r.Containers {
		if c.Unread != "" {
			_, _ = fmt.Fprintf(stderr, "%s: not looked at: %s\n", console.Escaped(c.Name), console.Escaped(c.Unread))
		}
	}
}

// lookedAtSome is an error where no container could be looked at.
func lookedAtSome(r *suggest.Report) error {
	switch {
	case len(r.Containers) == 0:
		return errors.New("there is no container that lighterman collects; \"lighterman ls\" says why")
	case !slices.ContainsFunc(r.Containers, func(c *suggest.Container) bool { return c.Unread == "" }):
		return errors.New("the log of no container could be read")
	}
	return nil
}

// printReport prints what was found in one go, so that a configuration is all there or not at
// all. Of JSON nothing may do something to a terminal.
func printReport(r *suggest.Report, asJSON bool, stdout io.Writer) error {
	var out bytes.Buffer
	if !asJSON {
		if err := r.Configuration(&out); err != nil {
			return err
		}
		_, err := stdout.Write(out.Bytes())
		return err
	}
	if err := r.JSON(&out); err != nil {
		return err
	}
	var harmless []byte
	for line := range bytes.Lines(out.Bytes()) {
		harmless = append(console.AppendHarmless(harmless, bytes.TrimSuffix(line, []byte("\n"))), '\n')
	}
	_, err := stdout.Write(harmless)
	return err
}
