package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/try"
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

// maxLast is how many lines may be asked for.
const maxLast = 1_000_000

// tryFlags are those that only this subcommand has.
func tryFlags(o *try.Options, now time.Time) flags {
	o.As.Labels, o.As.ContainerLabels = make(map[string]string), make(map[string]string)
	return flags{
		own: []argument{
			jsonFlag(&o.JSON), textFlag("name", &o.As.Name),
			{"last", "", needed, func(text string) (err error) {
				if o.Last, err = strconv.Atoi(text); err != nil || o.Last < 1 || o.Last > maxLast {
					return fmt.Errorf("needs a number from 1 to %d", maxLast)
				}
				return nil
			}},
			{"since", "", needed, func(text string) (err error) { o.Since, err = trySince(text, now); return err }},
			pairFlag("label", o.As.Labels), pairFlag("container-labels", o.As.ContainerLabels),
		},
		word: func(text string) error { o.Subjects = append(o.Subjects, text); return nil },
		check: func() error {
			if len(o.Subjects) == 0 {
				return errors.New(`whose lines? give a container, a file, or "-" for standard input; "lighterman help try" says more`)
			}
			return nil
		},
	}
}

func trySince(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago <= 0 {
		return now, errors.New("needs a duration, such as 10m, or a time, such as 2026-01-02T15:04:05Z")
	}
	return now.Add(-ago), nil
}

// pairFlag is a flag with a name and a value, which may be given several times.
func pairFlag(long string, to map[string]string) argument {
	return argument{long, "", needed, func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return errors.New("needs NAME=VALUE")
		}
		to[name] = value
		return nil
	}}
}

// tryCommand shows what the stages make of lines.
func tryCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	o := try.Options{Stdin: os.Stdin}
	l := oneShot{name: "try", failed: exitFailure, own: tryFlags(&o, time.Now())}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		return 0, try.Run(ctx, cfg, log, stdout, o)
	}
	return l.command(ctx, args, environ, stdout, stderr)
}
