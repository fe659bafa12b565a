package collect

import (
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/reader"
)

// Source reads one container's log on one route. It is started by whoever knows the route;
// what it does until its end is its own. It ends when it was asked to, when the log does,
// or when it cannot be read on, and says so once (see ended).
type Source interface {
	Kind() logs.RouteKind
	// Update says what has become of its container, and since when it does
	// not exist; zero while it does.
	Update(c *logs.Container, removedAt time.Time)
	// Stop asks it to end.
	Stop()
	// Close gives back what it has open, when it has ended.
	Close()
	// Descriptors is how many it counts for.
	Descriptors() int
}

// unit is one container in the running set. It belongs to the collector's goroutine; its
// producer, and the pointers, are read by others.
type unit struct {
	producer *producer.Producer
	lane     int
	// made is when the unit was.
	made time.Time

	current atomic.Pointer[logs.Container]
	chosen  atomic.Pointer[logs.Route]
	// running is the source that does run, and turn what is known of a log that is parked.
	running atomic.Pointer[Source]
	turn    atomic.Pointer[turn]

	phase phase
	fate  fate
	// position is where the next source goes on. While one runs, since startedAt, that is
	// the source's own.
	position  logs.Position
	startedAt time.Time
	retry     retry
	probe     probe
	// search is what the next stream has to know of the last (stream.End).
	search time.Duration
}

// short is how a container's ID is shown.
func short(id string) string { return id[:min(12, len(id))] }

func (u *unit) container() *logs.Container { return u.current.Load() }

func (u *unit) route() logs.Route { return *u.chosen.Load() }

// enter changes the phase.
func (u *unit) enter(next phase) {
	if !u.phase.leadsTo(next) {
		u.producer.Log.Error("what is done with this log is not in order, please report this", "state", u.phase.String(), "next", next.String())
	}
	u.phase = next
}

// stop asks the source to end, for one reason or the other.
func (u *unit) stop(why phase) {
	if u.phase == reading {
		u.enter(why)
		u.source().Stop()
	}
}

// become changes what is known of the container's presence.
func (u *unit) become(next presence) {
	if !u.fate.presence.leadsTo(next) {
		u.producer.Log.Error("what is known of this container is not in order, please report this", "state", u.fate.presence.String(), "next", next.String())
	}
	switch {
	case next == present:
		u.fate.removedAt = time.Time{}
	case u.fate.presence == present:
		u.fate.removedAt = time.Now()
	}
	u.fate.presence = next
}

// situation is what the unit's next action goes by, without held and room.
func (u *unit) situation() situation {
	c, route := u.container(), u.route()
	s := situation{phase: u.phase, fate: u.fate, route: route.Kind, runs: u.runs(), retryAt: u.retry.at}
	s.streamable = !c.StartedAt.IsZero() &&
		(c.Running || s.runs == logs.API || u.position.Drained != c.StartedAt.UnixNano())
	s.probes, s.probeAt = !u.fate.gone() && (route.Fallback || u.probe.rotating()), u.probe.at
	return s
}

// runs returns the route of the source that does run.
func (u *unit) runs() logs.RouteKind {
	if s := u.source(); s != nil {
		return s.Kind()
	}
	return noSource
}

// source returns the source that does run; nil while none does.
func (u *unit) source() Source {
	if s := u.running.Load(); s != nil {
		return *s
	}
	return nil
}

// file returns the source that reads files, or the journal; nil when there is none.
func (u *unit) file() *reader.Source {
	file, _ := u.source().(*reader.Source)
	return file
}

// turn is what is known of a log that is parked.
type turn struct {
	// since is when it was put aside. changed: there is something to read, as far
	// as is known.
	since   time.Time
	changed bool
	// urgent: what is unread may soon be gone, with the next rotation, or with the
	// container, which has stopped.
	urgent bool
	// bytes is about how much that is.
	bytes int64
}

// compare orders those that have changed: what may soon be lost goes first, then what has
// waited for longest.
func (t *turn) compare(other *turn) int {
	switch {
	case t.urgent == other.urgent:
		return t.since.Compare(other.since)
	case t.urgent:
		return -1
	}
	return 1
}
