package target

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lighterman/lighterman/internal/beneath"
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
	// NoEngine reports whether there is no engine to read a log through.
	NoEngine bool
	// Podman reports whether the engine is Podman. Its files are not Docker's, whatever
	// it calls their driver, and the timestamps in its API's answers are of whole
	// seconds (4.3) or in local time (6.0).
	Podman bool
	// Journal says why the log of a container that logs to journald cannot be read
	// from the host's journal, and nothing if it can. It is nil where the journal
	// is not to be read.
	Journal func(*logs.Container) error
}

// Decide chooses a route. It looks at the log file, if there is one.
func (p Policy) Decide(c *logs.Container) logs.Route {
	route := p.decide(c)
	if c.Problem != "" {
		route.Reason += "; " + c.Problem
	}
	return route
}

func (p Policy) decide(c *logs.Container) logs.Route {
	if reason := unreadable(c); reason != "" {
		return logs.Route{Kind: logs.Unreadable, Reason: reason}
	}
	if p.Podman {
		return logs.Route{Reason: fmt.Sprintf("the engine is Podman: its %q log is not in Docker's format, and its API lacks the exact timestamps that lines are told apart by", c.Driver)}
	}
	f := p.file(c)
	absent := !f.expected && probe(f) != nil && !isRotated(f.path)
	if c.Driver == "journald" && p.Journal != nil {
		if route := p.journal(c); route.Kind == logs.Journal || absent {
			return route
		}
	}
	if absent {
		if why := p.withoutAPI(); why != "" {
			return logs.Route{Reason: fmt.Sprintf("%s, and log driver %q has no file that is read", why, c.Driver)}
		}
		if p.Mode == StreamOnly {
			return logs.Route{Kind: logs.API, Reason: "mode is stream"}
		}
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("log driver %q is read through the API", c.Driver)}
	}
	return p.read(c, f)
}

// withoutAPI says why no log may be read through the API, or nothing.
func (p Policy) withoutAPI() string {
	switch {
	case p.Mode == FileOnly:
		return "mode is file"
	case p.NoEngine:
		return "docker-host is none"
	}
	return ""
}

// unreadable says why nobody can read the log, or nothing.
func unreadable(c *logs.Container) string {
	switch {
	case c.Driver == "none":
		return `log driver "none" stores nothing`
	case !readsBack(c.Driver) && cacheDisabled(c):
		return fmt.Sprintf("log driver %q cannot be read back and its cache is disabled (cache-disabled=true)", c.Driver)
	default:
		return ""
	}
}

// readsBack reports whether a driver is read without the engine's cache.
func readsBack(driver string) bool {
	return driver == "json-file" || driver == "local" || driver == "journald"
}

func cacheDisabled(c *logs.Container) bool { return c.DriverOptions["cache-disabled"] == "true" }

// notByFile is the API where a container is not to be read from files, the
// journal's or Docker's.
func (p Policy) notByFile(c *logs.Container) (api logs.Route, ok bool) {
	switch {
	case p.Mode == StreamOnly:
		return logs.Route{Kind: logs.API, Reason: "mode is stream"}, true
	case p.withoutAPI() == "" && !p.chosen(c.ID):
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("not among the %d %% of containers that go by file (file-percent)", p.FilePercent)}, true
	}
	return logs.Route{}, false
}

// read chooses the file unless that is not wanted or not possible.
func (p Policy) read(c *logs.Container, f file) logs.Route {
	if api, ok := p.notByFile(c); ok {
		return api
	}
	err := probe(f)
	gone := errors.Is(err, fs.ErrNotExist) && isDir(f.dir)
	if err == nil || gone {
		if rotated := probeRotated(f.path); rotated != nil {
			gone, err = false, rotated
		}
	}
	route := logs.Route{Kind: logs.File, Path: f.path, Format: f.format, Missing: gone && c.Running && !c.StartedAt.IsZero()}
	switch {
	case err == nil:
		route.Reason = f.name + " can be read" + f.limits
	case gone && c.StartedAt.IsZero():
		route.Reason = f.name + " will exist when the container starts" + f.limits
	case gone && !c.Running:
		route.Reason = f.name + " was deleted or renamed, Docker makes another one when the container starts" + f.limits
	case gone && isRotated(f.path):
		route.Reason = f.name + " was deleted or renamed while the container runs: restart the container; its other files are read"
	case gone:
		route.Kind, route.Deleted, route.Fallback = logs.Unreadable, true, true
		route.Reason = f.name + " was deleted while the container runs: Docker writes on to the deleted file, which nobody can read; restart the container"
		if !readsBack(c.Driver) {
			route.Reason += " (engines before 20.10 have no such cache)"
		}
	case p.withoutAPI() != "":
		return logs.Route{Reason: fmt.Sprintf("%s, and the %s cannot be read: %v", p.withoutAPI(), f.name, err), Fallback: true}
	default:
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("%s cannot be read here: %v%s", f.name, err, f.limits), Fallback: true}
	}
	return route
}

// chosen reports whether a container is among the FilePercent that go by file.
// It depends on nothing but the ID, so the choice is stable, and growing the
// share moves only containers that were not among it.
func (p Policy) chosen(id string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id) // a hash does not fail
	return int(h.Sum32()%100) < p.FilePercent
}

// probeRotated reports whether the rotated files can be read, too: a log of which
// only a part can be read goes by API.
func probeRotated(path string) error {
	for _, file := range others(path) {
		if number := strings.TrimPrefix(file, path+"."); number == file || number == "" || number[0] < '1' || number[0] > '9' {
			continue
		}
		f, _, err := beneath.OpenRegular(file)
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

// isRotated reports whether a log has other files than the live one, be it that rotation or
// that somebody else has renamed them.
func isRotated(path string) bool { return len(others(path)) > 0 }

// others returns the files that have a log's name and more behind it.
func others(path string) (paths []string) {
	names, err := beneath.Names(filepath.Dir(path))
	if err != nil {
		return nil // the log cannot be read either
	}
	for _, name := range names {
		if more, ok := strings.CutPrefix(name, filepath.Base(path)); ok && more != "" && (more[0] == '.' || more[0] == '-') {
			paths = append(paths, filepath.Join(filepath.Dir(path), name))
		}
	}
	return paths
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
