package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/agent"
	"github.com/lighterman/lighterman/internal/config"
)

const tryUsage = `Usage: lighterman try [--last N] [--since TIME] [--json] [flags] CONTAINER|FILE...

Takes lines through the stages of the configuration and shows each line before and
after every stage, what drops it, its labels, and the time that each stage takes.
Sends and writes nothing, takes no lock and no port: it works beside a lighterman
that runs.

A container is given by its name, the beginning of its ID, or its Compose or Swarm
service. What is called like a file, or is one, is a file: plain text, or a log of
Docker's json-file or local driver, compressed or not. "-" is standard input.

  --last N
        How many of the last lines. Default: 20 of a container, all of a file.
  --since TIME
        Lines from a time on: a duration, such as 10m, or a time, such as
        2026-01-02T15:04:05Z. Of a container then all of them, unless --last is set.
  --name NAME
        The name of the container that a file is taken for. Default: the file's.
  --container-labels NAME=VALUE
        A label that this container has in Docker. May be given several times.
  --label NAME=VALUE
        A label in Loki, in place of what the configuration gives. May be given
        several times. stream=stderr is for lines of a plain file.
  --json
        An object per line instead of text; docs/testing-rules.md describes them.

The flags of run choose the configuration, the engine, the way and colours.
`

// tryFlags are those that only this subcommand has, and whether they have a value.
var tryFlags = map[string]bool{"last": true, "since": true, "name": true, "container-labels": true, "label": true, "json": false}

// maxLast is how many lines may be asked for.
const maxLast = 1_000_000

// parseTry takes the arguments apart: our own flags, containers and files, and the flags of
// run.
func parseTry(args []string, now time.Time) (o agent.TryOptions, rest []string, err error) {
	o.As.Labels, o.As.ContainerLabels = make(map[string]string), make(map[string]string)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, attached := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		takes, own := tryFlags[name]
		switch {
		case arg == "--":
			o.Subjects = append(o.Subjects, args[i+1:]...)
			return o, rest, nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			o.Subjects = append(o.Subjects, arg)
			continue
		case !own || !strings.HasPrefix(arg, "--"):
			rest = append(rest, arg)
			if !attached && config.TakesValue(name) && i+1 < len(args) {
				i++
				rest = append(rest, args[i])
			}
			continue
		case takes && !attached && i+1 == len(args):
			return o, rest, fmt.Errorf("--%s: needs a value", name)
		case takes && !attached:
			i++
			value = args[i]
		}
		if err := takeTry(&o, name, value, now); err != nil {
			return o, rest, err
		}
	}
	return o, rest, nil
}

// takeTry takes one of our own flags.
func takeTry(o *agent.TryOptions, name, value string, now time.Time) (err error) {
	switch name {
	case "json":
		o.JSON = value != "false"
	case "name":
		o.As.Name = value
	case "last":
		if o.Last, err = strconv.Atoi(value); err != nil || o.Last < 1 || o.Last > maxLast {
			return fmt.Errorf("--last: needs a number from 1 to %d", maxLast)
		}
	case "since":
		if o.Since, err = time.Parse(time.RFC3339Nano, value); err == nil {
			return nil
		}
		ago, err := time.ParseDuration(value)
		if err != nil || ago <= 0 {
			return errors.New("--since: needs a duration, such as 10m, or a time, such as 2026-01-02T15:04:05Z")
		}
		o.Since = now.Add(-ago)
	case "label", "container-labels":
		to := o.As.Labels
		if name == "container-labels" {
			to = o.As.ContainerLabels
		}
		key, text, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return fmt.Errorf("--%s: needs NAME=VALUE", name)
		}
		to[key] = text
	}
	return nil
}

// tryCommand shows what the stages make of lines.
func tryCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	o, rest, err := parseTry(args, time.Now())
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitUsage
	}
	cfg, code := loadConfig("try", rest, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	if len(o.Subjects) == 0 {
		_, _ = fmt.Fprintln(stderr, `whose lines? give a container, a file, or "-" for standard input; "lighterman help try" says more`)
		return exitUsage
	}
	cfg.Log.Level = max(cfg.Log.Level, slog.LevelWarn)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.Stdin = os.Stdin
	err = agent.Agent{Config: cfg, Log: newLogger(cfg, stderr), Stdout: stdout, Version: version()}.Try(ctx, o)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	return 0
}
