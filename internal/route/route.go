package route

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
)

// Mode says which routes may be taken.
type Mode string

// The modes.
const (
	// Hybrid reads files where there are any and they can be read, and the API
	// otherwise.
	Hybrid Mode = "hybrid"
	// FileOnly never reads a log through the API.
	FileOnly Mode = "file"
	// StreamOnly never reads a file.
	StreamOnly Mode = "stream"
)

// Policy is what the decision depends on besides the container.
type Policy struct {
	Mode Mode
	// FilePercent is the share of the eligible containers that go by file, 0
	// to 100; the others go by API as long as that is allowed.
	FilePercent int
	// Root is the engine's data root as seen from here.
	Root string
}

// Decide chooses a route. It looks at the log file, if there is one.
func (p Policy) Decide(c *logs.Container) logs.Route {
	if reason := unreadable(c); reason != "" {
		return logs.Route{Kind: logs.Unreadable, Reason: reason}
	}
	if c.Driver != "json-file" {
		if p.Mode == FileOnly {
			return logs.Route{Reason: fmt.Sprintf("mode is file, and log driver %q has no file that is read", c.Driver)}
		}
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("log driver %q is read through the API", c.Driver)}
	}
	return p.jsonFile(c)
}

// unreadable says why nobody can read the log, or nothing.
func unreadable(c *logs.Container) string {
	switch {
	case c.Driver == "none":
		return `log driver "none" stores nothing`
	case !readsBack(c.Driver) && c.DriverOptions["cache-disabled"] == "true":
		return fmt.Sprintf("log driver %q cannot be read back and its cache is disabled (cache-disabled=true)", c.Driver)
	default:
		return ""
	}
}

// readsBack tells whether a driver is read without the engine's cache.
func readsBack(driver string) bool {
	return driver == "json-file" || driver == "local" || driver == "journald"
}

func (p Policy) jsonFile(c *logs.Container) logs.Route {
	switch {
	case p.Mode == StreamOnly:
		return logs.Route{Kind: logs.API, Reason: "mode is stream"}
	case p.Mode != FileOnly && !p.chosen(c.ID):
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("not among the %d %% of containers that go by file (file-percent)", p.FilePercent)}
	}
	path := p.Path(c)
	err := probe(path)
	if errors.Is(err, fs.ErrNotExist) && isRotated(path) {
		err = nil // in the middle of a rotation
	}
	if err == nil {
		err = probeRotated(path)
	}
	switch {
	case err == nil:
		return logs.Route{Kind: logs.File, Path: path, Reason: "json-file log can be read"}
	case errors.Is(err, fs.ErrNotExist) && c.StartedAt.IsZero() && isDir(filepath.Dir(path)):
		return logs.Route{Kind: logs.File, Path: path, Reason: "json-file log will exist when the container starts"}
	case p.Mode == FileOnly:
		return logs.Route{Reason: fmt.Sprintf("mode is file, and the json-file log cannot be read: %v", err), Fallback: true}
	default:
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("json-file log cannot be read here: %v", err), Fallback: true}
	}
}

// Path returns where a container's json-file log is seen from here. The
// engine's own LogPath does not help: it is another path within a container.
func (p Policy) Path(c *logs.Container) string {
	return filepath.Join(p.Root, "containers", c.ID, c.ID+"-json.log")
}

// chosen tells whether a container is among the FilePercent that go by file.
// It depends on nothing but the ID, so the choice is stable, and growing the
// share moves only containers that were not among it.
func (p Policy) chosen(id string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id) // a hash does not fail
	return int(h.Sum32()%100) < p.FilePercent
}

var errNotJSON = errors.New("the file does not hold Docker's json-file format")

// probe tells whether a log file can be read and is what its driver says:
// other engines report "json-file" for files of their own format.
func probe(path string) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// Zeros are what truncation from outside leaves.
	var first [1]byte
	if n, _ := f.Read(first[:]); n == 1 && first[0] != '{' && first[0] != 0 {
		return errNotJSON
	}
	return nil
}

// probeRotated tells whether the rotated files can be read, too: a log of which
// only a part can be read goes by API.
func probeRotated(path string) error {
	files, _ := filepath.Glob(path + ".[1-9]*") // the pattern is valid
	for _, file := range files {
		f, err := openRegular(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_ = f.Close()
	}
	return nil
}

func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return f, nil
}

// isRotated tells whether a log has rotated files.
func isRotated(path string) bool {
	files, err := filepath.Glob(path + ".*")
	return err == nil && len(files) > 0
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
