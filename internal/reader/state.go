package reader

import (
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// state is what the reader's goroutine keeps of a source.
type state struct {
	run      run
	heldBack heldBack
	linger   linger
	// begun: something was read, or looked for. caughtUp: all that was there has been read
	// since the log was opened. ended: its end was reported.
	begun, caughtUp, ended bool
	// slow: the source is among those that are looked at seldom.
	slow bool
	// resting: it is polled, and was read to its end, at which nothing waits for anything.
	resting bool
	// waited counts the looks at the logs that go before.
	waited int
	// patience is how many polls may find nothing before the file sleeps.
	patience int
	// misses counts attempts in a row to watch the live file that failed.
	misses int
	// stray is what was said last of the place of the file.
	stray error
	// pardonedTill is until when the log is left alone, as reading it has killed us.
	pardonedTill time.Time
}

// run is what is known of the container's run.
type run struct {
	removed bool
	// over: the engine has said that no run was under way, when it was asked at asOf.
	// Files may hold a new run before we hear of it.
	over            bool
	asOf, startedAt time.Time
}

func runOf(c *logs.Container, removed bool) run {
	return run{removed: removed, over: c.Over(), asOf: c.AsOf, startedAt: c.StartedAt}
}

// heldBack is what a log holds back, as its end has not come.
type heldBack struct {
	what logs.Held
	// since is when it was first seen, and bytes its size.
	since time.Time
	bytes int
	// warned: it was logged, after a while.
	warned bool
}

// next is what is held back now, given what was.
func (h heldBack) next(what logs.Held, bytes int, now time.Time) heldBack {
	if what != h.what {
		return heldBack{what: what, since: now, bytes: bytes}
	}
	h.bytes = bytes
	return h
}

func (h heldBack) nothing() bool { return h.what == logs.Held{} }

// report is what others see of it; nil for nothing.
func (h heldBack) report() *producer.HeldBack {
	if h.nothing() {
		return nil
	}
	return &producer.HeldBack{Since: h.since, Bytes: h.bytes, Line: h.what.Lines != [logs.Streams]int64{}}
}

// complete reports whether what is held back is complete, given that all there is was
// read: the container is gone, or the run that it is of is over. That is certain if it
// was there before the engine was asked; otherwise it may be of the next run, and the
// engine has to be asked again. It answers when the run has begun.
func (h heldBack) complete(of run, lingers bool) (complete, ask bool) {
	switch {
	case h.nothing() || lingers:
		return false, false
	case of.removed, of.over && h.since.Before(of.asOf):
		return true, false
	}
	return false, of.over
}

// linger is how long after the newest of its lines, read at newest, more may
// come of a container that has ended, or is gone: the engine has handed it to journald,
// which has not written it yet. There is no sign of the end; it has come when nothing came
// for a while. A length of 0 means that there is no such delay.
type linger struct {
	length time.Duration
	newest time.Time
}

func (l linger) lasts(now time.Time) bool { return l.length > 0 && now.Sub(l.newest) < l.length }

// A chunk is read as a whole if its container has as much room as that, else a
// small one.
const (
	wholeChunk = 256 << 10
	smallChunk = 32 << 10
)

// patience is how many polls in a row may find nothing before a file is left to its
// watch. Arming that, being woken by it and reading at once costs as much as many polls:
// a container that writes a line now and then, more often than it sleeps, was dearer than
// one that writes all the time.
const patience = 8

// patienceFor is patience where polls come after each wait: 600 ms, so that a log with two lines a
// second is polled, but no more polls than arming costs.
func patienceFor(wait time.Duration) int {
	const most = 24
	return min(max(int(600*time.Millisecond/wait), patience), most)
}

// step is what becomes of a source after it was read.
type step uint8

const (
	// readOn: there is more.
	readOn step = iota
	// finish: all of a removed container's log is read.
	finish
	// pollSoon, with what is being written, or pollSlowly, as nothing reports changes.
	pollSoon
	pollSlowly
	// sleep until something reports a change.
	sleep
)

// facts are what the step goes by.
type facts struct {
	taken
	run      run
	heldBack heldBack
	patience int
	// polls: there are polls of what is being written. reported: something reports changes.
	polls, reported bool
}

func (f facts) step() step {
	switch {
	case !f.atEnd:
		return readOn
	case f.run.removed && !f.lingers:
		return finish
	case f.lingers && (f.run.removed || f.run.over && !f.heldBack.nothing()):
		return pollSlowly
	case f.patience > 0 && f.polls:
		return pollSoon
	case f.grouping:
		return pollSlowly
	case !f.reported:
		return pollSlowly
	case !f.heldBack.nothing() && !f.heldBack.warned:
		return pollSlowly // somebody has to say when it is held for long
	}
	return sleep
}

// taken is what a read has found.
type taken struct {
	// some: something was read. atEnd: that was all that there is.
	some, atEnd bool
	// lingers: more may come although the container has ended. grouping: an entry waits for
	// more lines, until somebody looks whether it has waited for long enough.
	lingers, grouping bool
	err               error
}

// slot is a source's place in the queue, guarded by the reader's mu.
type slot struct {
	queued  bool
	backlog backlog
}

// backlog is what a source has to catch up with.
type backlog struct {
	// behind: there was more than a chunk.
	behind bool
	// size is that of the backlog when it was found, in bytes, or what was read of it, when
	// that is much more; had is what was read, and left what remained then.
	size, had, left int64
	// written is when the log was written to last, when it was found to be behind.
	written time.Time
	// turn is which turn its last one was, and absence that of the turns in which it was found.
	turn, absence int
}
