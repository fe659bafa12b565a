package reader

import (
	"errors"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// read reads one chunk of a source and does what follows.
func (r *Reader) read(s *Source) {
	st := &s.state
	if st.ended {
		return
	}
	if s.watch == nil && s.file != nil {
		s.capture() // nobody reports rotation
	}
	if s.waits() {
		r.putBack(s)
		return
	}
	if s.rests() {
		r.ticks.add(s)
		return
	}
	if !r.sparesUs(s) {
		return
	}
	defer r.survived()
	room, err := r.chunk.TryBegin(s.producer, s.wake)
	if err != nil {
		return // stopping
	}
	if room == 0 {
		r.glance(s)
		return // woken when there is room
	}
	r.follow(s, r.take(s, room))
}

// rests reports whether nothing has been written to a file that is polled since it was read to
// its end, which is most of what polls find: there is nothing to do then. The last poll
// before the file is left to its watch looks at everything.
func (s *Source) rests() bool {
	st := &s.state
	if !st.resting || st.patience <= 1 || s.file == nil || s.watch == nil || st.run.removed || st.run.over ||
		s.shared.captureErr.Load() != nil || !s.file.Rests() {
		return false
	}
	st.patience--
	s.noteQuiet(true)
	return true
}

// grace is for a line that Docker has stamped and not yet written.
const grace = time.Second

// take reads a chunk, which it hands over.
func (r *Reader) take(s *Source, room int) (t taken) {
	st, buf := &s.state, r.buf
	if room < wholeChunk || !st.begun {
		buf = r.small // the first chunks of many logs must not be in the way of what is new
	}
	st.begun = true
	if !st.caughtUp && s.slot.backlog.behind { // which only this goroutine sets
		r.chunk.Behind()
	}
	began := time.Now() // what was stamped long before has been read, whatever holds us up
	progress, err := s.log.Read(buf, r.emit)
	t.some, t.atEnd = progress.Bytes > 0, err == nil && !progress.More
	if t.atEnd && !r.soonAgain(s, progress) {
		t.atEnd, err = s.log.AtEnd()
	}
	st.caughtUp = st.caughtUp || err == nil && !progress.More
	now := time.Now()
	if t.some {
		st.linger.newest = now
	}
	t.lingers = st.linger.lasts(now) // looked at once, as all that follows must go by the same
	passed := false
	if some, _ := s.log.Grouping(); some && t.atEnd {
		before := s.log.HeldBytes()
		s.log.FlushGroups(began.Add(-grace).UnixNano(), r.emit)
		passed = s.log.HeldBytes() < before
	}
	var complete, ask bool
	if s.lookAtHeld(now); t.atEnd {
		if complete, ask = st.heldBack.complete(st.run, t.lingers); complete {
			passed, t.atEnd = true, !s.log.Flush(r.emit)
			s.lookAtHeld(now)
		}
	}
	if t.some || passed || r.chunk.Lines > 0 || progress.Finished { // a stage may drop what was passed
		r.chunk.End(s.kind, progress.Bytes, s.log.Position(), r.released(s))
	} else {
		r.chunk.Cancel()
	}
	if ask && !s.shared.asks.Swap(true) {
		r.config.Refresh(s.producer.ID)
	}
	if captured := s.shared.captureErr.Swap(nil); err == nil && t.atEnd && captured != nil {
		err = *captured
	}
	r.note(s, progress)
	s.warnStray()
	s.noteQuiet(t.atEnd && err == nil && !t.some)
	t.grouping, _ = s.log.Grouping()
	t.err = err
	return t
}

// follow decides what follows a read, and does it.
func (r *Reader) follow(s *Source, t taken) {
	st := &s.state
	st.resting = false // until it is found so
	switch {
	case tail.NoDescriptor(t.err):
		// What rotation has made is opened when others have given descriptors back.
		r.ticks.addSlow(s)
		return
	case t.err != nil:
		s.end(t.err)
		return
	}
	if t.atEnd && (!st.run.removed || t.lingers) {
		if st.run.removed || st.run.over {
			s.producer.ReadOut()
		}
		if st.patience--; t.some {
			st.patience = r.patience
		}
	}
	f := facts{taken: t, run: st.run, heldBack: st.heldBack, patience: st.patience, polls: r.config.Poll > 0, reported: s.watch != nil || s.sleep != nil}
	step := f.step()
	st.resting = step == pollSoon && !f.lingers && !f.grouping && st.heldBack.nothing()
	switch step {
	case readOn:
		r.enqueue(s)
	case finish:
		s.end(nil)
	case pollSoon:
		r.ticks.add(s)
	case pollSlowly:
		r.ticks.addSlow(s)
	case sleep:
		r.arm(s)
	}
}

// lookAtHeld notes what is held back, and logs it once when that is so for long.
func (s *Source) lookAtHeld(now time.Time) {
	st := &s.state
	st.heldBack = st.heldBack.next(s.log.Held(), s.log.HeldBytes(), now)
	report := st.heldBack.report()
	if report != nil {
		_, report.Open = s.log.Grouping()
	}
	s.producer.SetHeld(report)
	if err := report.Problem(now); err != nil && !st.heldBack.warned {
		st.heldBack.warned = true
		s.producer.WarnHeld(err)
	}
}

// noteQuiet notes whether there was nothing to read.
func (s *Source) noteQuiet(quiet bool) {
	switch {
	case !quiet:
		s.shared.quiet.Store(0)
	case s.shared.quiet.Load() == 0:
		s.shared.quiet.Store(time.Now().UnixNano())
	}
}

// warnStray logs, once, that somebody else has renamed, deleted or replaced the file.
func (s *Source) warnStray() {
	st := &s.state
	stray := s.Stray(st.run.startedAt)
	if stray != nil && !errors.Is(stray, st.stray) && !st.run.removed && !st.run.over {
		s.producer.Log.Warn("the log file is not where Docker expects it", "reason", stray)
	}
	st.stray = stray
}

// soonAgain reports whether a source is polled again, as it is being written, and nothing
// depends on whether all has been read: looking for that would be most of what a poll
// costs. The directory's watch reports rotation, and the poll that finds nothing looks.
func (r *Reader) soonAgain(s *Source, p tail.Progress) bool {
	run := &s.state.run
	return p.Bytes > 0 && r.config.Poll > 0 && s.watch != nil && !run.removed && !run.over && s.shared.captureErr.Load() == nil
}

// putBack makes a source that may not be read yet be looked at again.
func (r *Reader) putBack(s *Source) {
	if s.state.waited++; s.state.waited < patience && r.config.Poll > 0 {
		r.ticks.add(s)
	} else {
		r.ticks.addSlow(s)
	}
}

// glance looks now and then how large a file is that has no room: should somebody truncate
// it, that is what can be said to be lost.
func (r *Reader) glance(s *Source) {
	if s.file != nil && !s.state.slow {
		s.file.Glance()
		r.ticks.addSlow(s)
	}
}
