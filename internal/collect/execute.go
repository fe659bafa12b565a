package collect

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/output"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// reconcile brings one unit's source to what it should be.
func (c *Collector) reconcile(ctx context.Context, u *unit) {
	if u.source != nil {
		u.source.Update(u.container(), u.fate.removedAt)
	}
	s := u.situation()
	s.held = u.fate.presence == removed && c.config.Hold.Has(u.ID)
	s.room = c.config.MaxLogs <= 0 || c.descriptors.free > 0
	switch s.next(time.Now()) {
	case nothing:
	case start:
		c.start(ctx, u)
	case park:
		c.park(u, true)
	case stop:
		c.stop(u, stopping)
	case readHeld:
		c.readHeld(ctx, u)
	case leave:
		c.leave(u)
	}
}

// start starts the source that a unit wants.
func (c *Collector) start(ctx context.Context, u *unit) {
	var source Source
	if route := u.situation().wants(); route == logs.API {
		source = c.startStream(ctx, u)
	} else {
		file, err := c.openLog(u, route)
		if tail.NoDescriptor(err) {
			c.park(u, true)
			c.descriptors.free = 0 // until it is counted again
			return
		}
		if err != nil {
			c.unpark(u)
			c.cannotRead(ctx, u, err)
			return
		}
		source = file
	}
	c.unpark(u)
	u.enter(reading)
	u.source, u.startedAt = source, time.Now()
	u.running.Store(&source)
	c.descriptors.free -= source.Descriptors()
	if file := u.file(); file != nil {
		file.Begin()
	}
}

// stop asks the source to end, for one reason or the other.
func (c *Collector) stop(u *unit, why phase) {
	if u.phase == reading {
		u.enter(why)
		u.source.Stop()
	}
}

// startStream has a log read through the API.
func (c *Collector) startStream(ctx context.Context, u *unit) Source {
	if u.retry.pause > 0 {
		c.config.Metrics.Reconnected()
	}
	return c.streams.Start(ctx, stream.Start{
		Output: u.Output, Container: u.container(), Position: u.position, Search: u.search,
		Ended: func(e stream.End) {
			c.report(ended{unit: u, position: e.Position, err: e.Err, read: e.Read, search: e.Search})
		},
	})
}

// openLog opens a unit's log of files, or its part of the journal.
func (c *Collector) openLog(u *unit, route logs.RouteKind) (*reader.Source, error) {
	with := reader.Start{
		Output: u.Output, Container: u.container(), Removed: u.fate.gone(), Before: c.succession.predecessors(u),
		Ended: func(p logs.Position, err error) { c.report(ended{unit: u, position: p, err: err}) },
	}
	if route == logs.Journal {
		return c.readers[u.lane].OpenJournal(with, c.config.Journal, journal.Options{
			ID: u.ID, Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics, Log: u.Log,
		}), nil
	}
	box := c.config.Hold.Box(u.ID)
	source, err := c.readers[u.lane].OpenFile(with, tail.Config{
		Path: u.route().Path, Format: u.route().Format, Box: box, Log: u.Log, GaveUp: u.gaveUp,
		Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics, Room: c.config.Room, Waited: u.phase == parked,
	})
	if err == nil {
		c.describe(u)
	}
	return source, err
}

// describe keeps a unit's labels beside the files that are held, too.
func (c *Collector) describe(u *unit) {
	if labels := u.Labels(); len(labels) > 0 {
		c.config.Hold.Describe(u.ID, output.Timeline.Encode(labels))
	}
}

// watch watches a log file and its directory. What cannot be watched is looked at.
func (c *Collector) watch(path string, waker watch.Waker) (*watch.Watch, error) {
	w, err := c.config.Watcher.Add(path, waker)
	if err != nil && !isGone(err) && !c.unwatched {
		c.unwatched = true // there may be thousands, for one reason
		c.config.Log.Warn("cannot watch this log file, and maybe others: looking at them once a second instead", "path", path, "error", err)
	}
	return w, err
}

// leave ends a unit that is not wanted and has no source any more.
func (c *Collector) leave(u *unit) {
	gone := u.fate.gone()
	if gone {
		c.warnUnread(u)
	}
	c.drop(u)
	if !gone {
		c.leaveExcluded(u.ID)
		return
	}
	c.config.Hold.Leave(u.ID)
	// Behind everything that is still to be delivered. The position goes last:
	// links without one would be delivered again.
	u.After(func() {
		if !c.config.Hold.Has(u.ID) {
			c.forget(u.ID)
			return
		}
		c.config.Store.AfterSave(func() { c.forget(u.ID) })
	})
}

// drop takes a unit without source out of the running set.
func (c *Collector) drop(u *unit) {
	c.mu.Lock()
	delete(c.units, u.ID)
	c.mu.Unlock()
	c.unpark(u)
	u.enter(left)
	u.Leave()
}

// forget forgets what is kept of a container that was left, unless it is back.
func (c *Collector) forget(id string) {
	c.mu.Lock() // no unit begins with a position that is about to go
	defer c.mu.Unlock()
	if c.units[id] == nil {
		c.config.Hold.Remove(id)
		c.config.Store.Forget(id)
		c.config.Lanes[c.config.LaneOf(id)].Forget(id)
	}
}

// ended is a source that has ended: where, and why.
type ended struct {
	unit     *unit
	position logs.Position
	// err is nil when the source was asked to end, or a removed container's log was at its
	// end, and io.EOF when the engine ended a stream in order.
	err error
	// read: a stream has brought something. search is what the next one has to know of it.
	read   bool
	search time.Duration
}

// report hands an end to Run's loop. It is called on the source's goroutine.
func (c *Collector) report(e ended) {
	select {
	case c.ends <- e:
	case <-c.over:
	}
}

// ended takes a source's end up and does what follows.
func (c *Collector) ended(ctx context.Context, e ended) {
	u := e.unit
	kind, before := u.runs(), u.phase
	c.descriptors.free += u.source.Descriptors()
	u.running.Store(nil)
	u.source.Close()
	u.source, u.position = nil, e.position
	if kind == logs.API {
		u.search = e.search
	}
	u.enter(idle)
	if e.read || time.Since(u.startedAt) > maxBackoff {
		u.retry.pause = 0
		if kind != logs.API {
			u.retry.logged = ""
		}
	}
	switch consequenceOf(kind, before, u.fate.gone(), e.err) {
	case asFor:
	case parkNow:
		c.park(u, kind == logs.API)
		c.startWaiting(ctx)
	case readOut:
		if u.fate.gone() {
			u.become(drained)
		}
	case unread:
		c.cannotRead(ctx, u, e.err)
	case runOver:
		u.retry = u.retry.later(time.Now())
		c.config.Discovery.Refresh(u.ID)
	case broke:
		u.Fail(e.err)
		u.retry = u.retry.later(time.Now())
		u.Log.Info("log stream from the Docker API broke, reconnecting", "error", e.err, "in", u.retry.pause)
		c.config.Discovery.Refresh(u.ID)
	case refuse:
		u.fate.refused = true
		u.chosen.Store(&logs.Route{Reason: "the engine says: " + logs.ErrUnreadable.Error()})
		u.Log.Warn("the engine cannot read this log back, nobody can collect it", "reason", u.route().Reason)
	}
	c.reconcile(ctx, u)
}

// cannotRead deals with a file that cannot be opened or read: the route is
// decided again, which leads to the API where that is allowed.
func (c *Collector) cannotRead(ctx context.Context, u *unit, err error) {
	u.retry = u.retry.later(time.Now())
	rest := u.fate.presence == leftover
	if isGone(err) && u.retry.pause == minBackoff && !rest {
		// Most likely the container was removed, and we shall hear of it.
		c.config.Discovery.Refresh(u.ID)
		return
	}
	u.Waive() // nobody waits for what may never be read
	u.Fail(err)
	if u.retry.logged != err.Error() { // there may be thousands that fail again and again, for one reason
		u.retry.logged = err.Error()
		u.Log.Warn("cannot read log file", "error", err)
	}
	if rest {
		return
	}
	c.decide(u)
	if u.situation().wants() == logs.API {
		u.retry.at = time.Time{}
		c.reconcile(ctx, u)
	}
}

// isGone reports whether a file is not there, as opposed to not readable.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
