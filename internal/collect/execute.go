package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// reconcile brings one unit's source to what it should be.
func (c *Collector) reconcile(ctx context.Context, u *unit) {
	if s := u.source(); s != nil {
		s.Update(u.container(), u.fate.removedAt)
	}
	s := u.situation()
	s.linked = u.fate.presence == removed && c.config.Hold.Has(u.producer.ID)
	s.room = c.config.MaxLogs <= 0 || c.descriptors.free > 0
	switch s.next(time.Now()) {
	case nothing:
	case start:
		c.start(ctx, u)
	case park:
		c.descriptors.park(u, true)
	case stop:
		u.stop(stopping)
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
			c.descriptors.park(u, true)
			c.descriptors.free = 0 // until it is counted again
			return
		}
		if err != nil {
			c.descriptors.unpark(u)
			c.cannotRead(ctx, u, err)
			return
		}
		source = file
	}
	c.descriptors.unpark(u)
	u.enter(reading)
	u.startedAt = time.Now()
	u.running.Store(&source)
	c.descriptors.free -= source.Descriptors()
	if file := u.file(); file != nil {
		file.Begin()
	}
}

// startStream has a log read through the API.
func (c *Collector) startStream(ctx context.Context, u *unit) Source {
	if u.retry.pause > 0 {
		c.config.Metrics.Reconnected()
	}
	return c.streams.Start(ctx, stream.Start{
		Producer: u.producer, Container: u.container(), Position: u.position, Search: u.search,
		Ended: func(e stream.End) {
			c.report(ended{unit: u, position: e.Position, err: e.Err, read: e.Read, search: e.Search})
		},
	})
}

// openLog opens a unit's log of files, or its part of the journal.
func (c *Collector) openLog(u *unit, route logs.RouteKind) (*reader.Source, error) {
	with := reader.Start{
		Producer: u.producer, Container: u.container(), Removed: u.fate.gone(), Before: c.succession.predecessors(u),
		Ended: func(p logs.Position, err error) { c.report(ended{unit: u, position: p, err: err}) },
	}
	if route == logs.HostFile {
		return c.openHostFile(u, with), nil
	}
	if route == logs.HostJournal {
		return c.openHostJournal(u, with), nil
	}
	if route == logs.Journal {
		return c.readers[u.lane].OpenJournal(with, logs.Journal, c.config.Journal, journal.Options{
			ID: u.producer.ID, Resume: u.position, Rules: u.producer.Rules(u.position), MaxLine: c.config.MaxLine, Events: c.config.Metrics, Log: u.producer.Log,
		}), nil
	}
	box := c.config.Hold.Box(u.producer.ID)
	source, err := c.readers[u.lane].OpenFile(with, tail.Config{
		Path: u.route().Path, Format: u.route().Format, Box: box, Log: u.producer.Log, GaveUp: u.gaveUp,
		Resume: u.position, Rules: u.producer.Rules(u.position), MaxLine: c.config.MaxLine, Events: c.config.Metrics, Room: c.config.Room, Waited: u.phase == parked,
	})
	if err == nil {
		c.describe(u)
	}
	return source, err
}

// describe keeps a unit's labels beside the files that are held, too.
func (c *Collector) describe(u *unit) {
	if labels := u.producer.Labels(); len(labels) > 0 {
		c.config.Hold.Describe(u.producer.ID, labels.Encode())
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
		c.leaveExcluded(u.producer.ID)
		return
	}
	c.config.Hold.Leave(u.producer.ID)
	// Behind everything that is still to be delivered. The position goes last:
	// links without one would be delivered again.
	u.producer.After(func() {
		if !c.config.Hold.Has(u.producer.ID) {
			c.forget(u.producer.ID)
			return
		}
		c.config.Store.AfterSave(func() { c.forget(u.producer.ID) })
	})
}

// drop takes a unit without source out of the running set.
func (c *Collector) drop(u *unit) {
	c.mu.Lock()
	delete(c.units, u.producer.ID)
	c.mu.Unlock()
	c.descriptors.unpark(u)
	u.enter(left)
	u.producer.Leave()
}

// forget forgets what is kept of a container that was left, unless it is back.
func (c *Collector) forget(id string) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.isLeft(id) {
		c.config.Hold.Remove(id)
		c.config.Store.Forget(id)
		c.config.Lanes[c.config.LaneOf(id)].Forget(id)
	}
}

// report hands an end to Run's loop. It is called on the source's goroutine.
func (c *Collector) report(e ended) {
	select {
	case c.ends <- e:
	case <-c.over:
	}
}

// cannotRead deals with a file that cannot be opened or read: the route is
// decided again, which leads to the API where that is allowed.
func (c *Collector) cannotRead(ctx context.Context, u *unit, err error) {
	u.retry = u.retry.later(time.Now())
	rest := u.fate.presence == leftover
	if isGone(err) && u.retry.pause == minBackoff && !rest {
		// Most likely the container was removed, and we shall hear of it.
		c.config.Discovery.Refresh(u.producer.ID)
		return
	}
	u.producer.Waive() // nobody waits for what may never be read
	u.producer.Fail(err)
	if u.retry.logged != err.Error() { // there may be thousands that fail again and again, for one reason
		u.retry.logged = err.Error()
		u.producer.Log.Warn("cannot read log file", "error", err)
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

// readHeld reads what is held of a container that was removed before its file was
// read to its end.
func (c *Collector) readHeld(ctx context.Context, u *unit) {
	u.become(leftover)
	u.fate.refused, u.retry.at = false, time.Time{}
	u.chosen.Store(&logs.Route{Kind: logs.File, Reason: "removed; the log was held"})
	c.reconcile(ctx, u)
}

// leaveExcluded releases what is held of a container that exists and is not to
// be collected, and what is known of its delivery. One that could not be inspected is left alone.
func (c *Collector) leaveExcluded(id string) {
	if !c.config.Discovery.Excluded(id) {
		return
	}
	c.config.Hold.Leave(id)
	lane := c.config.Lanes[c.config.LaneOf(id)]
	lane.After(id, func() {
		c.config.Hold.Remove(id)
		c.keeping.Lock()
		defer c.keeping.Unlock()
		if c.isLeft(id) {
			lane.Forget(id)
		}
	})
}

// isLeft reports whether a container has no unit. It may be called from any goroutine.
func (c *Collector) isLeft(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.units[id] == nil
}

// gaveUp notes that a file was given up before it was read to its end.
func (u *unit) gaveUp(unread int64) {
	u.producer.Fail(fmt.Errorf("a log file that Docker had deleted was given up with %d bytes unread (hold-bytes)", unread))
}

// warnUnread says that a container is gone whose log was not open.
func (c *Collector) warnUnread(u *unit) {
	if t := u.turn.Load(); t != nil && t.changed {
		c.config.Metrics.RotatedAway()
		u.producer.Log.Warn("the container was removed while its log waited for a descriptor: lines may be lost; raise the limit of open files (LimitNOFILE=, ulimit -n)", "bytes_at_least", t.bytes)
	}
}
