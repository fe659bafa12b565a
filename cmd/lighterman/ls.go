package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/lighterman/lighterman/internal/agent"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
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
	const flag = "--json"
	asJSON := slices.Contains(args, flag)
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == flag })
	key, args, err := parseKey(args)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitUsage
	}
	cfg, code := loadConfig("ls", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.Log.Level = max(cfg.Log.Level, slog.LevelWarn)
	list, err := listHost(ctx, key, agent.Agent{Config: cfg, Log: newLogger(cfg, stderr), Version: version()})
	if err == nil && asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(list)
	} else if err == nil {
		err = list.WriteTable(stdout, terminalWidth(stdout))
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	return 0
}

// listHost asks the lighterman that runs, or else looks at the host.
func listHost(ctx context.Context, key key, a agent.Agent) (*status.List, error) {
	cfg := a.Config
	if cfg.Listener.Address == "" {
		return a.List(ctx)
	}
	door, err := key.door(cfg)
	if err != nil {
		return nil, err
	}
	running, err := door.Fetch(ctx)
	switch {
	case err == nil:
		running.Containers = slices.DeleteFunc(running.Containers, func(c status.Container) bool { return !named(cfg, c.Name) })
		if cfg.Given("include-label") || cfg.Given("exclude-label") {
			a.Log.Warn("include-label and exclude-label do not apply to the list of a running lighterman, which has no labels; --listen off looks at the host itself")
		}
		return status.NewList(status.Running, cfg.Listener.Address, running), nil
	case errors.Is(err, status.ErrNobody):
		list, failed := a.List(ctx)
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
