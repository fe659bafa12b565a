package checkpoint

import (
	"errors"
	"fmt"
	"os"
)

var errNotBoth = errors.New("one of the two files is missing, and cannot be made")

// SaveLabels is SetLabels for the timelines of containers whose new labels are used only once they
// are kept: afterwards both files have them on disk. After an error neither has. One that had them
// all the same, as a full disk may take a change and not that it is taken back, would have lines
// that are sent again after a kill carry other labels than the first time.
func (s *Store) SaveLabels(of map[string][]LabelsSince) error {
	if err := s.SaveAgain(); err != nil {
		return err
	}
	v := <-s.saver // no file is replaced meanwhile
	err := s.saveLabels(of)
	s.saver <- v
	if err != nil {
		return fmt.Errorf("cannot save labels to %q: %w", s.dir, err)
	}
	return nil
}

func (s *Store) saveLabels(of map[string][]LabelsSince) error {
	d := <-s.disk
	defer func() { s.disk <- d }()
	s.mu.Lock()
	d.frame = s.table.frame(d.frame[:0])
	others := len(d.frame)
	before := s.replaceLabels(of)
	d.frame = s.table.frame(d.frame)
	s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	_ = d.append(d.frame[:others]) // a file that does not take it is missing then
	err := d.appendToAll(d.frame[others:])
	if err != nil {
		s.mu.Lock()
		s.replaceLabels(before)
		s.changedSoon()
		s.mu.Unlock()
	}
	return err
}

// replaceLabels sets timelines and returns those that there were. mu is held.
func (s *Store) replaceLabels(of map[string][]LabelsSince) (before map[string][]LabelsSince) {
	before = make(map[string][]LabelsSince, len(of))
	for id, timeline := range of {
		s.table.forgotten.remove(id)
		r := s.touch(id)
		before[id] = r.labels
		r.setLabels(timeline)
	}
	return before
}

// appendToAll appends a frame to both files, and syncs them; after an error to none.
func (d *disk) appendToAll(frame []byte) error {
	var sizes [copies]int64
	for i, f := range d.files {
		if f == nil {
			return errNotBoth
		}
		sizes[i] = f.size
	}
	err := d.append(frame)
	for i, f := range d.files {
		if f == nil || err != nil {
			break
		}
		if err = f.Sync(); err != nil {
			err = errors.Join(err, d.cut(i, sizes[i]))
			d.drop(i) // what a file has is unknown then
		}
	}
	if err == nil {
		return nil
	}
	for i, f := range d.files {
		if f != nil && f.size > sizes[i] {
			err = errors.Join(err, d.cut(i, sizes[i]))
		}
	}
	return err
}

// cut takes back what was appended to a file, for which a full disk has room. Where that cannot be
// done the file goes: the other has all that is to be kept.
func (d *disk) cut(i int, size int64) error {
	f := d.files[i]
	err := f.Truncate(size)
	if err == nil {
		f.size = size
		return nil
	}
	d.drop(i)
	return errors.Join(err, os.Remove(d.path(i)))
}
