package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
)

// checkCommand validates a configuration and prints the effective one.
func checkCommand(args, environ []string, stdout, stderr io.Writer) int {
	cfg, code := loadConfig("check", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	if text := holdReport(cfg); text != "" {
		_, _ = fmt.Fprintln(stderr, "hold-dir:", text)
	}
	if cfg.DockerHost == config.NoEngine {
		_, _ = fmt.Fprintln(stderr, "docker-host: none:", directoryReport(cfg))
	}
	return printed(stdout, stderr, cfg.Effective())
}

// directoryReport says in words what can be read without an engine.
func directoryReport(cfg *config.Config) string {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	host, closeJournal := newJournal(cfg, nil, quiet)
	defer closeJournal()
	source := newDirectory(cfg, quiet, nil, host, func(string) {})
	ids, err := source.discover.List(ctx)
	if err != nil {
		return err.Error()
	}
	readable, first := 0, ""
	for _, id := range ids {
		c, err := source.discover.Inspect(ctx, id)
		why := ""
		if err != nil {
			why = fmt.Sprintf("%.12s: %v", id, err)
		} else if r := source.route(c); r.Kind == logs.Unreadable {
			why = c.Name + ": " + r.Reason
		}
		switch {
		case why == "":
			readable++
		case first == "":
			first = "; " + why
		}
	}
	return fmt.Sprintf("the logs of %d of %d containers in %s can be read%s", readable, len(ids), source.place, first)
}
