package collect

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// fileSource reads one container's log from its file. It belongs to its
// reader's goroutine where nothing else is said.
type fileSource struct {
	unit    *unit
	reader  *reader
	store   Store
	metrics Metrics
	log     *tail.Log
	watch   *tail.Watch // nil when the file cannot be watched
	emit    func(logs.Entry)

	// queued is guarded by the reader's mu.
	queued bool
	// opened tells the watcher's goroutine that log is set.
	opened atomic.Bool
	// captureErr is set by the watcher's goroutine.
	captureErr atomic.Pointer[error]
	// toldRunning and toldRemoved are the collector's: what it told last.
	toldRunning, toldRemoved bool
	toldRun                  time.Time

	// flush tells that a run has ended: lines held back are complete. Files
	// may hold a new run before we hear of it, so it counts once.
	flush, removed bool
	ended          bool
	// misses counts attempts in a row to watch the live file that failed.
	misses int
	// lines and bytes count what the read under way has passed on, and first is
	// the timestamp of the first of it.
	lines, bytes int
	first        int64
}

// openFile makes the source of a unit's file and watches its directory.
func (c *Collector) openFile(u *unit) (*fileSource, error) {
	s := &fileSource{unit: u, reader: c.readers[u.lane], store: c.config.Store, metrics: c.config.Metrics,
		toldRunning: u.container().Running, toldRun: u.container().StartedAt}
	s.flush = !s.toldRunning && !s.toldRun.IsZero()
	s.emit = s.add
	path := u.route().Path
	// Watched before opened: a rotation in between is then told.
	watch, err := c.config.Watcher.Add(path, s)
	if err != nil && isGone(err) {
		return nil, err
	}
	if err != nil {
		u.log.Warn("log file is polled", "error", err)
	}
	s.watch = watch
	s.log, err = tail.Open(tail.Config{Path: path, Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics})
	if err != nil {
		s.close()
		return nil, err
	}
	s.opened.Store(true)
	return s, nil
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
	if err := s.log.Capture(); err != nil {
		s.captureErr.Store(&err)
	}
	s.reader.enqueue(s)
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
	if r.lane.Begin(ctx) != nil {
		return // stopping
	}
	s.lines, s.bytes, s.first = 0, 0, 0
	progress, err := s.log.Read(r.buf, s.emit)
	drained := false
	if err == nil && !progress.More {
		drained, err = s.log.AtEnd()
	}
	if drained && (s.flush || s.removed) {
		s.flush = false
		s.log.Flush(s.emit)
	}
	if progress.Bytes > 0 || s.lines > 0 {
		r.lane.End(s.receipt(progress.Bytes))
	} else {
		r.lane.End(nil)
	}
	if captured := s.captureErr.Swap(nil); err == nil && drained && captured != nil {
		err = *captured
	}
	switch {
	case err != nil:
		r.end(ctx, s, err)
	case !drained:
		r.enqueue(s)
	case s.removed:
		r.end(ctx, s, nil)
	default:
		r.rest(ctx, s, progress.Bytes > 0)
	}
}

// receipt counts what was read, and commits the position when it is delivered.
func (s *fileSource) receipt(read int) func() {
	position := s.log.Position()
	s.unit.stats.lines.Add(int64(s.lines))
	s.unit.stats.handed(read, s.first)
	s.metrics.Lines(logs.File.String(), s.lines, s.bytes)
	return func() {
		s.store.Commit(s.unit.id, position)
		s.unit.stats.delivered(read, position)
	}
}

// rest lets a drained source sleep, or be polled while it is hot.
func (r *reader) rest(ctx context.Context, s *fileSource, hot bool) {
	switch {
	case s.watch == nil:
		r.slow = append(r.slow, s)
	case hot && r.poll > 0:
		r.hot = append(r.hot, s)
	default:
		r.arm(ctx, s)
	}
}

// maxMisses is how many slow polls in a row may find the live file's path gone
// while the file itself exists.
const maxMisses = 3

var errDetached = errors.New("the log file's directory cannot be reached any more")

// arm sets the watch of a source, and looks once more: what was written before
// the watch stood is not told.
func (r *reader) arm(ctx context.Context, s *fileSource) {
	if s.log.Files() == 0 {
		return // no file yet: its directory is watched
	}
	if err := s.watch.Arm(s.log.Path()); err != nil {
		if s.misses++; s.misses > maxMisses && s.log.Detached() {
			r.end(ctx, s, errDetached)
			return
		}
		// Also when the path is gone: the engine may still write to the file.
		r.slow = append(r.slow, s)
		return
	}
	s.misses = 0
	switch end, err := s.log.AtEnd(); {
	case err != nil:
		r.end(ctx, s, err)
	case !end:
		r.enqueue(s)
	}
}

// end takes a source out and reports where it stands. ctx is done only when
// everything stops.
func (r *reader) end(ctx context.Context, s *fileSource, err error) {
	if s.ended {
		return
	}
	s.ended = true
	select {
	case r.failed <- failure{source: s, position: s.log.Position(), err: err}:
	case <-ctx.Done():
	}
}
