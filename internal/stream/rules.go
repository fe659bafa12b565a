package stream

import "github.com/lighterman/lighterman/internal/logs"

// Three rules leave out lines by their time: since, the marks of what was handed over, and, where
// the engine would leave out too much, what the request would have asked it for. Clocks are set, so they hold for what was in the log when it was opened, and end at a
// place: at the record that was the last one then.

// rules are those that hold.
type rules struct {
	// since: the first does. replay: the second does.
	since, replay bool
	// first ends since, and newest both.
	first, newest logs.Seen
	opened        int64
	// from is the time in Unix nanoseconds before which records are passed over, as the
	// engine would that is asked for it, until newest; 0 for none.
	from int64
}

func newRules(c Config) rules {
	r := rules{since: c.LeaveOut && c.Resume.Since != 0, replay: true, first: c.First, newest: c.Newest, opened: c.Opened, from: c.From}
	if c.TTY { // where a record ends is not sure there
		r.first.Hash, r.newest.Hash = 0, 0
	}
	if c.First.Empty() {
		r.since = false
	}
	if c.Newest.Empty() {
		r.since, r.replay, r.from, r.first = false, false, 0, c.Newest
	}
	return r
}

// before reports whether a record is passed over.
func (r *rules) before(record *logs.Record) bool { return record.Time < r.from }

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
		r.since, r.replay, r.from = false, false, 0
	case r.since && r.first.Is(record):
		r.since = false
	case r.since && r.opened != 0 && record.Time > max(r.opened, r.newest.Time):
		r.since, r.first = false, logs.Seen{Known: true, Time: record.Time}
	default:
		return false
	}
	return true
}
