package collect

import (
	"context"
	"errors"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// How a reader reads a source, and what becomes of the source then: read on, polled, left
// to its watch, or ended.

// read reads one chunk of a source and decides when to read the next.
func (r *reader) read(ctx context.Context, s *fileSource) {
	if s.ended {
		return
	}
	if s.watch == nil && s.file != nil {
		s.capture() // nobody tells of rotation
	}
	if s.waits() {
		r.putBack(s)
		return
	}
	if !r.sparesUs(s) {
		return
	}
	defer r.survived()
	room, err := r.lane.TryBegin(s.unit.id, &r.draft, s.wake)
	if err != nil {
		return // stopping
	}
	if room == 0 {
		r.glance(s)
		return // woken when there is room
	}
	s.lines, s.bytes, s.first = 0, 0, 0
	buf := r.buf
	if room < wholeChunk || !s.begun {
		buf = r.small // the first chunks of many logs must not be in the way of what is new
	}
	s.begun = true
	if !s.caughtUp && s.backlog.behind { // which only this goroutine sets
		r.draft.Behind = true
	}
	progress, err := s.log.Read(buf, s.emit)
	drained := err == nil && !progress.More
	if drained && !s.soonAgain(progress) {
		drained, err = s.log.AtEnd()
	}
	s.caughtUp = s.caughtUp || err == nil && !progress.More
	if progress.Bytes > 0 {
		s.newest = time.Now()
	}
	s.lookAtClock()
	ask := false
	if s.lookAtHeld(); drained {
		var more bool
		ask, more = s.flush()
		drained = !more
	}
	if progress.Bytes > 0 || s.lines > 0 || progress.Finished {
		r.lane.End(s.unit.id, &r.draft, s.receipt(progress.Bytes))
	} else {
		r.lane.End(s.unit.id, &r.draft, nil)
	}
	if ask && !s.asks.Swap(true) {
		s.refresh(s.unit.id)
	}
	if captured := s.captureErr.Swap(nil); err == nil && drained && captured != nil {
		err = *captured
	}
	r.note(s, progress)
	s.tellOfStray()
	s.noteQuiet(drained && err == nil && progress.Bytes == 0)
	switch {
	case tail.NoDescriptor(err):
		// What rotation has made is opened when others have given descriptors back.
		r.slow = append(r.slow, s)
	case err != nil:
		r.end(ctx, s, err)
	case !drained:
		r.enqueue(s)
	case s.removed && !s.lingers():
		r.end(ctx, s, nil)
	default:
		if s.removed || s.over {
			s.unit.spent.Store(true)
			s.unit.wakeNext()
		}
		r.rest(ctx, s, progress.Bytes > 0)
	}
}

// noteQuiet notes whether there was nothing to read.
func (s *fileSource) noteQuiet(quiet bool) {
	switch {
	case !quiet:
		s.quiet.Store(0)
	case s.quiet.Load() == 0:
		s.quiet.Store(time.Now().UnixNano())
	}
}

// tellOfStray says, once, that somebody else has renamed, deleted or replaced the file.
func (s *fileSource) tellOfStray() {
	if s.file == nil {
		return
	}
	stray := s.file.Stray(s.unit.container().StartedAt)
	if stray != nil && !errors.Is(stray, s.stray) && !s.removed && !s.over {
		s.unit.log.Warn("the log file is not where Docker expects it", "reason", stray)
	}
	s.stray = stray
}

// glance looks now and then how large a file is that has no room: should somebody truncate
// it, that is what can be said to be lost.
func (r *reader) glance(s *fileSource) {
	if s.file == nil || s.slow {
		return
	}
	s.file.Glance()
	s.slow = true
	r.slow = append(r.slow, s)
}

// soonAgain tells that a source is polled again, as it is being written, and that nothing
// depends on whether all has been read: looking for that would be most of what a poll
// costs. Rotation is told by the directory's watch, and the poll that finds nothing looks.
func (s *fileSource) soonAgain(p tail.Progress) bool {
	return p.Bytes > 0 && s.reader.poll > 0 && s.watch != nil && !s.removed && !s.over && s.captureErr.Load() == nil
}

// patience is how many polls in a row may find nothing before a file is left to its
// watch. Arming that, being woken by it and reading at once costs as much as many polls:
// a container that writes a line now and then, more often than it sleeps, was dearer than
// one that writes all the time.
const patience = 8

// rest lets a drained source sleep, or be polled while it is hot. read tells that there
// was something.
func (r *reader) rest(ctx context.Context, s *fileSource, read bool) {
	if s.patience--; read {
		s.patience = patience
	}
	switch {
	case s.lingers() && (s.removed || s.over && s.held != (logs.Held{})):
		r.slow = append(r.slow, s)
	case s.patience > 0 && r.poll > 0:
		r.hot = append(r.hot, s)
	case s.watch == nil && s.sleep == nil:
		r.slow = append(r.slow, s)
	case s.held != (logs.Held{}) && !s.toldHeld:
		r.slow = append(r.slow, s) // somebody has to tell when it is held for long
	default:
		r.arm(ctx, s)
	}
}

// maxMisses is how many slow polls in a row may find the live file's path gone
// while the file itself exists.
const maxMisses = 3

var (
	errDetached  = errors.New("the log file's directory cannot be reached any more")
	errAside     = errors.New("the file that is read is not the one at its path")
	errUnwatched = errors.New("nothing tells of changes of the journal")
)

// arm sets the watch of a source, and looks once more: what was written before
// the watch stood is not told.
func (r *reader) arm(ctx context.Context, s *fileSource) {
	if s.file != nil && s.log.Files() == 0 {
		return // no file yet: its directory is watched
	}
	switch err := s.arm(); {
	case errors.Is(err, errDetached):
		r.end(ctx, s, err)
		return
	case err != nil:
		r.slow = append(r.slow, s)
		return
	}
	switch end, err := s.log.AtEnd(); {
	case tail.NoDescriptor(err):
		r.slow = append(r.slow, s)
	case err != nil:
		r.end(ctx, s, err)
	case !end:
		r.enqueue(s)
	}
}

// arm makes the next change wake the source. Its error says that nothing tells of
// changes: also when the path is gone, as the engine may still write to the file.
func (s *fileSource) arm() error {
	if s.file == nil {
		if !s.sleep() {
			return errUnwatched
		}
		return nil
	}
	if s.file.Aside() {
		return errAside
	}
	err := s.watch.Arm(s.file.Path())
	if err == nil {
		s.misses = 0
		return nil
	}
	if s.misses++; s.misses > maxMisses && s.file.Detached() {
		return errDetached
	}
	return err
}

// end takes a source out and reports where it stands. ctx is done only when
// everything stops.
func (r *reader) end(ctx context.Context, s *fileSource, err error) {
	if s.ended {
		return
	}
	s.ended = true
	s.unit.stats.held.Store(nil)
	r.drop(s)
	select {
	case r.failed <- failure{source: s, position: s.log.Position(), err: err}:
	case <-ctx.Done():
	}
}
