package host

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/watch"
)

// OpenJournal makes the host's journal; nil where it is not to be read. Without a
// watcher it is not followed.
func OpenJournal(cfg *config.Config, watcher *watch.Watcher, log *slog.Logger) (*journal.Journal, func()) {
	dirs := journalDirs(cfg)
	if len(dirs) == 0 {
		return nil, func() {}
	}
	of := journal.Config{Dirs: dirs, HoldBytes: cfg.Hold.Bytes, Senders: journalSenders(cfg), Log: log}
	if watcher != nil {
		of.Watch = func(dir string, changed func(names bool)) (journal.Watch, error) { return watcher.AddDir(dir, changed) }
	}
	j := journal.New(of)
	return j, j.Close
}

// journalDirs returns the directories of the journal that are looked at.
func journalDirs(cfg *config.Config) []string {
	switch {
	case cfg.Reading.Mode == config.StreamOnly, slices.Contains(cfg.Journal.Dirs, "none"):
		return nil
	case len(cfg.Journal.Dirs) > 0:
		return cfg.Journal.Dirs
	}
	return []string{"/var/log/journal", "/run/log/journal"}
}

// engineProgram is the name of the engine's process.
const engineProgram = "dockerd"

// journalSenders returns who is believed to send lines of containers to journald: the
// engine as root, and rootless Docker's of our own user; nil for everybody.
func journalSenders(cfg *config.Config) (all []journal.Sender) {
	for _, s := range cfg.Journal.Senders {
		if s.Any {
			return nil
		}
		all = append(all, journal.Sender{UID: s.UID, Program: s.Program})
	}
	if len(all) > 0 {
		return all
	}
	all = []journal.Sender{{Program: engineProgram}}
	if own := os.Geteuid(); own > 0 {
		all = append(all, journal.Sender{UID: uint32(own), Program: engineProgram}) //nolint:gosec // not negative
	}
	return all
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
