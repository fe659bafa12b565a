package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// maxIdleBuffer is the largest buffer that is kept for the next time.
const maxIdleBuffer = 8 << 20

// saver is what one save at a time has.
type saver struct {
	lock   *os.File
	closed bool
	buf    []byte
}

// Flush appends what was changed since the last Flush to the files, without waiting for
// the disk: it then survives a kill, though not a power cut. It is to be called when the
// commits of a push have been made.
func (s *Store) Flush() {
	d := <-s.disk
	s.flush(d, s.table.frame)
	s.disk <- d
}

// flush appends a frame. A save will replace a file that cannot have it, or is long.
func (s *Store) flush(d *disk, encode func([]byte) []byte) {
	if cap(d.frame) > maxIdleBuffer {
		d.frame = nil
	}
	s.mu.Lock()
	d.frame = encode(d.frame[:0])
	s.mu.Unlock()
	if err := d.append(d.frame); err != nil || d.long() {
		s.mu.Lock()
		s.changedSoon()
		s.mu.Unlock()
	}
}

// Save brings all changes to the disk, if there are any.
func (s *Store) Save() error { return s.save(false) }

// SaveAgain is Save also when there are no changes: afterwards both files have all on disk.
func (s *Store) SaveAgain() error { return s.save(true) }

// AfterSave calls f with the next save, which needs no other change, when all that was
// changed so far is on disk in both files, so that a damaged one is no way back behind it.
// It is called on another goroutine.
func (s *Store) AfterSave(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, f)
	s.changedSoon()
}

func (s *Store) save(both bool) error {
	v := <-s.saver
	waiting, err := s.saveWith(v, both)
	s.saver <- v
	if err != nil {
		return fmt.Errorf("cannot save positions to %q: %w", s.dir, err)
	}
	for _, f := range waiting {
		f()
	}
	return nil
}

// saveWith saves, and returns what waited for it.
func (s *Store) saveWith(v *saver, both bool) (waiting []func(), err error) {
	if v.closed {
		return nil, errors.New("the store is closed")
	}
	s.mu.Lock()
	waiting, s.waiting = s.waiting, nil
	s.writing, s.since = s.since, time.Time{}
	clean := s.writing.IsZero()
	s.mu.Unlock()
	if clean && !both {
		return nil, nil
	}
	s.Flush()
	if s.dir != "" {
		err = s.sync(v, both || len(waiting) > 0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(waiting, err)
	return waiting, err
}

// settle notes the result of a save. After a failure its changes are unsaved again.
func (s *Store) settle(waiting []func(), err error) {
	started := s.writing
	s.writing = time.Time{}
	if err == nil {
		s.stats.Saves++
		s.stats.LastError = ""
		return
	}
	s.stats.Failures++
	s.stats.LastError = err.Error()
	s.waiting = append(waiting, s.waiting...)
	s.changedSoon()
	if !started.IsZero() {
		s.since = started
	}
}

// sync brings what was flushed to the disk, in positions or in both files, and replaces
// what has to be.
func (s *Store) sync(v *saver, both bool) error {
	for range copies {
		d := <-s.disk
		d.check()
		files, worn := d.files, d.worn()
		s.disk <- d
		for i, f := range files {
			if f == nil || i != current && !both {
				continue
			}
			if err := f.Sync(); err != nil {
				s.giveUp(f) // what a file has is unknown then, also after another try
				return err
			}
		}
		if !worn {
			break
		}
		if err := s.renew(v); err != nil || !both {
			return err
		}
	}
	return nil
}

func (s *Store) giveUp(f *file) {
	d := <-s.disk
	for i := range d.files {
		if d.files[i] == f {
			d.drop(i)
		}
	}
	s.disk <- d
}

// renew replaces positions:
//
//  1. The new file is written under another name, with all records, and synced. What is
//     flushed meanwhile goes to the files that there are.
//  2. It is added to the new file, which then has as much as they have.
//  3. The file that there is becomes positions.previous, and the new one gets its name.
//  4. The directory is synced.
//
// A failure leaves what was there.
func (s *Store) renew(v *saver) error { return s.install(s.write(v)) }

// install takes the steps after the first one.
func (s *Store) install(f *file, err error) error {
	d := <-s.disk
	s.flush(d, s.table.catchUp)
	if err == nil {
		err = f.append(d.frame)
	}
	if err == nil {
		err = d.install(f)
	}
	s.disk <- d
	if err == nil {
		if err = syncDir(s.dir); err != nil {
			s.giveUp(f) // the names may not be on disk, which is tried again with another
		}
		return err
	}
	if f != nil {
		_ = f.Close()
		_ = os.Remove(filepath.Join(s.dir, newName))
	}
	return err
}

// write writes the new file.
func (s *Store) write(v *saver) (*file, error) {
	s.mu.Lock()
	v.buf = s.table.begin(v.buf[:0])
	s.mu.Unlock()
	if len(v.buf) > maxRecords {
		return nil, errTooLarge // it could not be read back
	}
	f, err := write(filepath.Join(s.dir, newName), v.buf)
	if cap(v.buf) > maxIdleBuffer {
		v.buf = nil
	}
	return f, err
}
