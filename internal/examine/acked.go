package examine

import (
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
)

// Acked is how far a log was acknowledged, by the service's position, and so which of its entries
// wait.
type Acked struct {
	Record checkpoint.Record
	// Known says that there is a position, and None that there is one of no log at all.
	Known, None bool
	// Never is the time before which lines were never to be sent.
	Never int64
	// Ended is set when only that is left which the next line could have joined.
	Ended bool
	// newest are the entries that were acknowledged last, as they are come across.
	newest [logs.Streams]highWater
}

// highWater is whether the last entry that was acknowledged of a stream was read, and what is to
// know that it was, of all that was read since.
type highWater struct {
	read   bool
	before *bool
}

// ackedOf returns what a state directory says of a log. One that is not known there begins at floor.
func ackedOf(view *checkpoint.View, id string, floor int64) Acked {
	a := Acked{None: len(view.Records) == 0, Never: floor}
	if a.Record, a.Known = view.Records[id]; a.Known {
		a.Never = a.Record.Position.Since
	}
	return a
}

// Passed is told of each entry as it was stored, before Waits is asked for it.
func (a *Acked) Passed(e *logs.Entry) {
	m := &a.newest[e.Stream]
	last := a.Known && e.Time == a.Record.Position.Newest[e.Stream].Time
	if last && m.before != nil {
		*m.before = true
	}
	if m.read = m.read || last; last || m.before == nil {
		m.before = new(bool)
	}
}

// Waits reports whether an entry that was stored at a time is still to be sent: if it stands
// behind the last one that was acknowledged. Where that was not read yet it goes by the time,
// until not is set: where the clock was set back, the last one has not the newest time.
func (a *Acked) Waits(at int64, of logs.Stream) (is bool, not *bool) {
	if a.None {
		return a.Ended, nil // an entry that more lines may join
	}
	m, newest := a.newest[of], a.Record.Position.Newest[of].Time
	return !a.Known || at > newest || m.read && at != newest, m.before
}
