package stream

import (
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// Last returns the record that a body ends with, one of a container with a terminal or
// without.
func Last(body io.Reader, tty bool) (logs.Seen, error) {
	r := NewReader(body, Config{TTY: tty, Events: unheard{}})
	last := logs.Seen{Known: true}
	for {
		record, size, err := r.next()
		switch {
		case errors.Is(err, errMore) && r.end == nil:
			r.fill()
			continue
		case errors.Is(err, errMore):
			err = r.ended()
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return last, nil
		}
		if err != nil {
			return logs.Seen{}, err
		}
		if r.start += size; record.Time == 0 {
			continue
		}
		last.Time, last.Hash = record.Time, xxhash.Sum64(record.Text)
	}
}

// unheard are events of a body that is read for something else.
type unheard struct{}

// CorruptRecord implements Events.
func (unheard) CorruptRecord() {}

// LineCut implements Events.
func (unheard) LineCut() {}

// LeftOut implements Events.
func (unheard) LeftOut(int) {}

// LineSkipped implements Events.
func (unheard) LineSkipped(string) {}
