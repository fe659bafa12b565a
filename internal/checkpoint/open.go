package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Open takes the state directory for this process, reads the positions in it and begins
// a new file: it writes to none that it finds. A damaged file is set aside and the other
// used; that is logged and no error. Errors are for what somebody must mend: a directory
// that cannot be written or is in use, a file of a newer version.
func Open(dir string, log *slog.Logger) (*Store, error) {
	err := prepare(dir)
	if errors.Is(err, ErrRefused) {
		return nil, fmt.Errorf("cannot use the state directory %q: %w; or choose another with --state-dir", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the state directory %q "+
			"(make it writable for user %d, or choose another with --state-dir): %w", dir, os.Geteuid(), err)
	}
	lock, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("cannot lock the state directory %q: %w", dir, err)
	}
	s := newStore(dir, log)
	s.born = born(dir)
	v := &saver{lock: lock}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if s.renew(v) != nil {
		s.changedSoon() // Run tries again, and says why
	}
	s.saver <- v
	return s, nil
}

// Close gives the lock back. Changes that were neither saved nor flushed are lost.
func (s *Store) Close() error {
	v := <-s.saver
	defer func() { s.saver <- v }()
	if v.closed {
		return nil
	}
	v.closed = true
	d := <-s.disk
	for i := range d.files {
		d.drop(i) // before another process may take the directory
	}
	s.disk <- d
	return v.lock.Close()
}

// prepare makes the directory and finds out whether files can be made in it, and by
// us only. A full disk is no obstacle: Run keeps trying.
func prepare(dir string) error {
	if err := checkDir(dir); err != nil {
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

// load fills the store from the file that has more.
func (s *Store) load() error {
	var all [copies]contents
	for i, name := range names {
		path := filepath.Join(s.dir, name)
		c := read(path)
		var version *versionError
		if errors.Is(c.problem, fs.ErrPermission) || errors.Is(c.problem, ErrRefused) || errors.As(c.problem, &version) {
			return fmt.Errorf("cannot read positions from %q: %w", path, c.problem)
		}
		all[i] = c
	}
	best := newest(all)
	if best >= 0 {
		s.table.records, s.table.number = all[best].records, all[best].number
	}
	s.explain(all, best)
	d := <-s.disk
	d.shift = best == current
	s.disk <- d
	return nil
}

// newest returns which of the files has more; -1 when there is none that can be used.
func newest(all [copies]contents) int {
	best, number := -1, uint64(0)
	for i, c := range all {
		if c.number > number {
			best, number = i, c.number
		}
	}
	return best
}

// explain logs what is wrong with the files, and renames those that are damaged and not
// used, for somebody to look at.
func (s *Store) explain(all [copies]contents, best int) {
	damaged := false
	for i, c := range all {
		switch {
		case errors.Is(c.problem, fs.ErrNotExist):
		case i == best && c.problem != nil:
			s.log.Warn("the end of the positions is damaged: what was delivered then is sent again, and Loki keeps it only once",
				"file", names[i], "reason", c.problem)
		case c.records == nil, i < best:
			damaged = true
			s.setAside(names[i], cmp.Or(c.problem, errOlder))
		}
	}
	switch {
	case best == previous:
		s.log.Info("using positions.previous: what it lacks is sent again, and Loki keeps it only once", "containers", len(s.table.records))
	case best < 0 && damaged:
		s.log.Warn("all files of positions are damaged: every container is read as if it was new, and " +
			"Loki keeps lines that it has already only once")
	}
}

var errOlder = errors.New("positions.previous has more")

// setAside renames a damaged file.
func (s *Store) setAside(name string, reason error) {
	path := filepath.Join(s.dir, name)
	kept := fmt.Sprintf("%s.damaged-%d", path, time.Now().Unix())
	if err := os.Rename(path, kept); err != nil {
		s.log.Warn("cannot rename a damaged file of positions", "file", path, "reason", reason, "error", err)
		return
	}
	s.log.Warn("a file of positions is damaged and was renamed", "file", path, "kept_as", kept, "reason", reason)
}

// read reads and decodes one file. Its size is bounded.
func read(path string) contents {
	data, err := readOwn(path, maxFileSize)
	if err != nil {
		return contents{problem: err}
	}
	return decode(data)
}
