package collect

import (
	"errors"
	"iter"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stream"
)

// What is decided here is pure: no clock is read, nothing is opened, nobody is asked.

// noSource is the route of a unit that no source is to read, or reads.
const noSource = logs.Unreadable

// situation is all that decides what becomes of a unit.
type situation struct {
	phase phase
	fate  fate
	// route is how the log is to be read, and runs the route of the source that does.
	route, runs logs.RouteKind
	// streamable: the API has something to read, a run that was not read to its end.
	streamable bool
	// linked: there are links of what Docker has deleted. room: there is a descriptor for one
	// more log. Only next goes by them.
	linked, room bool
	// retryAt is when a source may be started again, and probeAt when the route is
	// decided again, if it probes.
	retryAt, probeAt time.Time
	probes           bool
}

// wants returns the route of the source that should run.
func (s situation) wants() logs.RouteKind {
	switch {
	case s.fate.presence == leftover:
		return s.route
	case s.fate.refused, s.excluded():
		return noSource
	case s.fate.presence == removed && s.route == logs.Journal:
		return logs.Journal // which has it all the same
	case s.fate.gone():
		// What runs ends by itself at the end of the log; nothing new begins.
		return s.runs
	case s.route == logs.API && !s.streamable:
		return noSource
	}
	return s.route
}

func (s situation) excluded() bool { return !s.fate.wanted && s.fate.presence == present }

// action is what is done about a unit.
type action uint8

const (
	nothing action = iota
	// start the source that is wanted, or park the log as there is no descriptor for it.
	start
	park
	// stop the source that runs; its end brings us here again.
	stop
	// readHeld: read what is held of a container that was removed before its file was
	// read to its end: while the way to its directory was barred, or before the
	// directory was found.
	readHeld
	// leave: the unit goes.
	leave
)

// next returns what brings a unit to what it should be.
func (s situation) next(now time.Time) action {
	wants := s.wants()
	switch {
	case s.runs == noSource && !s.fate.wanted && s.fate.presence != leftover && wants != logs.Journal:
		if s.fate.presence == removed && s.linked {
			return readHeld
		}
		return leave
	case wants == s.runs:
		return nothing
	case s.runs != noSource:
		if s.phase == reading {
			return stop
		}
		return nothing // it was asked to end
	case s.fate.early, now.Before(s.retryAt):
		return nothing
	case wants == logs.Journal, wants == logs.HostFile, wants == logs.HostJournal:
		return start // its files are open, or are when there is something to read
	case s.phase == parked:
		return nothing // it has its turn
	case !s.room:
		return park
	}
	return start
}

// due returns when the unit has to be attended to; ok is false for never.
func (s situation) due() (at time.Time, ok bool) {
	if s.runs == noSource && s.wants() != noSource && s.phase != parked && !s.fate.early {
		at, ok = s.retryAt, true
	}
	if s.probes && (!ok || s.probeAt.Before(at)) {
		at, ok = s.probeAt, true
	}
	return at, ok
}

// due returns when there is something to be done next, given when labels are saved again
// and when logs take turns, zero for not at all, and the situations of all units; ok is
// false for never.
func due(relabelAt, turnAt time.Time, units iter.Seq[situation]) (next time.Time, ok bool) {
	earlier := func(at time.Time, is bool) {
		if is && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	earlier(relabelAt, !relabelAt.IsZero())
	earlier(turnAt, !turnAt.IsZero())
	for s := range units {
		earlier(s.due())
	}
	return next, ok
}

// consequence is what follows from the end of a source.
type consequence uint8

const (
	// asFor: it ended as it was asked to, and what follows is planned as for any unit.
	asFor consequence = iota
	// parkNow: it has yielded.
	parkNow
	// readOut: a log of files, or of the journal, was read as far as it was asked to be.
	readOut
	// unread: a log of files cannot be read.
	unread
	// runOver: the run has ended, most likely. The engine is asked, and not at once again
	// if it has not.
	runOver
	// broke: a stream broke.
	broke
	// refuse: the engine cannot read this log, and nobody can.
	refuse
)

// consequenceOf decides it, given what the source was, what was asked of it, and why it has
// ended.
func consequenceOf(kind logs.RouteKind, before phase, gone bool, err error) consequence {
	api := kind == logs.API
	switch {
	case api && stream.Ended(err):
		return runOver
	case before == yielding && !gone && (api || err == nil):
		return parkNow
	case api && (before != reading || err == nil):
		return asFor
	case api && errors.Is(err, logs.ErrUnreadable):
		return refuse
	case api:
		return broke
	case err != nil:
		return unread
	}
	return readOut
}

// Backoff between attempts to start a source.
const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second
)

// retry is when a source may be started again.
type retry struct {
	at time.Time
	// pause is what was waited for before that; 0 when nothing has failed.
	pause time.Duration
	// logged is why the file could not be read, as it was logged last.
	logged string
	// broke is why the stream of the API ended, as that was logged last.
	broke string
}

// later is the retry after one more failure.
func (r retry) later(now time.Time) retry {
	r.pause = min(max(2*r.pause, minBackoff), maxBackoff)
	r.at = now.Add(r.pause)
	return r
}

// probe is when the route of a unit is decided again.
type probe struct {
	at time.Time
	// missed is how often in a row the file was missing.
	missed int
}

const (
	// In the middle of a rotation a file is missing for a moment. It is looked for so many
	// times, with a pause before each, until it is taken for deleted.
	maxMissed   = 6
	missedPause = 10 * time.Millisecond
	// probeInterval is how often a container whose file could not be read is
	// looked at again.
	probeInterval = 5 * time.Second
)

// look is the probe after a route was decided on. wait says that it is to be decided again
// in a moment, as the file is missing, and may not be for long.
func (p probe) look(missing bool, now time.Time) (next probe, wait bool) {
	switch {
	case !missing:
		p.missed = 0
		return p, false
	case p.missed >= maxMissed:
		return p, false
	case p.missed == 0 || !now.Before(p.at):
		p.missed++
		p.at = now.Add(missedPause)
	}
	return p, p.missed < maxMissed
}

// rotating reports whether the file may be missing for a moment only.
func (p probe) rotating() bool { return p.missed > 0 && p.missed < maxMissed }
