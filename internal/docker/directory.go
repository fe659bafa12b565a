package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
)

// Watcher watches directories. WatchDir calls told, which must not block, with
// every name that appears in one or is deleted there, and with the empty name when
// the directory may be gone or events were lost.
type Watcher interface {
	WatchDir(path string, told func(name string)) (end func(), err error)
}

// Directory is an engine seen through the directory of its containers alone: it
// tells which there are, what they are and what happens to them, without the
// engine's socket, and also while the engine is down.
type Directory struct {
	root string
	// watcher is nil where nothing is watched.
	watcher Watcher
	keep    Keep
	log     *slog.Logger
}

// NewDirectory makes a source of the containers of an engine, by its data root. It
// reads nothing yet. Without a watcher, or where that fails, it looks for changes. keep
// says which labels of containers are wanted.
func NewDirectory(root string, watcher Watcher, keep Keep, log *slog.Logger) *Directory {
	return &Directory{root: root, watcher: watcher, keep: keep, log: log}
}

// List returns the IDs of all containers, running or not. The directory of one
// that is being made or removed counts, too. Which of them have ended is not known.
func (d *Directory) List(context.Context) (ids []string, ended int, err error) {
	containers, err := containersOf(d.root)
	if err != nil {
		return nil, 0, d.noList(err)
	}
	names, err := beneath.Names(containers)
	if err != nil {
		return nil, 0, d.noList(err)
	}
	ids = names[:0]
	for _, name := range names {
		if isID(name) {
			ids = append(ids, name)
		}
	}
	return ids, len(ids), nil
}

// noList says why there is no list.
func (d *Directory) noList(err error) error {
	return fmt.Errorf("cannot list containers: %w%s", err, cure(err))
}

// cure says what to do where that is known.
func cure(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return " (docs/permissions.md says what lighterman has to be able to read)"
	case errors.Is(err, fs.ErrNotExist):
		return " (docker-root must be the directory in which Docker has its directory containers)"
	}
	return ""
}

// settled is how long after a name in a container's directory came or went it is neither
// being made nor removed: only then something is missing there for good.
const settled = 3 * time.Second

// Inspect returns one container. The error wraps logs.ErrNotFound when it is gone,
// or is being made or removed, and logs.ErrUnsettled in the latter case. Where the engine's
// files are damaged the container is what can be told of it all the same.
func (d *Directory) Inspect(_ context.Context, id string) (*logs.Container, error) {
	asked := time.Now()
	containers, err := containersOf(d.root)
	if err != nil {
		return nil, d.unread(err)
	}
	s, err := readStored(containers, id, d.keep)
	if err != nil {
		return nil, d.unread(err)
	}
	dir := filepath.Join(containers, id)
	problem := s.problem(id)
	missing := errors.Is(problem, fs.ErrNotExist)
	switch {
	case problem == nil:
		return stateOf(s.facts.container(id), dir, s.written, asked), nil
	case missing && asked.Sub(s.since).Abs() < settled:
		return nil, fmt.Errorf("cannot read container: %w", logs.ErrUnsettled)
	case errors.Is(problem, fs.ErrPermission):
		return nil, d.unread(problem)
	case errors.Is(s.config, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no %s: it was not removed entirely, or restored without", configFile)
	}
	return stateOf(s.facts.guess(id, driverIn(dir, id, s.facts.logPath), problem), dir, s.written, asked), nil
}

// unread says why nothing of a container can be read.
func (d *Directory) unread(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read container: %w", logs.ErrNotFound)
	}
	return fmt.Errorf("cannot read container: %w%s", err, cure(err))
}

// stateOf adds for which time the container's state holds. That no run was under way was
// said when the file was written. If nothing was written to the log since, it still holds:
// a run's first line may come before the file says that it runs, but not before its start.
func stateOf(c *logs.Container, dir string, written, asked time.Time) *logs.Container {
	c.AsOf = asked
	if !c.Running && newestLog(dir, c.ID).After(written) {
		c.AsOf = written
	}
	return c
}

// driverIn tells by the files of a container which log driver it has. Only json-file has a
// path that the engine notes down.
func driverIn(dir, id, logPath string) string {
	names, _ := beneath.Names(dir) // if not, nothing is known
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, id+"-json.log"):
			return "json-file"
		case name == "local-logs":
			return "local"
		}
	}
	if logPath != "" {
		return "json-file"
	}
	return UnknownDriver
}

// newestLog returns when the log of a container was last written to, in whatever
// file the engine keeps it; zero when there is none.
func newestLog(dir, id string) (newest time.Time) {
	for _, name := range []string{id + "-json.log", filepath.Join("local-logs", "container.log"), "container-cached.log"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

// identity tells one directory from another that has taken its place.
type identity struct{ dev, inode uint64 }

func identify(path string) (identity, error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return identity{stat.Dev, stat.Ino}, nil
}
