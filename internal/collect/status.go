package collect

import (
	"cmp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
)

// Status is what is known of one container's collection.
type Status struct {
	Container *logs.Container
	Route     logs.Route
	// LagBytes is what is in the file and not delivered. The API does not
	// say how much is left: there it is what was read and not delivered. It
	// is negative when nothing is known.
	LagBytes int64
	// LagSeconds is the age of about the oldest entry that was read and not
	// delivered; 0 when there is none, negative when nothing is known.
	LagSeconds float64
	Lines      int64
	// Account says what has become of lines, given how many of them were refused.
	Account func(refused int64) logs.Account
	// Read reports whether all was read and delivered that there is, as far as is known.
	Read bool
	// Waits reports whether the log is not open for want of descriptors.
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
		s := Status{Container: u.container(), Route: u.route(), Lines: u.producer.Lines(), Account: u.producer.Account, LastError: u.producer.LastError()}
		s.LagBytes, s.LagSeconds = u.producer.Lag(now)
		if file := u.file(); file != nil {
			s.LagBytes += file.Lag()
			if stray := file.Stray(s.Container.StartedAt); stray != nil && s.Container.Running {
				s.LastError = stray.Error()
			}
		}
		if u.runs() == logs.API {
			streams++
		}
		if t := u.turn.Load(); t != nil {
			s.Waits, s.LagBytes = true, s.LagBytes+t.bytes
		}
		if record, ok := c.config.Store.Get(u.producer.ID); ok {
			s.Position = record.Position
		}
		s.Read = u.read(s.Position)
		if h := u.producer.Held(); h.Problem(now) != nil {
			// It was read, and counts as delivered with what was handed over after it.
			s.LagBytes += int64(h.Bytes)
			s.LagSeconds = max(s.LagSeconds, now.Sub(h.Since).Seconds())
			s.LastError = h.Problem(now).Error()
		}
		if s.Route.Kind == logs.Unreadable {
			s.LagBytes, s.LagSeconds = -1, -1
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Container.Name, b.Container.Name) })
	return all, streams
}

// Oldest returns the age of about the oldest entry, of all containers, that was read and not
// delivered, in seconds. It looks at no file.
func (c *Collector) Oldest() (seconds float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, u := range c.units {
		_, lag := u.producer.Lag(now)
		if h := u.producer.Held(); h.Problem(now) != nil {
			lag = max(lag, now.Sub(h.Since).Seconds())
		}
		seconds = max(seconds, lag)
	}
	return seconds
}

// Detail is what is known of one container's collection besides its status.
type Detail struct {
	Container *logs.Container
	Route     logs.Route
	// Labels are those of what it writes now.
	Labels *logs.Labels
	// Files are those that are open, oldest first.
	Files []tail.OpenFile
}

// Detail returns what is known of a container; not ok where it is not collected.
func (c *Collector) Detail(id string) (d Detail, ok bool) {
	c.mu.Lock()
	u := c.units[id]
	c.mu.Unlock()
	if u == nil {
		return d, false
	}
	timeline := u.producer.Labels()
	d = Detail{Container: u.container(), Route: u.route(), Labels: timeline.Newest()}
	if file := u.file(); file != nil {
		d.Files = file.OpenFiles()
	}
	return d, true
}

// silence is how long an engine says nothing that has said all: where its log is empty,
// there is no end to be recognised.
const silence = time.Second

// read reports whether all of a log was read and delivered, up to a position.
func (u *unit) read(at logs.Position) bool {
	c := u.container()
	switch s := u.source().(type) {
	case *reader.Source:
		_, silent := s.SilentSince()
		return silent
	case *stream.Source:
		end, known := s.End()
		return known && end <= max(at.Latest(), at.Pending) || s.Silent() > silence && u.producer.Unanswered() == 0
	}
	return c.StartedAt.IsZero() || c.Over() && at.Drained == c.StartedAt.UnixNano()
}
