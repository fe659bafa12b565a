package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/agent"
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

// compareOptions is what only this subcommand takes.
type compareOptions struct {
	time   time.Duration
	asJSON bool
	// rest are the flags of run.
	rest []string
}

var errFor = errors.New("--for: needs a duration from 1s to 1h, such as 60s")

func parseCompare(args []string) (compareOptions, error) {
	o := compareOptions{time: time.Minute}
	for i := 0; i < len(args); i++ {
		value, attached := strings.CutPrefix(args[i], "--for=")
		switch {
		case args[i] == "--json":
			o.asJSON = true
			continue
		case !attached && args[i] != "--for":
			o.rest = append(o.rest, args[i])
			continue
		case !attached && i+1 == len(args):
			return o, errFor
		case !attached:
			i++
			value = args[i]
		}
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Second || d > time.Hour {
			return o, errFor
		}
		o.time = d
	}
	return o, nil
}

// compareCommand tells what the modes would do on this host.
func compareCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	o, err := parseCompare(args)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitUsage
	}
	cfg, code := loadConfig("compare", o.rest, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.Log.Level = max(cfg.Log.Level, slog.LevelWarn)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	found, err := agent.Agent{Config: cfg, Log: newLogger(cfg, stderr), Version: version()}.Compare(ctx, o.time, stderr)
	if err == nil && o.asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(found)
	} else if err == nil {
		err = found.WriteText(stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	return 0
}
