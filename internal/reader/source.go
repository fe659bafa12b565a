package reader

import (
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// pulled is a log that is pulled: one of files, or the journal's part of one
// container. See tail.Log for what its methods do.
type pulled interface {
	Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error)
	AtEnd() (bool, error)
	Held() logs.Held
	HeldBytes() int
	Flush(emit func(logs.Entry)) (more bool)
	Grouping() (some, only bool)
	FlushGroups(now int64, emit func(logs.Entry))
	Position() logs.Position
	Files() int
	Lag() int64
	Close()
}

// owner is the reader that a source belongs to.
type owner interface {
	// enqueue makes the source be read soon, and drop never again. do runs a task on the
	// reader's goroutine.
	enqueue(s *Source)
	drop(s *Source)
	do(task func())
}

// Source reads one container's log from its file, or from the journal's. What it is made of
// does not change; what does is in a part for each owner.
type Source struct {
	reader   owner
	producer *producer.Producer
	kind     logs.RouteKind
	log      pulled
	// file is log where that is one of files, nil otherwise, and watch that of the
	// file, nil when it cannot be watched.
	file  *tail.Log
	watch *watch.Watch
	// plain is log where that is a file of the host, nil otherwise, and watches watches one.
	plain   *plain.Log
	watches func(path string, waker watch.Waker) (*watch.Watch, error)
	// sleep makes a log without a file wake the source when there is more; it
	// returns false when that has to be looked for.
	sleep func() bool
	// wake puts the source into its reader's queue.
	wake  func()
	ended func(logs.Position, error)

	slot   slot
	said   said
	shared shared
	state  state
}

// said is what the collector, whose goroutine it belongs to, said last.
type said struct {
	container *logs.Container
	removed   bool
}

// shared is what several goroutines use.
type shared struct {
	// opened: log is set.
	opened atomic.Bool
	// captureErr is set by the watcher's goroutine.
	captureErr atomic.Pointer[error]
	// quiet is since when all that there is was read, in Unix nanoseconds; 0 when there was
	// something the last time.
	quiet atomic.Int64
	// asks: the reader waits for the engine to be asked again.
	asks atomic.Bool
	// before are the logs that have to be delivered first, nil for none. The collector
	// sets it.
	before atomic.Pointer[[]*producer.Producer]
}

// Begin hands the source to its reader.
func (s *Source) Begin() { s.reader.enqueue(s) }

// Kind is the route that the source reads on.
func (s *Source) Kind() logs.RouteKind { return s.kind }

// Update says what has become of its container, and since when it does not
// exist; zero while it does.
func (s *Source) Update(c *logs.Container, removedAt time.Time) {
	removed, before := !removedAt.IsZero(), s.said
	answered := s.shared.asks.Load() && c.AsOf.After(before.container.AsOf)
	moved := before.container.Path != c.Path
	if !answered && !moved && before.container.Running == c.Running && before.removed == removed && before.container.StartedAt.Equal(c.StartedAt) {
		return
	}
	s.said = said{container: c, removed: removed}
	s.reader.do(func() {
		s.state.run = runOf(c, removed)
		s.shared.asks.Store(false)
		if moved && s.plain != nil && !s.state.ended {
			s.move(c.Path)
		}
		s.reader.enqueue(s)
	})
}

// Stop asks the source to end.
func (s *Source) Stop() { s.reader.do(func() { s.end(nil) }) }

// Close gives back what the source has open, when it has ended.
func (s *Source) Close() {
	if s.watch != nil {
		s.watch.Close()
	}
	if s.log != nil {
		s.log.Close()
	}
}

// Descriptors is how many the source counts for. All logs of the journal share its files.
func (s *Source) Descriptors() int {
	switch {
	case s.plain != nil:
		return s.plain.Files()
	case s.file == nil:
		return 0
	}
	return max(s.file.Files(), 1)
}

// OpenFiles returns the files that are open of the log, oldest first; none where it is the
// journal's.
func (s *Source) OpenFiles() []tail.OpenFile {
	if s.file == nil {
		return nil
	}
	return s.file.OpenFiles()
}

// Missing reports whether there is no file.
func (s *Source) Missing() bool { return s.log.Files() == 0 }

// Short reports whether the log is not open with all of its files, for want of descriptors.
func (s *Source) Short() bool { return s.file != nil && s.file.Short() }

// Lag is what is in the log and was not read, in bytes.
func (s *Source) Lag() int64 { return s.log.Lag() }

// Stray says why the file is not where Docker expects it, given when the container was
// started; nil while it is.
func (s *Source) Stray(started time.Time) error {
	if s.file == nil {
		return nil
	}
	return s.file.Stray(started)
}

// MayPause reports whether the log may be closed and opened again later. What rotation has
// made, or nobody else has a name for, is not left alone.
func (s *Source) MayPause(started time.Time) bool {
	return s.file != nil && s.file.Files() <= 1 && s.file.Stray(started) == nil
}

// SilentSince returns since when all of the log is read, in Unix nanoseconds, if it is
// delivered as well and nothing is held back.
func (s *Source) SilentSince() (nano int64, silent bool) {
	nano = s.shared.quiet.Load()
	return nano, nano != 0 && s.producer.Unanswered() == 0 && s.producer.Held() == nil && s.log.Lag() == 0
}

// Follow makes the source wait until logs are delivered. The collector calls it.
func (s *Source) Follow(before []*producer.Producer) {
	if len(before) == 0 {
		s.shared.before.Store(nil)
		return
	}
	s.shared.before.Store(&before)
	before[len(before)-1].SetNext(func() {
		if s.shared.opened.Load() { // otherwise it is not waiting, and may never be opened
			s.wake()
		}
	})
}

// waits reports whether the source may not be read yet.
func (s *Source) waits() bool {
	before := s.shared.before.Load()
	if before == nil {
		return false
	}
	for i := len(*before) - 1; i >= 0; i-- { // they go in order
		if !(*before)[i].Passed() {
			return true
		}
	}
	s.state.waited = 0
	return !s.shared.before.CompareAndSwap(before, nil)
}

// Written implements watch.Waker.
func (s *Source) Written() {
	if s.shared.opened.Load() {
		s.reader.enqueue(s)
	}
}

// Rotated implements watch.Waker: it opens what rotation has made at once, on
// the watcher's goroutine, since the reader may be waiting for the sink while
// rotation goes on and deletes.
func (s *Source) Rotated() {
	if !s.shared.opened.Load() {
		return // being opened: it will find what there is
	}
	s.capture()
	s.reader.enqueue(s)
}

// capture opens what rotation has made. It may be called from any goroutine.
func (s *Source) capture() {
	if s.file == nil {
		return // others look for what rotation has made
	}
	if err := s.file.Capture(); err != nil {
		s.shared.captureErr.Store(&err)
	}
}

// written returns when the log was written to last.
func (s *Source) written() time.Time {
	if s.file == nil {
		return time.Now()
	}
	return s.file.Written()
}

// end takes a source out and reports where it stands.
func (s *Source) end(err error) {
	if s.state.ended {
		return
	}
	s.state.ended = true
	s.producer.SetHeld(nil)
	s.reader.drop(s)
	s.ended(s.producer.Complete(s.log.Position()), err)
}

// move says where a file of the host is now. It belongs to the reader's goroutine.
func (s *Source) move(path string) {
	if s.watch != nil {
		s.watch.Close()
		s.watch = nil
	}
	s.plain.Move(path)
	if s.watches != nil {
		s.watch, _ = s.watches(path, s) // without, it is looked at
	}
}

// watchFile makes the next change of the file wake the source.
func (s *Source) watchFile() bool { return s.watch != nil && s.watch.Arm(s.plain.Path()) == nil }
