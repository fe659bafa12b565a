package collect

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// Backoff between attempts to start a source.
const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second
	// lastWords is how long a stream may go on after its container was
	// removed. The engine ends it in order, but not if the engine is gone.
	lastWords = 10 * time.Second
)

// reconcile brings one unit's source to what it should be. A source that has
// to go is asked to end first; its end brings us here again.
func (c *Collector) reconcile(ctx context.Context, u *unit) {
	if u.file != nil {
		c.readers[u.lane].update(u.file, u.container(), u.removed)
	}
	if u.stream != nil && u.stream.turn != nil && u.container().Running {
		u.stream.turn.end() // it will follow the new run, for as long as that takes
	}
	wants, runs := u.wants(), u.runs()
	switch {
	case runs == logs.Unreadable && u.dismissed && !u.orphan && wants != logs.Journal:
		c.leave(ctx, u)
	case wants == runs:
		c.hurry(u)
	case runs != logs.Unreadable:
		c.stop(u)
	case time.Now().Before(u.retryAt):
	case c.parked[u] != nil && wants != logs.Journal:
		// It has its turn; see takeTurns.
	default:
		c.start(ctx, u)
	}
}

// start starts the source that a unit wants, or makes it wait for a descriptor.
func (c *Collector) start(ctx context.Context, u *unit) {
	switch {
	case !c.mayOpen(u):
		c.park(u, true)
	case u.wants() == logs.API:
		c.startStream(ctx, u)
	default:
		c.startFile(ctx, u)
	}
}

// leave ends a unit that is not wanted and has no source any more.
func (c *Collector) leave(ctx context.Context, u *unit) {
	if u.removed && !u.drained && c.config.Hold.Has(u.id) {
		c.readHeld(ctx, u)
		return
	}
	if u.removed {
		c.tellUnread(u)
	}
	c.drop(u)
	if !u.removed {
		c.leaveExcluded(u.id)
		return
	}
	c.config.Hold.Leave(u.id)
	// Behind everything that is still to be delivered. The position goes last:
	// links without one would be delivered again.
	c.config.Lanes[u.lane].After(u.id, func() {
		if !c.config.Hold.Has(u.id) {
			c.forget(u.id)
			return
		}
		c.config.Store.AfterSave(func() { c.forget(u.id) })
	})
}

// hurry ends a stream that should have ended by itself.
func (c *Collector) hurry(u *unit) {
	if u.stream != nil && u.removed && time.Now().After(u.lastWordsAt()) {
		c.stop(u)
	}
}

// lastWordsAt is when the stream of a removed container has been silent for too
// long. While the sink does not take what the stream has, it is not silent.
func (u *unit) lastWordsAt() time.Time {
	idle := u.idleSince.Load()
	if idle == nil {
		return time.Now().Add(lastWords)
	}
	silence := lastWords
	if !u.stream.spoke.Load() {
		silence = searchTime(u.container())
	}
	if idle.After(u.removedAt) {
		return idle.Add(silence)
	}
	return u.removedAt.Add(silence)
}

// stop asks the source to end.
func (c *Collector) stop(u *unit) {
	if u.stopping {
		return
	}
	u.stopping = true
	if u.stream != nil {
		u.stream.cancel(nil)
		return
	}
	c.readers[u.lane].remove(u.file)
}

// pauseBefore makes the next start of a source wait.
func (u *unit) pauseBefore() {
	u.backoff = min(max(2*u.backoff, minBackoff), maxBackoff)
	u.retryAt = time.Now().Add(u.backoff)
}

func (c *Collector) startFile(ctx context.Context, u *unit) {
	source, err := c.openFile(u)
	if tail.NoDescriptor(err) {
		c.park(u, true)
		c.room = 0
		return
	}
	c.unpark(u)
	if err != nil {
		c.cannotRead(ctx, u, err)
		return
	}
	c.room -= source.descriptors()
	u.file, u.stopping = source, false
	u.startedAt = time.Now()
	u.tailing.Store(source)
	c.readers[u.lane].add(source)
}

// cannotRead deals with a file that cannot be opened or read: the route is
// decided again, which leads to the API where that is allowed.
func (c *Collector) cannotRead(ctx context.Context, u *unit, err error) {
	u.pauseBefore()
	if isGone(err) && u.backoff == minBackoff && !u.orphan {
		// Most likely the container was removed, and we shall hear of it.
		c.config.Discovery.Refresh(u.id)
		return
	}
	u.settled.Store(true) // nobody waits for what may never be read
	u.wakeNext()
	u.stats.fail(err)
	if u.told != err.Error() { // there may be thousands that fail again and again, for one reason
		u.told = err.Error()
		u.log.Warn("cannot read log file", "error", err)
	}
	if u.orphan {
		return
	}
	c.decide(u)
	if u.wants() == logs.API {
		u.retryAt = time.Time{}
		c.reconcile(ctx, u)
	}
}

// failure is a file source that has ended.
type failure struct {
	source   *fileSource
	position logs.Position
	// err is nil when the source was asked to end or the log was at its end.
	err error
}

func (c *Collector) fileFailed(ctx context.Context, f failure) {
	u := f.source.unit
	parking := u.parking
	u.file, u.stopping, u.parking = nil, false, false
	u.position = f.position
	u.tailing.Store(nil)
	c.room += f.source.descriptors()
	f.source.close()
	switch {
	case tail.NoDescriptor(f.err):
		c.park(u, true)
		c.room = 0 // until it is counted again
		return
	case parking && f.err == nil && !u.removed:
		c.park(u, false)
		c.startWaiting(ctx)
		return
	}
	if time.Since(u.startedAt) > maxBackoff {
		u.backoff, u.told = 0, ""
	}
	if f.err != nil {
		c.cannotRead(ctx, u, f.err)
	} else {
		u.orphan, u.drained = false, u.removed
	}
	c.reconcile(ctx, u)
}

// end is an API source that has ended.
type end struct {
	unit     *unit
	position logs.Position
	// run is the start of the container's run that was read, and final that
	// it was over before reading began.
	run   time.Time
	final bool
	// err is io.EOF when the engine ended the stream in order.
	err error
	// lines tells that something was read.
	lines bool
	began time.Time
}

func (c *Collector) streamEnded(ctx context.Context, e end) {
	u := e.unit
	asked, parking := u.stopping, u.parking
	u.broke(u.stream, e.err)
	u.stream, u.stopping, u.parking = nil, false, false
	u.streaming.Store(false)
	u.position = e.position
	c.room += streamFiles
	if e.lines || time.Since(e.began) > maxBackoff {
		u.backoff = 0
	}
	switch {
	case errors.Is(e.err, io.EOF) && !errors.Is(e.err, io.ErrUnexpectedEOF):
		// The run has ended, most likely. But a stream that followed it may
		// have ended too early: with a cached driver the last lines reach the
		// cache after that (seen on 20.10: up to 200 of them). Only a stream
		// that was opened when the run was over has it all.
		if e.final {
			u.position.Drained = e.run.UnixNano()
		}
		u.pauseBefore()
		c.config.Discovery.Refresh(u.id)
	case parking && !u.removed:
		c.park(u, true)
		c.startWaiting(ctx)
	case asked:
	case errors.Is(e.err, logs.ErrUnreadable):
		u.refused = true
		u.chosen.Store(&logs.Route{Reason: "the engine says: " + logs.ErrUnreadable.Error()})
		u.log.Warn("the engine cannot read this log back, nobody can collect it", "reason", u.route().Reason)
	default:
		u.stats.fail(e.err)
		u.pauseBefore()
		u.log.Info("log stream from the Docker API broke, reconnecting", "error", e.err, "in", u.backoff)
		c.config.Discovery.Refresh(u.id)
	}
	c.reconcile(ctx, u)
}

// attend does what units wait for: starts that were put off, and a look at
// files that could not be read and at streams that are silent.
func (c *Collector) attend(ctx context.Context) {
	now := time.Now()
	if len(c.parked) > 0 || c.toldParked {
		if !now.Before(c.turnAt) {
			c.takeTurns(ctx, now)
		}
	}
	if !c.relabelAt.IsZero() && !now.Before(c.relabelAt) {
		c.adopt(ctx)
	}
	for _, u := range c.units {
		if u.probes() && !now.Before(u.probeAt) {
			c.decide(u)
			if !u.probeAt.After(now) {
				u.probeAt = now.Add(probeInterval)
			}
		}
		c.reconcile(ctx, u)
		c.listen(ctx, u, now)
	}
}

// In the middle of a rotation a file is missing for a moment. It is looked for so many times,
// with a pause before each, until it is taken for deleted.
const (
	maxMissed   = 6
	missedPause = 10 * time.Millisecond
)

// mayRotate tells that the route is to be decided again in a moment: the file is missing, and
// may not be for long.
func (u *unit) mayRotate(now logs.Route) bool {
	switch {
	case !now.Missing:
		u.missed = 0
		return false
	case u.missed >= maxMissed:
		return false
	case u.missed == 0 || !time.Now().Before(u.probeAt):
		u.missed++
		u.probeAt = time.Now().Add(missedPause)
	}
	return u.missed < maxMissed
}

// probes tells that the route is decided again at probeAt.
func (u *unit) probes() bool {
	return !u.removed && (u.route().Fallback || u.missed > 0 && u.missed < maxMissed)
}

// nextAttention returns how long it is until attend has something to do; ok is
// false when it never has.
func (c *Collector) nextAttention() (wait time.Duration, ok bool) {
	var next time.Time
	earlier := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	if !c.relabelAt.IsZero() {
		earlier(c.relabelAt)
	}
	if len(c.parked) > 0 || c.toldParked {
		earlier(c.turnAt)
	}
	for _, u := range c.units {
		if runs := u.runs(); runs == logs.Unreadable && u.wants() != logs.Unreadable && c.parked[u] == nil {
			earlier(u.retryAt)
		}
		if u.stream != nil && u.removed {
			earlier(u.lastWordsAt())
		}
		if u.doubtful() {
			earlier(u.stream.lookAt)
		}
		if u.probes() {
			earlier(u.probeAt)
		}
	}
	return max(time.Until(next), 10*time.Millisecond), ok
}

// isGone tells that a file is not there, as opposed to not readable.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// exists tells that there is something at a path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
