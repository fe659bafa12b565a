package collect

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// follower is a log that is pulled: one of files, or the journal's part of one
// container. See tail.Log for what its methods do.
type follower interface {
	Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error)
	AtEnd() (bool, error)
	Held() logs.Held
	Flush(emit func(logs.Entry)) (more bool)
	Position() logs.Position
	Files() int
	Lag() int64
	Close()
}

// fileSource reads one container's log from its file, or from the journal's. It
// belongs to its reader's goroutine where nothing else is said.
type fileSource struct {
	unit    *unit
	reader  *reader
	store   Store
	metrics Metrics
	kind    logs.RouteKind
	log     follower
	// file is log where that is one of files, nil otherwise, and watch that of the
	// file, nil when it cannot be watched.
	file  *tail.Log
	watch *tail.Watch
	// sleep makes a log without a file wake the source when there is more; it
	// returns false when that has to be looked for.
	sleep func() bool
	emit  func(logs.Entry)
	// wake puts the source into its reader's queue.
	wake func()

	// queued and backlog are guarded by the reader's mu.
	queued  bool
	backlog backlog
	// opened tells other goroutines that log is set.
	opened atomic.Bool
	// captureErr is set by the watcher's goroutine.
	captureErr atomic.Pointer[error]
	// told and toldRemoved are the collector's: what it told last.
	told        *logs.Container
	toldRemoved bool
	// asks tells that the reader waits for the engine to be asked again.
	asks    atomic.Bool
	refresh func(id string)

	// over tells that the engine has said that no run was under way, when it was
	// asked at asOf. Files may hold a new run before we hear of it.
	over bool
	asOf time.Time
	// held is what is held back, and heldAt when it was first seen.
	held   logs.Held
	heldAt time.Time

	removed bool
	ended   bool
	// begun tells that something was read, or looked for.
	begun bool
	// linger is how long after the newest of its lines, read at newest, more may
	// come of a container that has ended; 0 when there is no such delay.
	linger    time.Duration
	newest    time.Time
	lingering bool
	// before are the units that have to be delivered first, nil for none. It is set by the
	// collector. waited counts the looks at them.
	before atomic.Pointer[[]*unit]
	waited int
	// slow tells that the source was put back for being looked at seldom.
	slow bool
	// patience is how many polls may find nothing before the file sleeps.
	patience int
	// misses counts attempts in a row to watch the live file that failed.
	misses int
	// lines and bytes count what the read under way has passed on, and first is
	// the timestamp of the first of it.
	lines, bytes int
	first        int64
}

// openFile makes the source of a unit's file and watches its directory, or that of
// the journal's part.
func (c *Collector) openFile(u *unit) (*fileSource, error) {
	if u.wants() == logs.Journal {
		return c.openJournal(u), nil
	}
	s, err := c.watchFile(u)
	if err != nil {
		return nil, err
	}
	if err := s.open(c, u.route().Path); err != nil {
		return nil, err
	}
	return s, nil
}

// newSource makes a source that has no log yet.
func (c *Collector) newSource(u *unit) *fileSource {
	s := &fileSource{unit: u, reader: c.readers[u.lane], store: c.config.Store, metrics: c.config.Metrics, kind: logs.File,
		told: u.container(), toldRemoved: u.removed, removed: u.removed, refresh: c.config.Discovery.Refresh, newest: time.Now()}
	s.over, s.asOf = isOver(s.told), s.told.AsOf
	s.follow(c.predecessors(u))
	s.emit = s.add
	s.wake = func() { s.reader.enqueue(s) }
	return s
}

func (c *Collector) watchFile(u *unit) (*fileSource, error) {
	s := c.newSource(u)
	path := u.route().Path
	if path == "" {
		return s, nil // removed: there is nothing to watch
	}
	// Watched before opened: a rotation in between is then told.
	watch, err := c.config.Watcher.Add(path, s)
	if err != nil && isGone(err) {
		return nil, err
	}
	if err != nil {
		u.log.Warn("log file is polled", "error", err)
	}
	s.watch = watch
	return s, nil
}

// open opens the log; a source that fails is closed.
func (s *fileSource) open(c *Collector, path string) error {
	u := s.unit
	log, err := tail.Open(tail.Config{
		Path: path, Format: u.route().Format, Box: c.config.Hold.Box(u.id), Log: u.log, GaveUp: u.gaveUp,
		Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics,
	})
	if err != nil {
		s.close()
		return err
	}
	s.log, s.file = log, log
	u.describe(c.config.Hold)
	s.opened.Store(true)
	s.capture() // what rotated just before was not told
	if needed := log.Needed(); log.Linked() {
		// What lies before the position is delivered, or on its way.
		s.reader.lane.After(u.id, func() { s.release(log, needed) })
	}
	return nil
}

// add passes an entry on; the lane is ours while a read is under way.
func (s *fileSource) add(e logs.Entry) {
	s.reader.lane.Add(s.unit.labels.Load().at(e.Time), e)
	if s.lines == 0 {
		s.first = e.Time
	}
	s.lines++
	s.bytes += len(e.Line)
}

// Written implements tail.Waker.
func (s *fileSource) Written() {
	if s.opened.Load() {
		s.reader.enqueue(s)
	}
}

// Rotated implements tail.Waker: it opens what rotation has made at once, on
// the watcher's goroutine, since the reader may be waiting for the sink while
// rotation goes on and deletes.
func (s *fileSource) Rotated() {
	if !s.opened.Load() {
		return // being opened: it will find what there is
	}
	s.capture()
	s.reader.enqueue(s)
}

// capture opens what rotation has made. It may be called from any goroutine.
func (s *fileSource) capture() {
	if err := s.file.Capture(); err != nil {
		s.captureErr.Store(&err)
	}
}

func (s *fileSource) close() {
	if s.watch != nil {
		s.watch.Close()
	}
	if s.log != nil {
		s.log.Close()
	}
}

// read reads one chunk of a source and decides when to read the next.
func (r *reader) read(ctx context.Context, s *fileSource) {
	if s.ended {
		return
	}
	if s.waits() {
		if s.watch == nil && s.file != nil {
			s.capture() // nobody tells of rotation
		}
		r.putBack(s)
		return
	}
	room, err := r.lane.TryBegin(s.unit.id, s.wake)
	if err != nil || room == 0 {
		return // stopping, or woken when there is room
	}
	s.lines, s.bytes, s.first = 0, 0, 0
	buf := r.buf
	if room < wholeChunk || !s.begun {
		buf = r.small // the first chunks of many logs must not be in the way of what is new
	}
	s.begun = true
	progress, err := s.log.Read(buf, s.emit)
	drained := err == nil && !progress.More
	if drained && !s.soonAgain(progress) {
		drained, err = s.log.AtEnd()
	}
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
		r.lane.End(s.receipt(progress.Bytes))
	} else {
		r.lane.End(nil)
	}
	if ask && !s.asks.Swap(true) {
		s.refresh(s.unit.id)
	}
	if captured := s.captureErr.Swap(nil); err == nil && drained && captured != nil {
		err = *captured
	}
	r.note(s, progress)
	switch {
	case err != nil:
		r.end(ctx, s, err)
	case !drained:
		r.enqueue(s)
	case s.removed && !s.lingers():
		r.end(ctx, s, nil)
	default:
		if s.removed {
			s.unit.spent.Store(true)
			s.unit.wakeNext()
		}
		r.rest(ctx, s, progress.Bytes > 0)
	}
}

// soonAgain tells that a source is polled again, as it is being written, and that nothing
// depends on whether all has been read: looking for that would be most of what a poll
// costs. Rotation is told by the directory's watch, and the poll that finds nothing looks.
func (s *fileSource) soonAgain(p tail.Progress) bool {
	return p.Bytes > 0 && s.reader.poll > 0 && s.watch != nil && !s.removed && !s.over && s.captureErr.Load() == nil
}

// written returns when the log was written to last.
func (s *fileSource) written() time.Time {
	if s.file == nil {
		return time.Now()
	}
	return s.file.Written()
}

// isOver tells that a container has run and does not.
func isOver(c *logs.Container) bool { return !c.Running && !c.StartedAt.IsZero() }

// lookAtHeld notes since when it is known what is held back.
func (s *fileSource) lookAtHeld() {
	if held := s.log.Held(); held != s.held {
		s.held, s.heldAt = held, time.Now()
	}
}

// flush passes on what is held back when it is complete, given that all there is was
// read: the container is gone, or the run that it is of is over. That is certain if it
// was there before the engine was asked; otherwise it may be of the next run, and the
// engine has to be asked again. It answers when the run has begun. more tells that there
// is something to read now.
func (s *fileSource) flush() (ask, more bool) {
	switch {
	case s.held == (logs.Held{}), s.lingers():
	case s.removed, s.over && s.heldAt.Before(s.asOf):
		more = s.log.Flush(s.emit)
		s.lookAtHeld()
	default:
		ask = s.over
	}
	return ask, more
}

// receipt counts what was read, and commits the position when it is delivered.
func (s *fileSource) receipt(read int) func() {
	position, needed := s.log.Position(), 0
	if s.file != nil {
		needed = s.file.Needed()
	}
	s.unit.stats.lines.Add(int64(s.lines))
	s.unit.stats.handed(read, s.first)
	s.metrics.Lines(s.kind.String(), s.lines, s.bytes)
	return func() {
		s.store.Commit(s.unit.id, position)
		s.unit.stats.delivered(read, position)
		s.unit.wakeNext()
		if s.file != nil {
			s.release(s.file, needed)
		}
	}
}

// release lets go of links to files before the one that is needed, once the
// position is on disk.
func (s *fileSource) release(log *tail.Log, needed int) {
	if release := log.Delivered(needed); release != nil {
		s.store.AfterSave(release)
	}
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
	case s.watch == nil && s.sleep == nil, s.lingers() && (s.removed || s.over && s.held != (logs.Held{})):
		r.slow = append(r.slow, s)
	case s.patience > 0 && r.poll > 0:
		r.hot = append(r.hot, s)
	default:
		r.arm(ctx, s)
	}
}

// maxMisses is how many slow polls in a row may find the live file's path gone
// while the file itself exists.
const maxMisses = 3

var (
	errDetached  = errors.New("the log file's directory cannot be reached any more")
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
	r.drop(s)
	select {
	case r.failed <- failure{source: s, position: s.log.Position(), err: err}:
	case <-ctx.Done():
	}
}
