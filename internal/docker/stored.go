package docker

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
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
func Stored(root, id string, keep Keep) (*logs.Container, error) {
	containers, err := containersOf(root)
	if err != nil {
		return nil, fmt.Errorf("cannot read container: %w", err)
	}
	s, err := readStored(containers, id, keep)
	if err == nil {
		err = s.problem(id)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read container: %w", err)
	}
	return s.facts.container(id), nil
}

// containersOf returns the directory of all containers, by a path without links.
func containersOf(root string) (string, error) {
	return beneath.Resolve(filepath.Join(root, "containers"))
}

// storedFacts are the facts of a container on disk.
type storedFacts struct {
	facts facts
	// written is when the engine wrote down its state.
	written time.Time
	// config and host say what is wrong with the two files, or nothing.
	config, host error
	// since is when a name in its directory last came or went.
	since time.Time
}

// problem says what is wrong, or nothing.
func (s *storedFacts) problem(id string) error {
	config, host := s.config, s.host
	if config == nil {
		config = s.facts.wrong(id)
	}
	if host == nil {
		host = s.facts.noDriver()
	}
	return both(inFile(configFile, config), inFile(hostFile, host))
}

// both joins two errors on one line.
func both(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

func inFile(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readStored reads what there is of a container. An error is that of its directory.
func readStored(containers, id string, keep Keep) (*storedFacts, error) {
	if !isID(id) {
		return nil, fmt.Errorf("%.80q is no ID", id)
	}
	dir, err := beneath.OpenDir(filepath.Join(containers, id))
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	s := &storedFacts{facts: facts{stateless: true}}
	if info, err := dir.Stat(); err == nil {
		s.since = info.ModTime()
	}
	s.config = readAt(dir, configFile, func(d *sift.Decoder, written time.Time) error {
		s.written = written
		return s.facts.read(d, keep)
	})
	// What the engine says of the driver stands in the other file.
	s.facts.driver, s.facts.options = "", nil
	s.host = readAt(dir, hostFile, func(d *sift.Decoder, _ time.Time) error { return s.facts.readHost(d) })
	return s, nil
}

// maxStored bounds what is read of a file, in bytes. It holds the container's labels and
// environment, which may be of any size, and is read without being in memory.
const maxStored = 256 << 20

// readAt has a file in a directory read, and tells when it was written. What the
// engine would not have made is refused: anything but a regular file might keep
// the reader waiting.
func readAt(dir *os.File, name string, read func(d *sift.Decoder, written time.Time) error) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot be opened: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() > maxStored:
		return fmt.Errorf("it is larger than %d MiB", maxStored>>20)
	case info.Size() == 0:
		return errors.New("it is empty")
	}
	d := sift.New(f, maxStored)
	if err := read(d, info.ModTime()); err != nil {
		return err
	}
	return d.End()
}
