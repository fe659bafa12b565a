package stream

import (
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// Two rules leave out lines by their time: since, and the marks of what was handed over.
// Clocks are set, so they hold for what was in the log when it was opened, and end at a
// place: at the record that was the last one then.

// rules are those that hold.
type rules struct {
	// since: the first does. replay: the second does.
	since, replay bool
	// first ends since, and newest both.
	first, newest logs.Seen
	opened        int64
}

func newRules(c Config) rules {
	r := rules{since: c.LeaveOut && c.Resume.Since != 0, replay: true, first: c.First, newest: c.Newest, opened: c.Opened}
	if c.TTY { // where a record ends is not sure there
		r.first.Hash, r.newest.Hash = 0, 0
	}
	if c.First.Empty() {
		r.since = false
	}
	if c.Newest.Empty() {
		r.since, r.replay, r.first = false, false, c.Newest
	}
	return r
}

// passes reports whether a rule ends behind a record.
func (r *rules) passes(record *logs.Record) bool {
	if !r.since && !r.replay {
		return false
	}
	switch {
	case r.newest.Is(record):
		if r.since {
			r.first = r.newest
		}
		r.since, r.replay = false, false
	case r.since && r.first.Is(record):
		r.since = false
	case r.since && r.opened != 0 && record.Time > max(r.opened, r.newest.Time):
		r.since, r.first = false, logs.Seen{Known: true, Time: record.Time}
	default:
		return false
	}
	return true
}

// endRules makes the assembler leave out no more than what the rules say.
func (r *Reader) endRules() {
	if !r.rules.replay {
		r.assemble.Live()
		return
	}
	r.assemble.LeaveOut(0)
}

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
