package line

import (
	"fmt"
	"os"

	"github.com/cespare/xxhash/v2"
)

// Written is a file in which a program keeps count of the lines that it has
// written, so that it goes on after a restart where it was, and that others know
// what there is even if it is killed. It is renewed in place with every line.
type Written struct {
	file  *os.File
	tally Tally
	text  []byte
}

// writtenFormat has a fixed width: lines and sum of content, see Tally.
const writtenFormat = "%20d %20d\n"

// OpenWritten opens a file, or begins it at no lines.
func OpenWritten(path string) (*Written, error) {
	tally, err := LoadWritten(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot keep count of lines: %w", err)
	}
	return &Written{file: file, tally: tally}, nil
}

// Lines returns the number of lines until now: the number of the next one.
func (w *Written) Lines() int { return w.tally.Lines }

// Add counts a line that was written, without line feed.
func (w *Written) Add(text []byte) error {
	w.tally.Lines++
	w.tally.Content += xxhash.Sum64(text)
	w.text = fmt.Appendf(w.text[:0], writtenFormat, w.tally.Lines, w.tally.Content)
	if _, err := w.file.WriteAt(w.text, 0); err != nil {
		return fmt.Errorf("cannot keep count of lines: %w", err)
	}
	return nil
}

// Close closes the file.
func (w *Written) Close() error { return w.file.Close() }

// LoadWritten returns what a file of Written says. Times is not known.
func LoadWritten(path string) (Tally, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Tally{}, err
	}
	var t Tally
	if _, err := fmt.Sscanf(string(text), writtenFormat, &t.Lines, &t.Content); err != nil {
		return t, fmt.Errorf("cannot read count of lines %q: %w", path, err)
	}
	return t, nil
}
