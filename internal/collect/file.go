package collect

import (
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// follower is a log that is pulled: one of files, or the journal's part of one
// container. See tail.Log for what its methods do.
type follower interface {
	Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error)
	AtEnd() (bool, error)
	Held() logs.Held
	HeldBytes() int
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
	watch *watch.Watch
	// sleep makes a log without a file wake the source when there is more; it
	// returns false when that has to be looked for.
	sleep func() bool
	emit  func(logs.Entry)
	// wake puts the source into its reader's queue.
	wake func()

	// queued and backlog are guarded by the reader's mu.
	queued  bool
	backlog backlog
	// quiet is since when all that there is was read, in Unix nanoseconds; 0 when there was
	// something the last time.
	quiet atomic.Int64
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
	// toldHeld tells that it was logged, after a while.
	toldHeld bool

	// stray is what was said last of the place of the file.
	stray error
	// pardonedAt is until when the log is left alone, as reading it has killed us.
	pardonedAt time.Time

	removed bool
	ended   bool
	// begun tells that something was read, or looked for.
	begun bool
	// caughtUp tells that all that was there has been read since the log was opened.
	caughtUp bool
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
	if path == "" || c.config.Watcher == nil {
		return s, nil // there is nothing to watch, or nothing that watches
	}
	// Watched before opened: a rotation in between is then told.
	watch, err := c.config.Watcher.Add(path, s)
	if err != nil && isGone(err) {
		return nil, err
	}
	if err != nil && !c.unwatched {
		c.unwatched = true // there may be thousands, for one reason
		u.log.Warn("cannot watch this log file, and maybe others: looking at them once a second instead", "error", err)
	}
	s.watch = watch
	return s, nil
}

// open opens the log; a source that fails is closed.
func (s *fileSource) open(c *Collector, path string) error {
	u := s.unit
	log, err := tail.Open(tail.Config{
		Path: path, Format: u.route().Format, Box: c.config.Hold.Box(u.id), Log: u.log, GaveUp: u.gaveUp,
		Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics, Room: c.config.Room, Waited: c.parked[u] != nil,
	})
	if err != nil {
		s.close()
		return err
	}
	s.log, s.file = log, log
	u.describe(c.config.Hold)
	s.opened.Store(true)
	s.capture() // what rotated just before was not told
	if u.position.Last == 0 {
		// What is written from now on was not there: a restart must not take it for old.
		position := log.Position()
		s.reader.lane.After(u.id, func() { c.config.Store.Commit(u.id, position) })
	}
	if needed := log.Needed(); log.Linked() {
		// What lies before the position is delivered, or on its way.
		s.reader.lane.After(u.id, func() { s.release(log, needed) })
	}
	return nil
}

// add passes an entry on; the reader's draft is ours while a read is under way.
func (s *fileSource) add(e logs.Entry) {
	s.reader.draft.Add(s.unit.labels.Load().at(e.Time), e)
	if s.lines == 0 {
		s.first = e.Time
	}
	s.lines++
	s.bytes += len(e.Line)
}

// Written implements watch.Waker.
func (s *fileSource) Written() {
	if s.opened.Load() {
		s.reader.enqueue(s)
	}
}

// Rotated implements watch.Waker: it opens what rotation has made at once, on
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

// written returns when the log was written to last.
func (s *fileSource) written() time.Time {
	if s.file == nil {
		return time.Now()
	}
	return s.file.Written()
}

// isOver tells that a container has run and does not.
func isOver(c *logs.Container) bool { return !c.Running && !c.StartedAt.IsZero() }

// lookAtHeld notes since when it is known what is held back, and how much that is, and
// logs it once when that is long ago.
func (s *fileSource) lookAtHeld() {
	now := time.Now()
	held := s.log.Held()
	if held != s.held {
		s.held, s.heldAt, s.toldHeld = held, now, false
	}
	if held == (logs.Held{}) {
		s.unit.stats.held.Store(nil)
		return
	}
	what := &heldBack{since: s.heldAt, bytes: s.log.HeldBytes(), line: held.Lines != [logs.Streams]int64{}}
	s.unit.stats.held.Store(what)
	if err := what.problem(now); err != nil && !s.toldHeld {
		s.toldHeld = true
		s.unit.warnHeld(err)
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
