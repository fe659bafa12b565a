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
	saved := identity(s.buf)
	err := replace(s.dir, s.buf)
	if cap(s.buf) > maxIdleBuffer {
		s.buf = nil
	}
	for _, f := range s.settle(saved, err) {
		f()
	}
	if err != nil {
		return fmt.Errorf("cannot save positions to %q: %w", s.dir, err)
	}
	return nil
}

// SaveAgain is Save also when there are no changes: afterwards both generations
// on disk have what the last one has.
func (s *Store) SaveAgain() error {
	s.mu.Lock()
	s.changed()
	s.mu.Unlock()
	return s.Save()
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
	s.owe(append(s.owed, identity(s.buf))...)
	s.writing, s.since = s.since, time.Time{}
	s.settling, s.after = append(s.settling, s.after...), nil
	return true
}

// AfterSave calls f once all that was changed so far is on disk in both
// generations, so that a damaged file is no way back behind it. It is called on
// another goroutine, within two saves, which need no other change. f must not save.
func (s *Store) AfterSave(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = append(s.after, waiter{f, fileGenerations})
	s.changedSoon()
}

// fileGenerations is how many files of positions there are, damaged ones apart.
const fileGenerations = 2

// waiter is a function to call after a number of saves.
type waiter struct {
	call  func()
	saves int
}

// settle books the result of a save of the positions with an identity and
// returns what waited for it. After a failure its changes are unsaved again.
func (s *Store) settle(identity uint64, err error) (waited []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	started := s.writing
	s.writing = time.Time{}
	if err == nil {
		s.stats.Saves++
		s.stats.LastError = ""
		s.base = identity
		return s.saved()
	}
	s.stats.Failures++
	s.stats.LastError = err.Error()
	s.changedSoon()
	s.since = started
	return nil
}

// saved returns what has waited long enough. mu is held.
func (s *Store) saved() (waited []func()) {
	for _, w := range s.settling {
		if w.saves--; w.saves > 0 {
			s.after = append(s.after, w)
			s.changedSoon()
		} else {
			waited = append(waited, w.call)
		}
	}
	s.settling = nil
	return waited
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
