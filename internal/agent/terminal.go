package agent

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// positions is where the place in every log is kept: on disk, or in memory.
type positions interface {
	collect.Store
	fileStore
	Flush()
	Run(ctx context.Context) error
	Stats() checkpoint.Stats
}

// ForStandardOutput makes the settings those of a look at the logs, where nobody has
// set them otherwise: beside a service on the same host, so without its address and
// its state directory, and from now on.
func ForStandardOutput(cfg *config.Config, stdout io.Writer) {
	if cfg.Loki.URL != nil {
		return
	}
	if !cfg.Given("listen") {
		cfg.Listener.Address = ""
	}
	if !cfg.Given("state-dir") {
		// Nothing outlives the process, so neither do links.
		cfg.StateDir, cfg.Hold.Dir = "", ""
		if !cfg.Given("since") {
			cfg.Reading.Since = config.Since{Now: !cfg.Reading.Tail.Set, Beginning: cfg.Reading.Tail.Set}
		}
	}
	if f, ok := stdout.(*os.File); ok && console.IsTerminal(f) && !cfg.Given("log-level") {
		cfg.Log.Level = slog.LevelWarn // the terminal is for the lines
	}
}

// records is how many records are read for the last lines: a line may be in parts.
func records(lines int) int { return 4*lines + 64 }

// tailRecords is how many records the engine is asked for at first; 0 for all.
func tailRecords(cfg *config.Config) int {
	if !cfg.Reading.Tail.Set {
		return 0
	}
	return records(cfg.Reading.Tail.N)
}

// beginAtTail returns where a container's file is begun of which only the last lines are
// wanted, so that not all of it is read; nil where all is wanted. A line may have been
// written in parts, so it begins earlier, and what is too much is left out at the end.
func beginAtTail(cfg *config.Config, route func(*logs.Container) logs.Route) func(*logs.Container) (logs.Position, bool) {
	if !cfg.Reading.Tail.Set {
		return nil
	}
	return func(c *logs.Container) (at logs.Position, ok bool) {
		r := route(c)
		if r.Kind != logs.File || !cfg.Reading.Since.Beginning {
			return at, false
		}
		file, err := tail.Back(r.Path, r.Format, records(cfg.Reading.Tail.N))
		return logs.Position{File: file}, err == nil
	}
}
