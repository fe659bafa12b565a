package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// newJournal makes the host's journal; nil where it is not to be read. Without a
// watcher it is not followed.
func newJournal(cfg *config.Config, watcher *tail.Watcher, log *slog.Logger) (*journal.Journal, func()) {
	dirs := journalDirs(cfg)
	if len(dirs) == 0 {
		return nil, func() {}
	}
	of := journal.Config{Dirs: dirs, HoldBytes: cfg.HoldBytes, Log: log}
	if watcher != nil {
		of.Watch = func(dir string, changed func(names bool)) (journal.Watch, error) { return watcher.AddDir(dir, changed) }
	}
	j := journal.New(of)
	return j, j.Close
}

// journalDirs returns the directories of the journal that are looked at.
func journalDirs(cfg *config.Config) []string {
	switch {
	case cfg.Mode == config.StreamOnly, slices.Contains(cfg.JournalDir, "none"):
		return nil
	case len(cfg.JournalDir) > 0:
		return cfg.JournalDir
	}
	return []string{"/var/log/journal", "/run/log/journal"}
}

// journalRoute says why a container's log cannot be read from the journal. One that
// has logged nothing yet will be in that of the running system, if its engine runs
// on it; nil where no journal is to be read.
func journalRoute(j *journal.Journal, engine string) func(*logs.Container) error {
	if j == nil {
		return nil
	}
	local := engine == "" || strings.HasPrefix(engine, "unix://")
	return func(c *logs.Container) error {
		err := errors.New("the engine is not on this machine, and the journal has nothing of the container")
		if local {
			err = j.Readable()
		}
		if err == nil || j.Has(c.ID) {
			return nil
		}
		return err
	}
}
