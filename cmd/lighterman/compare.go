package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/trial"
)

const compareUsage = `Usage: lighterman compare [--for DURATION] [--json] [flags]

Tells what each mode, hybrid, file and stream, would cover and hold on this host,
from its containers and the growth of their logs, and measures the one that --mode
chooses: it reads what is written meanwhile and throws it away. It begins at the end
of every log, makes no load of its own, writes nothing, opens no port and sends
nothing. Ctrl-C ends it early, with what it knows by then.

  --for DURATION
        How long to look, from 1s to 1h. Default: 60s.
  --json
        JSON instead of text.

The flags of run choose the engine, the containers and the mode.
`

// lengthFlag is how long to look.
func lengthFlag(to *time.Duration) argument {
	return argument{"for", "", needed, func(text string) (err error) {
		if *to, err = time.ParseDuration(text); err != nil || *to < time.Second || *to > time.Hour {
			return errors.New("needs a duration from 1s to 1h, such as 60s")
		}
		return nil
	}}
}

// compareCommand tells what the modes would do on this host.
func compareCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	length, asJSON := time.Minute, false
	l := oneShot{name: "compare", failed: exitFailure, own: flags{own: []argument{lengthFlag(&length), jsonFlag(&asJSON)}}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		found, err := trial.Compare(ctx, cfg, version(), log, length, stderr)
		switch {
		case err != nil:
			return 0, err
		case asJSON:
			return 0, writeJSON(stdout, found)
		}
		return 0, found.WriteText(stdout)
	}
	return l.command(ctx, args, environ, stdout, stderr)
}
