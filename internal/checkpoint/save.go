package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxIdleBuffer is the largest buffer that is kept from one save to the next.
const maxIdleBuffer = 8 << 20

// Save writes all records to disk when there are changes.
func (s *Store) Save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.lock == nil {
		return errors.New("cannot save positions: the store is closed")
	}
	if !s.snapshot() {
		return nil
	}
	err := replace(s.dir, s.buf)
	if cap(s.buf) > maxIdleBuffer {
		s.buf = nil
	}
	s.settle(err)
	if err != nil {
		return fmt.Errorf("cannot save positions to %q: %w", s.dir, err)
	}
	return nil
}

// snapshot encodes all records into buf and takes up the changes made so far.
// It reports whether there were any.
func (s *Store) snapshot() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return false
	}
	s.buf = appendHeader(s.buf[:0])
	ids := s.sorted()
	for _, id := range ids {
		s.buf = s.records[id].appendLine(s.buf)
	}
	s.buf = append(s.buf, trailer(s.buf, len(ids))...)
	s.writing, s.since = s.since, time.Time{}
	return true
}

// settle books the result of a save. After a failure its changes are unsaved
// again.
func (s *Store) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	started := s.writing
	s.writing = time.Time{}
	if err == nil {
		s.stats.Saves++
		s.stats.LastError = ""
		return
	}
	s.stats.Failures++
	s.stats.LastError = err.Error()
	s.changed()
	s.since = started
}

// replace puts data into the place of the file of positions, so that a kill or
// a power cut at any moment leaves a whole file, the old one or the new one:
//
//  1. The new file is written under another name and synced: from now on its
//     content is on disk.
//  2. The present file gets a second name, which then takes the place of the
//     generation before. The present name still stands.
//  3. The new file is renamed over the present name: one atomic step.
//  4. The directory is synced: the names are on disk too.
//
// Only after 4 does a save count as done. A failure leaves what was there.
func replace(dir string, data []byte) error {
	for _, step := range replaceSteps {
		if err := step(dir, data); err != nil {
			_ = os.Remove(filepath.Join(dir, newName))
			return err
		}
	}
	return nil
}

var replaceSteps = []func(dir string, data []byte) error{writeNew, keepPrevious, moveIntoPlace, syncDir}

func writeNew(dir string, data []byte) error {
	f, err := os.OpenFile(filepath.Join(dir, newName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func keepPrevious(dir string, _ []byte) error {
	current, link := filepath.Join(dir, currentName), filepath.Join(dir, linkName)
	previous := filepath.Join(dir, previousName)
	// A kill may have left the second name, and a rename onto the same file
	// leaves it too.
	_ = os.Remove(link)
	err := os.Link(current, link)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A file system without hard links: a kill between this and the next
		// step leaves only the generation before, which Open then uses.
		link, err = current, nil
	}
	if err == nil {
		err = os.Rename(link, previous)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first save, or the present file was set aside
	}
	return err
}

func moveIntoPlace(dir string, _ []byte) error {
	return os.Rename(filepath.Join(dir, newName), filepath.Join(dir, currentName))
}

func syncDir(dir string, _ []byte) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	// Some network file systems cannot sync a directory and say so.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
