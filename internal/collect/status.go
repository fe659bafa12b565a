package collect

import (
	"cmp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Status is what is known of one container's collection.
type Status struct {
	Container *logs.Container
	Route     logs.Route
	// LagBytes is what is in the file and not delivered. The API does not
	// tell how much is left: there it is what was read and not delivered. It
	// is negative when nothing is known.
	LagBytes int64
	// LagSeconds is the age of about the oldest entry that was read and not
	// delivered; 0 when there is none, negative when nothing is known.
	LagSeconds float64
	Lines      int64
	// Waits tells that the log is not open, for want of descriptors.
	Waits     bool
	LastError string
	// Position is up to where everything is acknowledged.
	Position logs.Position
}

// Snapshot returns the state of all containers, sorted by name, and the number
// of API streams that are open.
func (c *Collector) Snapshot() (all []Status, streams int) {
	c.mu.Lock()
	units := make([]*unit, 0, len(c.units))
	for _, u := range c.units {
		units = append(units, u)
	}
	c.mu.Unlock()
	now := time.Now()
	for _, u := range units {
		s := Status{Container: u.container(), Route: u.route(), Lines: u.stats.lines.Load()}
		if text := u.stats.lastError.Load(); text != nil {
			s.LastError = *text
		}
		s.LagBytes = u.stats.read.Load() - u.stats.acked.Load()
		if source := u.tailing.Load(); source != nil {
			s.LagBytes += source.log.Lag()
			if source.file != nil {
				if stray := source.file.Stray(s.Container.StartedAt); stray != nil && s.Container.Running {
					s.LastError = stray.Error()
				}
			}
		}
		if p := u.parked.Load(); p != nil {
			s.Waits, s.LagBytes = true, s.LagBytes+p.bytes
		}
		if record, ok := c.config.Store.Get(u.id); ok {
			s.Position = record.Position
		}
		s.LagSeconds = age(u.stats.oldest.Load(), now)
		if h := u.stats.held.Load(); h.problem(now) != nil {
			// It was read, and counts as delivered with what was handed over after it.
			s.LagBytes += int64(h.bytes)
			s.LagSeconds = max(s.LagSeconds, now.Sub(h.since).Seconds())
			s.LastError = h.problem(now).Error()
		}
		if s.Route.Kind == logs.Unreadable {
			s.LagBytes, s.LagSeconds = -1, -1
		}
		if u.streaming.Load() {
			streams++
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Container.Name, b.Container.Name) })
	return all, streams
}
