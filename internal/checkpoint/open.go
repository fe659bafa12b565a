package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The files of the state directory, besides positions that were set aside as
// damaged.
const (
	lockName     = "lock"
	currentName  = "positions"
	previousName = "positions.previous"
	newName      = "positions.new"
	linkName     = "positions.link"

	logName         = "positions.log"
	previousLogName = "positions.log.previous"
	newLogName      = "positions.log.new"
)

const (
	// saveInterval is the least time between two saves of Run. A save waits for the
	// disk twice: with one per second, carrying a thousand lines per second took 0.725
	// instead of 0.614 % of a processor.
	saveInterval = 5 * time.Second
	// soonInterval is the same where there is more to lose: somebody waits for the
	// save, a container is new, the save before or the log of positions has failed, or
	// that log is long.
	soonInterval = time.Second
)

// Open takes the state directory for this process and reads the positions in
// it. A damaged file is set aside and the generation before used; that is
// logged and no error. Errors are for what somebody must mend: a directory
// that cannot be written or is in use, a file of a newer version.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("cannot use the state directory %q "+
			"(make it writable for user %d, or choose another with --state-dir): %w", dir, os.Geteuid(), err)
	}
	lock, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("cannot lock the state directory %q: %w", dir, err)
	}
	s := &Store{
		dir:      dir,
		log:      log,
		interval: saveInterval,
		hurry:    make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		lock:     lock,
		logFile:  logFile{dir: dir},
		born:     born(dir),
		records:  make(map[string]*record),
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// Close gives the lock back. Changes that were neither saved nor flushed are lost.
func (s *Store) Close() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.lock == nil {
		return nil
	}
	s.logFile.close() // before another process may take the directory
	err := s.lock.Close()
	s.lock = nil
	return err
}

// prepare makes the directory and finds out whether files can be made in it. A
// full disk is no obstacle: Run keeps trying.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, "probe-*")
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// load fills the store from the newest generation that is sound.
func (s *Store) load() error {
	damaged := false
	for _, name := range []string{currentName, previousName} {
		records, base, err := read(filepath.Join(s.dir, name))
		var version *versionError
		switch {
		case err == nil:
			s.base = base
			s.adopt(records, name)
			s.replay()
			return nil
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission), errors.As(err, &version):
			return fmt.Errorf("cannot read positions from %q: %w", filepath.Join(s.dir, name), err)
		default:
			damaged = true
			s.setAside(name, err)
		}
	}
	if damaged {
		s.log.Warn("no earlier positions are left: every container is read as if it was new, and " +
			"Loki keeps lines that it has already only once")
		return nil
	}
	s.replay() // of the time before the first save
	return nil
}

// adopt takes over what was read. Positions of the generation before are saved
// again soon, so that the directory is whole.
func (s *Store) adopt(records []Record, name string) {
	for _, r := range records {
		own := s.record(r.ID)
		own.setPosition(r.Position)
		own.setLabels(r.Labels)
	}
	if name == previousName {
		s.changedSoon()
		s.log.Warn("positions of the save before the last are used: what was delivered since, and is not in their log, is sent "+
			"again, and Loki keeps it only once", "file", filepath.Join(s.dir, name), "containers", len(records))
	}
}

// setAside renames a damaged file, for somebody to look at.
func (s *Store) setAside(name string, reason error) {
	path := filepath.Join(s.dir, name)
	kept := fmt.Sprintf("%s.damaged-%d", path, time.Now().Unix())
	if err := os.Rename(path, kept); err != nil {
		s.log.Warn("the file of positions is damaged and cannot be set aside", "file", path, "reason", reason, "error", err)
		return
	}
	s.log.Warn("the file of positions is damaged and was set aside", "file", path, "kept_as", kept, "reason", reason)
}

// read reads and decodes one file, and returns its identity too. Its size is bounded.
func read(path string) (records []Record, base uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > maxFileSize {
		return nil, 0, fmt.Errorf("it is larger than %d bytes", maxFileSize)
	}
	records, err = decode(data)
	return records, identity(data), err
}
