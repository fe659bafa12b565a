package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/host"
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
  --ca-file FILE
        Ask with TLS, and trust these authorities. Without it TLS is used where
        --web-config-file has it, and the certificate there is the one to be found.
  --token-file FILE
        Ask with the first bearer token of a file. Default: --listen-token-file.
  --username NAME
        Ask with a password, that of --password-file.
  --password-file FILE
        The password of --username.

The flags of run choose the engine, the containers and the ways, in a dry run. Of a
lighterman that runs, --include-name and --exclude-name choose what is shown.
`

// lsCommand lists the containers of the host and how their logs are read.
func lsCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var key key
	asJSON := false
	l := oneShot{name: "ls", failed: exitFailure, own: flags{own: append(key.flags(), jsonFlag(&asJSON)), check: key.check}}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		list, err := listHost(ctx, key, cfg, log)
		switch {
		case err != nil:
			return 0, err
		case asJSON:
			return 0, writeJSON(stdout, list)
		}
		return 0, list.WriteTable(stdout, terminalWidth(stdout))
	}
	return l.command(ctx, args, environ, stdout, stderr)
}

// listHost asks the lighterman that runs, or else looks at the host.
func listHost(ctx context.Context, key key, cfg *config.Config, log *slog.Logger) (*status.List, error) {
	if cfg.Listener.Address == "" {
		return host.List(ctx, cfg, version(), log)
	}
	client, err := key.client(cfg)
	if err != nil {
		return nil, err
	}
	running, err := client.Fetch(ctx)
	switch {
	case err == nil:
		running.Containers = slices.DeleteFunc(running.Containers, func(c status.Container) bool { return !named(cfg, c.Name) })
		if cfg.Given("include-label") || cfg.Given("exclude-label") {
			log.Warn("include-label and exclude-label do not apply to the list of a running lighterman, which has no labels; --listen off looks at the host itself")
		}
		return status.NewList(status.Running, cfg.Listener.Address, running), nil
	case errors.Is(err, status.ErrNobody):
		list, failed := host.List(ctx, cfg, version(), log)
		if failed != nil {
			return nil, fmt.Errorf("%w (this was a dry run; a lighterman that runs was looked for at %s)", failed, cfg.Listener.Address)
		}
		return list, nil
	}
	return nil, fmt.Errorf("%w\nsay with --listen where lighterman listens, or look without one with --listen off", err)
}

// named reports whether a container is chosen by its name.
func named(cfg *config.Config, name string) bool {
	matches := func(p *regexp.Regexp) bool { return p.MatchString(name) }
	return (len(cfg.Containers.IncludeName) == 0 || slices.ContainsFunc(cfg.Containers.IncludeName, matches)) && !slices.ContainsFunc(cfg.Containers.ExcludeName, matches)
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
