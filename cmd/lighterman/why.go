package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/why"
)

const whyUsage = `Usage: lighterman why TEXT [CONTAINER…] [flags]

Finds lines with a text in what Docker has stored, and says what has become of each:
in Loki under which labels, dropped by which rule, joined to which entry, cut,
refused, or not sent yet and how far delivery is behind. Containers are given by
name, by the beginning of an ID or by service; without one all are searched that
lighterman collects. It runs beside the service, and writes nothing.

` + inquirySince + `  --limit N
        At most so many lines of each container are told of, the newest. Default: 10.
` + inquiryFlags + `
Give it the configuration of the service. The exit code is 0 when there is such a
line, 1 when there is none, and 2 when it could not be found out.
`

// whyCommand says what has become of lines.
func whyCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	of := why.Inquiry{Limit: 10}
	asks := newInquiry(&of.Scope)
	l := oneShot{name: "why", failed: exitUsage, own: flags{
		own: append(asks.flags(), numberFlag("limit", 1, &of.Limit)),
		word: func(text string) error {
			if of.Text != "" {
				return asks.name(text)
			}
			of.Text = text
			return nil
		},
		check: func() error {
			if of.Text == "" {
				return errors.New(`which line? give a text that it has in it; "lighterman help why" says more`)
			}
			return asks.key.check()
		},
	}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (code int, err error) {
		if of.Running, err = asks.running(ctx, cfg); err != nil {
			return 0, err
		}
		report := &whyReport{report: newReport(stdout, stderr, asks.json), all: []whyContainer{}}
		of.Scope.Progress = func(p scan.Progress) { report.progress.text(func() string { return progressText(p) }) }
		err = why.Run(ctx, examine.Service{Config: cfg, Log: log, Version: version()}, of, report.add)
		report.progress.clear()
		if err == nil {
			err = report.end()
		}
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot say why: %w", err)
		case report.lines == 0:
			return exitFailure, nil
		}
		return 0, nil
	}
	return l.command(ctx, args, environ, stdout, stderr)
}
