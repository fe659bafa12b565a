package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// adoptHeld looks after the containers of which files are held, and which are
// not in the running set: they were removed, or are not wanted any more.
func (c *Collector) adoptHeld() {
	for _, id := range c.config.Hold.IDs() {
		switch {
		case c.units[id] != nil:
		case !c.config.Discovery.Exists(id):
			c.adoptOrphan(id)
		default:
			c.leaveExcluded(id)
		}
	}
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
		c.mu.Lock() // no unit begins with what is about to go
		defer c.mu.Unlock()
		if c.units[id] == nil {
			lane.Forget(id)
		}
	})
}

// adoptOrphan collects the log of a container that was removed while we were
// down from what is held of it.
func (c *Collector) adoptOrphan(id string) {
	c.adoptAs(id, logs.Route{Kind: logs.File, Reason: "removed while lighterman was down; the log was held"})
}

// adoptAs makes the unit that collects what is left of the log of a container that was
// removed. It has to be reconciled: when all of them are known, as their order counts.
func (c *Collector) adoptAs(id string, route logs.Route) {
	// Without a name the ID serves as one.
	container := &logs.Container{ID: id, Name: id[:min(12, len(id))], Driver: "json-file", StartedAt: time.Unix(0, 1)}
	if route.Kind == logs.Journal {
		container.Driver = "journald"
	}
	u := c.newUnit(container)
	known := true
	if steps := u.labels.Load(); steps != nil && len(*steps) > 0 {
		if name := (*steps)[len(*steps)-1].Labels.Get("container"); name != "" {
			container.Name = name
		}
	} else {
		known = false
		u.relabel(c.config.Labels(container), c.config.Store)
	}
	u.log = c.config.Log.With("container", container.Name, "id", id[:min(12, len(id))])
	u.current.Store(container)
	u.chosen.Store(&route)
	u.orphan, u.dismissed, u.removed, u.removedAt = true, true, true, time.Now()
	c.mu.Lock()
	c.units[id] = u
	c.mu.Unlock()
	c.leaving[u] = true
	u.log.Info("container was removed while lighterman was not running, delivering what is left of its log", "reason", route.Reason)
	if !known {
		u.log.Warn("only the ID of this container is known, using it as the name")
	}
}

// readHeld reads what is held of a container that was removed before its file was
// read to its end: while the way to its directory was barred, or before the
// directory was found.
func (c *Collector) readHeld(ctx context.Context, u *unit) {
	u.orphan, u.refused, u.retryAt = true, false, time.Time{}
	u.chosen.Store(&logs.Route{Kind: logs.File, Reason: "removed; the log was held"})
	c.reconcile(ctx, u)
}

// gaveUp notes that a file was given up before it was read to its end.
func (u *unit) gaveUp(unread int64) {
	u.stats.fail(fmt.Errorf("a log file that Docker had deleted was given up with %d bytes unread (hold-bytes)", unread))
}
