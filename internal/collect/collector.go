package collect

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stream"
)

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

// Collector holds the running set. What nothing else is said of belongs to Run's goroutine.
type Collector struct {
	config  Config
	readers []*reader.Reader
	streams *stream.Group
	// ends receives from sources that have ended.
	ends chan ended
	// asked is received from by the loop of Run to show that it goes round; over is
	// closed when it does not any more, as it was asked to end.
	asked, over chan struct{}

	// mu guards units, which only Run's goroutine changes, for others.
	mu    sync.Mutex
	units map[string]*unit
	// keeping is held while a unit begins and while what is kept of a container is
	// forgotten, so that no unit begins with a position that is about to go. It is taken
	// before mu, and held while files are looked at: nobody who only wants to see units
	// waits for that.
	keeping sync.Mutex

	succession  succession
	descriptors descriptors
	// begun: what was removed while we were down has been looked after. What is gone from
	// then on was read by us.
	begun bool
	// unwatched: a file which cannot be watched was reported.
	unwatched bool
	// relabelAt is when labels that could not be saved are tried again; zero when
	// there are none.
	relabelAt time.Time
}

// newUnit makes the unit of a container, which begins where the container was left.
func (c *Collector) newUnit(container *logs.Container) *unit {
	lane := c.config.LaneOf(container.ID)
	log := c.logOf(container)
	u := &unit{
		made:     time.Now().Round(0), // to be compared with the engine's times
		lane:     lane,
		producer: producer.New(container.ID, log, c.config.Lanes[lane], c.config.Store, c.config.Metrics, c.stagesOf(container)),
	}
	u.chosen.Store(&logs.Route{})
	u.current.Store(&logs.Container{})
	record, known := c.config.Store.Get(u.producer.ID)
	if labels := producer.Timeline(record.Labels); len(labels) > 0 {
		u.producer.UseLabels(labels)
	} else if labels := producer.DecodeTimeline(c.config.Hold.About(u.producer.ID)); labels != nil {
		// The positions were lost. What is sent again must have the labels of the
		// first time, and a container that is gone has no others.
		c.config.Store.SetLabels(u.producer.ID, labels)
		u.producer.UseLabels(labels)
	}
	if known {
		u.position = record.Position
		return u
	}
	u.position.Since = max(0, c.config.Floor)
	if c.config.Begin != nil {
		if at, ok := c.config.Begin(container); ok {
			u.position = at
		}
	}
	if len(u.producer.Labels()) == 0 {
		c.config.Store.SetLabels(u.producer.ID, nil) // it may have been forgotten, and is back: a file that was moved
	}
	// At once, so that a restart measures from the same moment.
	c.config.Store.Commit(u.producer.ID, u.position)
	return u
}

// logOf is the log that names a container, or a file of the host.
func (c *Collector) logOf(container *logs.Container) *slog.Logger {
	if logs.IsHostFile(container.ID) {
		return c.config.Log.With("file", container.Name)
	}
	if logs.IsHostJournal(container.ID) {
		return c.config.Log.With("journal", container.Name)
	}
	return c.config.Log.With("container", container.Name, "id", short(container.ID))
}

// stagesOf are what the lines of a container go through.
func (c *Collector) stagesOf(container *logs.Container) *atomic.Pointer[stage.Timeline] {
	if c.config.StagesOf != nil {
		return c.config.StagesOf(container)
	}
	return c.config.Stages
}
