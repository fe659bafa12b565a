package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
)

// The files in a container's directory in which the engine keeps what it knows.
// Each is replaced as a whole, hostconfig.json first, at every change of state,
// name or configuration, and not while a log rotates.
const (
	configFile = "config.v2.json"
	hostFile   = "hostconfig.json"
)

// Stored returns what the engine has on disk of a container, below its data
// root. It is there before the engine tells of the container, while an inspection
// has to wait until the container has started, and comes too late for one that
// is removed at once. The error wraps os.ErrNotExist when the container is gone,
// or is being made or removed.
func Stored(root, id string) (*logs.Container, error) {
	c, _, err := stored(filepath.Join(root, "containers"), id)
	if err != nil {
		return nil, fmt.Errorf("cannot read container: %w", err)
	}
	return c, nil
}

// stored returns a container, and when the engine wrote its state.
func stored(containers, id string) (c *logs.Container, written time.Time, err error) {
	if !isID(id) {
		return nil, written, fmt.Errorf("%q is no ID", id)
	}
	dir, err := openDir(filepath.Join(containers, id))
	if err != nil {
		return nil, written, err
	}
	defer func() { _ = dir.Close() }()
	config, written, err := readAt(dir, configFile)
	if err != nil {
		return nil, written, err
	}
	host, _, err := readAt(dir, hostFile)
	if err != nil {
		return nil, written, err
	}
	c, err = decode(id, config, host)
	return c, written, err
}

// storedConfig and storedHost are what is of interest in the two files, as the
// engine's container.Container and container.HostConfig are written.
type (
	storedConfig struct {
		ID, Name, LogPath string
		Config            struct {
			Image  string
			Labels map[string]string
			Tty    bool
		}
		State struct {
			Running   bool
			StartedAt time.Time
		}
	}
	storedHost struct {
		LogConfig struct {
			Type   string
			Config map[string]string
		}
	}
)

// isName matches the names that the engine allows, with the slash that it stores.
var isName = regexp.MustCompile(`^/?[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$`)

// maxDriver bounds the name of a log driver, in bytes; that of a plugin is an
// image reference.
const maxDriver = 255

// decode makes a container of the two files. It takes any bytes.
func decode(id string, config, host []byte) (*logs.Container, error) {
	var c storedConfig
	var h storedHost
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if err := json.Unmarshal(host, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", hostFile, err)
	}
	switch {
	case c.ID != id:
		return nil, fmt.Errorf("%s is that of container %.64q", configFile, c.ID)
	case !isName.MatchString(c.Name):
		return nil, fmt.Errorf("%s has no possible name: %.64q", configFile, c.Name)
	case h.LogConfig.Type == "" || len(h.LogConfig.Type) > maxDriver:
		return nil, fmt.Errorf("%s has no possible log driver: %.64q", hostFile, h.LogConfig.Type)
	}
	out := &logs.Container{
		ID: id, Name: strings.TrimPrefix(c.Name, "/"), Image: c.Config.Image, Labels: c.Config.Labels,
		TTY: c.Config.Tty, Driver: h.LogConfig.Type, DriverOptions: h.LogConfig.Config,
		LogPath: c.LogPath, Running: c.State.Running,
	}
	// The engine writes the year 1 for a container that never ran. Other years are
	// none of Docker's, and not to be had in nanoseconds.
	if year := c.State.StartedAt.Year(); year >= 2000 && year < 2200 {
		out.StartedAt = c.State.StartedAt
	}
	return out, nil
}

// isID tells whether a text is a full container ID, which is safe in a path.
func isID(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// openDir opens a directory that is no symbolic link.
func openDir(path string) (*os.File, error) {
	return os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// maxStored bounds what is read of a file. It holds the container's environment.
const maxStored = 4 << 20

// readAt reads a file in a directory, and tells when it was written. What the
// engine would not have made is refused: anything but a regular file might keep
// the reader waiting.
func readAt(dir *os.File, name string) (content []byte, written time.Time, err error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, written, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, written, err
	case !info.Mode().IsRegular():
		return nil, written, fmt.Errorf("%s is not a regular file", name)
	}
	content, err = io.ReadAll(io.LimitReader(f, maxStored+1))
	if err == nil && len(content) > maxStored {
		err = errors.New(name + " is too large")
	}
	return content, info.ModTime(), err
}
