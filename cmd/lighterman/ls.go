package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/listing"
	"github.com/lighterman/lighterman/internal/status"
)

const lsUsage = `Usage: lighterman ls [--json] [flags]

Lists the containers of this host, with log driver, the way the log is read and
why, position, lag, lines and the last error. A lighterman that runs is asked, at
the address of --listen; if there is none, or with --listen off, this is a dry
run: how lighterman would read this host. A dry run writes nothing. What files can
be read depends on the user, so be the one that lighterman runs as.

  --json
        JSON instead of a table; docs/ls.md describes it.

The flags of run choose the engine, the containers and the ways, in a dry run.
`

// lsCommand lists the containers of the host and how their logs are read.
func lsCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	const flag = "--json"
	asJSON := slices.Contains(args, flag)
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == flag })
	cfg, code := loadConfig("ls", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.LogLevel = max(cfg.LogLevel, slog.LevelWarn)
	list, err := listHost(ctx, cfg, newLogger(cfg, stderr))
	if err == nil && asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(list)
	} else if err == nil {
		err = list.WriteTable(stdout, terminalWidth(stdout))
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitFailure
	}
	return 0
}

// listHost asks the lighterman that runs, or else looks at the host.
func listHost(ctx context.Context, cfg *config.Config, log *slog.Logger) (*listing.List, error) {
	if cfg.Listen == "" {
		return dryRun(ctx, cfg, log)
	}
	running, err := status.Fetch(ctx, cfg.Listen)
	switch {
	case err == nil:
		return listing.New(listing.Running, cfg.Listen, running), nil
	case errors.Is(err, status.ErrNobody):
		list, failed := dryRun(ctx, cfg, log)
		if failed != nil {
			return nil, fmt.Errorf("%w (this was a dry run; a lighterman that runs was looked for at %s)", failed, cfg.Listen)
		}
		return list, nil
	}
	return nil, fmt.Errorf("%w\nsay with --listen where lighterman listens, or look without one with --listen off", err)
}

// dryRun tells how the logs of this host would be read. It takes no lock and
// writes nothing.
func dryRun(ctx context.Context, cfg *config.Config, log *slog.Logger) (*listing.List, error) {
	// Nothing is watched in a single look.
	host, closeJournal := newJournal(cfg, nil, log)
	defer closeJournal()
	source, err := newSource(ctx, cfg, nil, host, log, func(string) {})
	if err != nil {
		return nil, err
	}
	defer source.close()
	discovery := source.discovery(cfg, log)
	if err := discovery.Once(ctx); err != nil {
		return nil, err
	}
	out := status.Snapshot{Version: version(), Source: source.place, EngineConnected: true, Containers: unknown(discovery)}
	containers, _ := discovery.Wanted()
	for _, c := range containers {
		chosen := source.route(c)
		out.Containers = append(out.Containers, status.ContainerStatus{
			Name: c.Name, ID: c.ID, Driver: c.Driver, Route: chosen.Kind.String(), Reason: chosen.Reason,
		})
	}
	return listing.New(listing.DryRun, cfg.Listen, out.Clean()), nil
}

// terminalWidth is how many letters a line has on a terminal: 0, for no limit,
// where there is none, unless COLUMNS says otherwise.
func terminalWidth(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := w.(*os.File); ok {
		return console.Width(f)
	}
	return 0
}
