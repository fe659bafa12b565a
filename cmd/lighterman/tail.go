package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/agent"
)

const tailUsage = `Usage: lighterman tail [PATTERN…] [flags]

Shows what containers write, of all containers or of those whose names a pattern
matches, beside a lighterman that runs or without one. Patterns are regular
expressions and match a part of the name: web matches web-1, and ^web$ only web.
Containers that are started later join. Without Loki, address, positions or lock;
docs/tail.md has more.

Which containers (all that is said must hold):
  --service NAME        of a Compose or Swarm service; more than once: of any
  --project NAME        of a Compose project or Swarm stack; likewise
  --label KEY[=VALUE]   that have a label; more than once: all of them
  --image REGEXP        whose image a regular expression matches; likewise any
  --all                 also those that the configuration leaves out
Which lines:
  --since WHEN          from a time on: 10m, 2d, 2006-01-02T15:04:05Z, beginning or
                        now. Default: now
  -n, --tail N          begin with the last N lines of each container
  --no-follow           end when all is shown that was written before
  -i, --include REGEXP  only lines that match; more than once: any of them
  -e, --exclude REGEXP  no lines that match
  -H, --highlight REGEXP
                        mark what matches, as what --include asks for
  --level LEVEL         from a level on: trace, debug, info, warn, error, critical or
                        fatal. Lines whose level cannot be told are left out
  --raw                 without the stages of the configuration
How they are shown:
  -o, --output FORMAT   text, json, raw (lines alone) or template=TEMPLATE
  -t, --timestamps[=short|long]
                        with the time of each line: of the day, or in full
  --timezone ZONE       Local, UTC, a name such as Europe/Berlin, or +02:00
  --fold                the first line of entries that have more
  --color WHEN          auto, always or never
  -q, --quiet           without a word on containers that come and go

The exit code is 0 when it was ended, or has shown all; 1 when nothing matches with
--no-follow, or it cannot go on; 2 when an argument is wrong.

The flags of run choose the engine and its files, and --config the stages.
`

// tailCommand shows what containers write.
func tailCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	o := newTailOptions(time.Now())
	own := o.flags()
	cfg, code := configured("tail", &own, args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.Containers.Pick = &o.pick
	if o.all {
		cfg.Containers.IncludeName, cfg.Containers.ExcludeName = nil, nil
		cfg.Containers.IncludeLabel, cfg.Containers.ExcludeLabel = nil, nil
		cfg.Containers.Pick.All = true
	}
	if !slices.ContainsFunc(args, func(arg string) bool { return arg == "--log-level" || strings.HasPrefix(arg, "--log-level=") }) {
		cfg.Log.Level = slog.LevelError // the terminal is for the lines
	}
	if o.quiet {
		o.view.Notices = nil
	} else {
		o.view.Notices = stderr
	}
	log := newLogger(cfg, stderr)
	ctx, stop := untilSignal(ctx, log)
	defer stop()
	err := agent.Agent{Config: cfg, Log: log, Stdout: stdout, Version: version()}.Tail(ctx, o.view)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0 // before it had begun
	}
	_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
	return exitFailure
}
