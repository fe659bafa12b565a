package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/verify"
)

const verifyUsage = `Usage: lighterman verify [CONTAINER|FILE|journal:NAME…] [flags]

Compares what is stored of containers, and of files and the journal of the host, with
what Loki has, line by line: by timestamp and text, with the stages that were in
force. It says of each how many lines are stored, in Loki, dropped by a rule, added
to other lines, and not yet sent; and which are missing, twice or changed in Loki, or
there and not stored. Lines of a file have no timestamp, and are compared in their
order. Containers are given by name, by the beginning of an ID or by service, files
by their paths, and sections of the journal by journal: and their names; without one
all are compared that lighterman collects. It runs beside the service, reads its
positions from --state-dir, and writes nothing.

  --output NAME
        An output that is compared: one of outputs, or loki-url for the first. May be
        given several times. Default: all.
` + inquirySince + `  --examples N
        So many lines of each kind are shown of each. Default: 3.
` + inquiryFlags + `
Give it the configuration of the service, and run it as the user who may read what
the service reads. The exit code is 0 when nothing is missing, twice, changed or not
stored, 1 when something is, and 2 when it could not be found out.
`

// verifyCommand compares what is stored with what Loki has.
func verifyCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	of := verify.Verification{Examples: 3}
	asks := newInquiry(&of.Scope)
	l := oneShot{name: "verify", failed: exitUsage, own: flags{
		own: append(asks.flags(), numberFlag("examples", 0, &of.Examples),
			listFlag("output", "", &of.Scope.Outputs, func(text string) (string, error) { return text, nil })),
		word:  asks.name,
		check: asks.key.check,
	}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		known, err := asks.running(ctx, cfg)
		if err != nil {
			return 0, err
		}
		of.Refused = refused(known)
		report := &verifyReport{report: newReport(stdout, stderr, asks.json), named: len(of.Scope.Names) > 0}
		of.Scope.Progress = report.show
		report.begin(of.Scope.Since)
		err = verify.Run(ctx, examine.Service{Config: cfg, Log: log, Version: version()}, of, report.add)
		report.progress.clear()
		if err == nil {
			err = report.end()
		}
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot verify: %w", err)
		case report.all.Differing > 0:
			return exitFailure, nil
		case report.failed:
			return exitUsage, nil
		}
		return 0, nil
	}
	return l.command(ctx, args, environ, stdout, stderr)
}

// refused is how many lines Loki has refused of each container.
func refused(known map[string]status.Container) map[string]uint64 {
	out := make(map[string]uint64)
	for id, c := range known {
		if c.Refused != nil {
			out[id] = *c.Refused
		}
	}
	return out
}
