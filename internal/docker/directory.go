package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

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
	path    string
	watcher Watcher
	log     *slog.Logger
}

// NewDirectory makes a source of the containers of an engine, by its data root. It
// reads nothing yet.
func NewDirectory(root string, watcher Watcher, log *slog.Logger) *Directory {
	return &Directory{path: filepath.Join(root, "containers"), watcher: watcher, log: log}
}

// List returns the IDs of all containers, running or not. The directory of one
// that is being made or removed counts, too.
func (d *Directory) List(context.Context) ([]string, error) {
	dir, err := os.Open(d.path)
	if err != nil {
		return nil, d.noList(err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, d.noList(err)
	}
	ids := names[:0]
	for _, name := range names {
		if isID(name) {
			ids = append(ids, name)
		}
	}
	return ids, nil
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

// Inspect returns one container. The error wraps logs.ErrNotFound when it is gone,
// or is being made or removed; of one that is being made, Events tells.
func (d *Directory) Inspect(_ context.Context, id string) (*logs.Container, error) {
	asked := time.Now()
	c, written, err := stored(d.path, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot read container: %w", logs.ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("cannot read container: %w%s", err, cure(err))
	}
	// That no run was under way was said when the file was written. If nothing was
	// written to the log since, it still holds: a run's first line may come before
	// the file says that it runs, but not before its start.
	c.AsOf = asked
	if !c.Running && newestLog(filepath.Join(d.path, id), id).After(written) {
		c.AsOf = written
	}
	return c, nil
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
