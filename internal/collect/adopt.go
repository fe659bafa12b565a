package collect

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// adopt takes over the set of wanted containers. As long as that is not known, only what is the
// host's own is taken over.
func (c *Collector) adopt(ctx context.Context) {
	complete := c.config.Discovery.Complete() // of the set that follows, at least
	wanted, known := c.config.Discovery.Wanted()
	if !known {
		// There may be some of the containers in it, which say nothing of the others.
		maps.DeleteFunc(wanted, func(id string, _ *logs.Container) bool { return !logs.IsHosts(id) })
		if len(wanted) == 0 {
			return
		}
	}
	var relabelled []*unit
	for id, container := range wanted {
		if u := c.unit(id, container); u.producer.Relabel(c.config.Labels(container)) {
			relabelled = append(relabelled, u)
		}
	}
	c.saveLabels(relabelled)
	for _, u := range relabelled {
		c.describe(u)
	}
	// What is gone first: its lines go before those of a container in its place.
	for id, u := range c.units {
		if wanted[id] == nil && (known || logs.IsHosts(id)) {
			c.dismiss(u)
		}
	}
	if known {
		c.adoptHeld()
	}
	c.forgetGone(known && complete)
	c.succession.renew(c.units)
	var unseen map[string]bool
	if known && !complete {
		unseen = c.unseen()
	}
	for _, u := range c.units {
		u.fate.early = len(unseen) > 0 && slices.ContainsFunc(u.streams(), func(stream string) bool { return unseen[stream] })
		c.reconcile(ctx, u)
	}
}

// unseen are the streams of containers that have positions and were not found yet: what has the
// same labels is not begun before it is known which of the two goes first.
func (c *Collector) unseen() map[string]bool {
	streams := make(map[string]bool)
	for _, id := range c.config.Store.IDs() {
		if c.units[id] != nil {
			continue
		}
		record, _ := c.config.Store.Get(id)
		for _, step := range producer.Timeline(record.Labels) {
			streams[step.Labels.Selector(logs.Stdout)] = true
		}
	}
	return streams
}

// relabelPause is how long labels that cannot be saved stay as they were.
const relabelPause = time.Second

// saveLabels saves changed labels, in both files, before anything is sent
// with them: after a crash, what is sent again must have the labels of the first
// time. What cannot be saved is not used either, until it can.
func (c *Collector) saveLabels(of []*unit) {
	c.relabelAt = time.Time{}
	if len(of) == 0 {
		return
	}
	timelines := make(map[string][]checkpoint.LabelsSince, len(of))
	for _, u := range of {
		timelines[u.producer.ID] = u.producer.Labels()
	}
	err := c.config.Store.SaveLabels(timelines)
	if err == nil {
		return
	}
	c.config.Log.Warn("cannot save changed labels, keeping the old ones until it works", "error", err)
	for _, u := range of {
		u.producer.KeepLabels()
	}
	c.relabelAt = time.Now().Add(relabelPause)
}

// unit makes or updates the unit of a container.
func (c *Collector) unit(id string, container *logs.Container) *unit {
	u := c.units[id]
	if u == nil {
		c.keeping.Lock()
		u = c.newUnit(container)
		c.mu.Lock()
		c.units[id] = u
		c.mu.Unlock()
		c.keeping.Unlock()
	}
	u.fate.wanted = true
	// The engine may take back that it has no such container.
	back := u.fate.presence == removed || u.fate.presence == drained
	if back {
		u.become(present)
		u.producer.Waive() // it is not leaving
		delete(c.succession.leaving, u)
	}
	if u.container() != container || u.route().Kind == logs.Unreadable || back {
		u.current.Store(container)
		if container.Running {
			u.producer.ReadOn() // what it writes from now on was not read
		}
		c.decide(u)
	}
	return u
}

// dismiss notes that a container is not wanted any more: it was removed, or is
// excluded under its new name.
func (c *Collector) dismiss(u *unit) {
	u.fate.wanted = false
	if !u.fate.gone() && !c.config.Discovery.Exists(u.producer.ID) {
		u.become(removed)
		u.producer.Await()
		c.succession.leaving[u] = true
	}
}

// forgetGone forgets the positions of containers that were removed while we
// did not look. Links keep a position until they are released, and what the journal
// has of a container outlives it. all: everything that there is is known by now; otherwise
// only what is the host's own can be gone.
func (c *Collector) forgetGone(all bool) {
	underWay := make(map[string]bool)
	for u := range c.succession.leaving {
		underWay[u.producer.ID] = underWay[u.producer.ID] || !u.producer.Delivered() // leave forgets it
	}
	for _, id := range c.config.Store.IDs() {
		if !all && !logs.IsHosts(id) || c.units[id] != nil || underWay[id] || c.config.Discovery.Exists(id) || c.config.Hold.Has(id) {
			continue
		}
		if c.begun || !c.adoptJournal(id) {
			c.config.Store.Forget(id)
		}
	}
	c.begun = c.begun || all
}
