package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

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
  --since DURATION
        Begins so long ago, or at a time such as 2006-01-02T15:04:05Z. Default: 24h.
  --examples N
        So many lines of each kind are shown of each. Default: 3.
  --queries N
        At most so many queries of Loki a second. Default: 10.
  --json
        JSON instead of text; docs/verify.md describes it.
  --ca-file FILE
        Ask the service, for what Loki has refused, with TLS, and trust these
        authorities.
  --token-file FILE
        Ask it with the first bearer token of a file. Default: --listen-token-file.
  --username NAME
        Ask it with a password, that of --password-file.
  --password-file FILE
        The password of --username.

Give it the configuration of the service, and run it as the user who may read what
the service reads. The exit code is 0 when nothing is missing, twice, changed or not
stored, 1 when something is, and 2 when it could not be found out.
`

// verifyCommand compares what is stored with what Loki has.
func verifyCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	now := time.Now()
	of := verify.Verification{Scope: examine.Scope{Since: now.Add(-24 * time.Hour), PerSecond: 10}, Examples: 3}
	var key key
	asJSON := false
	l := oneShot{name: "verify", failed: exitUsage, own: flags{
		own: append(key.flags(), sinceFlag(&of.Scope.Since, now), numberFlag("examples", 0, &of.Examples), rateFlag(&of.Scope.PerSecond), jsonFlag(&asJSON),
			listFlag("output", "", &of.Scope.Outputs, func(text string) (string, error) { return text, nil })),
		word:  func(text string) error { of.Scope.Names = append(of.Scope.Names, text); return nil },
		check: key.check,
	}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		known, err := running(ctx, key, cfg)
		if err != nil {
			return 0, err
		}
		of.Refused = refused(known)
		report := &verifyReport{report: newReport(stdout, stderr, asJSON), named: len(of.Scope.Names) > 0}
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

// running asks the service that runs for its containers, by ID; nil where there is none that
// answers.
func running(ctx context.Context, key key, cfg *config.Config) (map[string]status.Container, error) {
	if cfg.Listener.Address == "" {
		return nil, nil
	}
	client, err := key.client(cfg)
	if err != nil {
		return nil, err
	}
	state, err := client.Fetch(ctx)
	if err != nil {
		return nil, nil //nolint:nilerr // then it is not known, which is said
	}
	out := make(map[string]status.Container)
	for _, c := range state.Containers {
		out[c.ID] = c
	}
	return out, nil
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
