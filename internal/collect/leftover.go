package collect

import (
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
			c.adoptAs(id, logs.Route{Kind: logs.File, Reason: "removed while lighterman was down; the log was held"})
		default:
			c.leaveExcluded(id)
		}
	}
}

// adoptAs makes the unit that collects what is left of the log of a container that was
// removed. It has to be reconciled: when all of them are known, as their order counts.
func (c *Collector) adoptAs(id string, route logs.Route) {
	// Without a name the ID serves as one.
	container := &logs.Container{ID: id, Name: short(id), Driver: "json-file", StartedAt: time.Unix(0, 1)}
	if route.Kind == logs.Journal {
		container.Driver = "journald"
	}
	u := c.newUnit(container)
	labels := u.producer.Labels().Newest()
	if labels == nil {
		u.producer.Relabel(c.config.Labels(container))
	} else if name := labels.Get("container"); name != "" {
		container.Name = name
	}
	u.producer.Log = c.config.Log.With("container", container.Name, "id", short(id))
	u.current.Store(container)
	u.chosen.Store(&route)
	u.become(leftover)
	c.mu.Lock()
	c.units[id] = u
	c.mu.Unlock()
	c.succession.leaving[u] = true
	u.producer.Log.Info("container was removed while lighterman was not running, delivering what is left of its log", "reason", route.Reason)
	if labels == nil {
		u.producer.Log.Warn("only the ID of this container is known, using it as the name")
	}
}

// adoptJournal delivers what the journal has of a container that was removed while
// we were down. One that was read from a file is not in it, or with other timestamps;
// one that had written nothing yet has no place in the journal, and may be there now.
func (c *Collector) adoptJournal(id string) (adopted bool) {
	record, known := c.config.Store.Get(id)
	if c.config.Journal == nil || !known || record.Position.File != (logs.FilePosition{}) || !c.config.Journal.Has(id) {
		return false
	}
	c.adoptAs(id, logs.Route{Kind: logs.Journal, Reason: "removed while lighterman was down; the journal has it"})
	return true
}
