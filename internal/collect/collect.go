package collect

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// Discovery is the desired set.
type Discovery interface {
	Updates() <-chan struct{}
	Wanted() (set map[string]*logs.Container, known bool)
	Exists(id string) bool
	Excluded(id string) bool
	Refresh(id string)
}

// Engine opens logs through the API, from a time on or from a number of records
// before the end on. Newest returns the timestamp of a log's last record, 0 if that
// is before since. Times are in Unix nanoseconds, inclusive.
type Engine interface {
	Logs(ctx context.Context, id string, since int64) (io.ReadCloser, error)
	Tail(ctx context.Context, id string, records int) (io.ReadCloser, error)
	Newest(ctx context.Context, id string, tty bool, since int64) (int64, error)
}

// Lane takes entries; see package dispatch for the rules of its methods.
type Lane interface {
	Begin(ctx context.Context, id string) error
	TryBegin(id string, wake func()) (room int, err error)
	Add(labels *logs.Labels, e logs.Entry)
	End(delivered func())
	After(id string, delivered func())
	Forget(id string)
	Flush()
	Due() time.Time
}

// Store keeps what was delivered.
type Store interface {
	Get(id string) (checkpoint.Record, bool)
	Commit(id string, p logs.Position)
	SetLabels(id string, timeline []checkpoint.LabelsSince)
	Forget(id string)
	IDs() []string
	// SaveAgain is Save also when nothing has changed: both generations have it then.
	SaveAgain() error
	// AfterSave calls f when all that was changed so far is on disk, twice.
	AfterSave(f func())
	Save() error
}

// Metrics is told what is read.
type Metrics interface {
	// Lines counts entries that were handed over, and their bytes of text.
	Lines(route string, lines, bytes int)
	CorruptRecord()
	LineCut()
	// Reconnected counts log streams that were opened again.
	Reconnected()
}

// Config says what is collected, from where and to where.
type Config struct {
	Discovery Discovery
	Engine    Engine
	Store     Store
	Metrics   Metrics
	Watcher   *tail.Watcher
	// Journal is the host's; nil when it is not to be read.
	Journal *journal.Journal
	// Hold keeps what Docker deletes; nil for no bound and no links.
	Hold *hold.Hold
	Log  *slog.Logger
	// Lanes has one element per reader of files; LaneOf says through which one
	// a container's entries go.
	Lanes  []Lane
	LaneOf func(id string) int
	// Route decides how a container is read. It may look at files.
	Route func(*logs.Container) logs.Route
	// Labels gives a container its labels.
	Labels func(*logs.Container) *logs.Labels
	// Floor is the time in Unix nanoseconds before which entries of containers
	// never seen before are left out; 0 for all.
	Floor int64
	// PollInterval is how often a file is looked at while it is being written;
	// 0 to be woken for every change instead.
	PollInterval time.Duration
	// MaxLine is the size in bytes from which on a line is cut.
	MaxLine int
}

// Collector holds the running set.
type Collector struct {
	config  Config
	readers []*reader
	// ended receives from API sources that have come to their end.
	ended chan end
	// failed receives from readers the units whose file cannot be read on.
	failed chan failure
	// final bounds the streams under way that read a run to its end which is
	// over: at the first start there may be any number of stopped containers.
	final chan struct{}
	// looks bounds the looks under way at silent streams.
	looks chan struct{}
	// asked is received from by the loop of Run to show that it goes round; over is
	// closed when it does not any more, as it was asked to end.
	asked, over chan struct{}
	// streams owns the goroutines of the API sources.
	streams errgroup.Group

	// mu guards units, which only Run's goroutine changes, for others.
	mu    sync.Mutex
	units map[string]*unit
	// leaving are the units whose container was removed and that were not found to be
	// delivered; Run's goroutine's.
	leaving map[*unit]bool
	// before are those of them that wrote a stream, by its labels.
	before map[string][]*unit
	// begun tells that what was removed while we were down has been looked after:
	// what is gone from then on was read by us. It is Run's goroutine's.
	begun bool
	// relabelAt is when labels that could not be saved are tried again; zero when
	// there are none.
	relabelAt time.Time
}

// New makes a collector. It starts nothing.
func New(config Config) *Collector {
	if config.Hold == nil {
		config.Hold = hold.New(hold.Config{Log: config.Log})
	}
	c := &Collector{
		config: config,
		units:  make(map[string]*unit), leaving: make(map[*unit]bool), before: make(map[string][]*unit),
		ended:  make(chan end),
		failed: make(chan failure),
		asked:  make(chan struct{}),
		over:   make(chan struct{}),
		final:  make(chan struct{}, maxFinal),
		looks:  make(chan struct{}, maxLooks),
	}
	for _, lane := range config.Lanes {
		c.readers = append(c.readers, newReader(lane, config.PollInterval, c.failed))
	}
	return c
}

// Run collects until ctx is done. It returns nil when all sources have stopped;
// what they had handed over may still be on its way.
func (c *Collector) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range c.readers {
		group.Go(func() error { return r.run(ctx) })
	}
	c.reconcileAll(ctx)
	err := group.Wait()
	for _, u := range c.units {
		u.close()
	}
	return err
}

// maxFinal is the number of logs of stopped containers read at a time through
// the API: each makes the engine scan the log.
const maxFinal = 4

// probeInterval is how often a container whose file could not be read is
// looked at again.
const probeInterval = 5 * time.Second

// reconcileAll brings running and desired set together whenever something has
// changed. Only this goroutine starts and stops sources.
func (c *Collector) reconcileAll(ctx context.Context) {
	// The timer runs only while a unit waits for a retry or a probe.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	defer close(c.over)
	for {
		select {
		case <-ctx.Done():
			c.drainEnds()
			return
		case <-c.asked:
			continue
		case <-c.config.Discovery.Updates():
			c.adopt(ctx)
		case e := <-c.ended:
			c.streamEnded(ctx, e)
		case f := <-c.failed:
			c.fileFailed(ctx, f)
		case <-timer.C:
			c.attend(ctx)
		}
		timer.Stop()
		if wait, ok := c.nextAttention(); ok {
			timer.Reset(wait)
		}
	}
}

// drainEnds waits for the API sources, which end with the context.
func (c *Collector) drainEnds() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.streams.Wait() // their errors come with their ends
	}()
	for {
		select {
		case <-c.ended:
		case <-done:
			return
		}
	}
}

// adopt takes over the set of wanted containers.
func (c *Collector) adopt(ctx context.Context) {
	wanted, known := c.config.Discovery.Wanted()
	if !known {
		return
	}
	var relabelled []*unit
	for id, container := range wanted {
		if u := c.unit(id, container); u.relabel(c.config.Labels(container), c.config.Store) {
			relabelled = append(relabelled, u)
		}
	}
	c.saveLabels(relabelled)
	for _, u := range relabelled {
		u.describe(c.config.Hold)
	}
	// What is gone first: its lines go before those of a container in its place.
	for id, u := range c.units {
		if wanted[id] == nil {
			c.dismiss(u)
		}
	}
	c.adoptHeld()
	c.forgetGone()
	c.succeed()
	for _, u := range c.units {
		c.reconcile(ctx, u)
	}
}

// relabelPause is how long labels that cannot be saved stay as they were.
const relabelPause = time.Second

// saveLabels saves changed labels, in both generations, before anything is sent
// with them: after a crash, what is sent again must have the labels of the first
// time. What cannot be saved is not used either, until it can.
func (c *Collector) saveLabels(of []*unit) {
	c.relabelAt = time.Time{}
	if len(of) == 0 {
		return
	}
	err := c.config.Store.Save()
	if err == nil {
		err = c.config.Store.SaveAgain()
	}
	if err == nil {
		return
	}
	c.config.Log.Warn("cannot save changed labels, the old ones stay for now", "error", err)
	for _, u := range of {
		u.keepLabels(c.config.Store)
	}
	c.relabelAt = time.Now().Add(relabelPause)
}

// unit makes or updates the unit of a container.
func (c *Collector) unit(id string, container *logs.Container) *unit {
	u := c.units[id]
	if u == nil {
		c.mu.Lock()
		u = c.newUnit(container)
		c.units[id] = u
		c.mu.Unlock()
	}
	u.dismissed = false
	// The engine may take back that it has no such container.
	back := u.removed && !u.orphan
	u.removed, u.drained = u.removed && !back, u.drained && !back
	if back {
		u.settled.Store(true) // it is not leaving
		u.wakeNext()
		delete(c.leaving, u)
	}
	if u.container() != container || u.route().Kind == logs.Unreadable || back {
		if u.container().Running && !container.Running {
			u.overAt = time.Now()
		}
		u.current.Store(container)
		c.decide(u)
	}
	return u
}

// decide chooses the unit's route and tells of a change. A file that is being
// read stays: in the middle of a rotation it would seem to be missing. One that
// should be there since its container has started, and is not, does not stay.
func (c *Collector) decide(u *unit) {
	missing := u.file != nil && !u.container().StartedAt.IsZero() && u.file.log.Files() == 0
	if u.file != nil && !missing || u.refused || u.orphan {
		return
	}
	before, now := u.route(), c.config.Route(u.container())
	u.chosen.Store(&now)
	if before.Kind == now.Kind && before.Reason == now.Reason {
		return
	}
	level := slog.LevelInfo
	if now.Kind == logs.Unreadable {
		level = slog.LevelWarn
	}
	u.log.Log(context.Background(), level, "route chosen", "route", now.Kind.String(), "reason", now.Reason)
}

// dismiss notes that a container is not wanted any more: it was removed, or is
// excluded under its new name.
func (c *Collector) dismiss(u *unit) {
	u.dismissed = true
	if !u.removed && !c.config.Discovery.Exists(u.id) {
		u.removed = true
		u.settled.Store(false)
		u.spent.Store(false)
		c.leaving[u] = true
		u.removedAt = time.Now()
	}
}

// drop takes a unit without source out of the running set.
func (c *Collector) drop(u *unit) {
	c.mu.Lock()
	delete(c.units, u.id)
	c.mu.Unlock()
	u.left.Store(true)
	u.wakeNext()
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

// forgetGone forgets the positions of containers that were removed while we
// did not look. Links keep a position until they are released, and what the journal
// has of a container outlives it.
func (c *Collector) forgetGone() {
	underWay := make(map[string]bool)
	for u := range c.leaving {
		underWay[u.id] = underWay[u.id] || !u.delivered() // leave forgets it
	}
	for _, id := range c.config.Store.IDs() {
		if c.units[id] != nil || underWay[id] || c.config.Discovery.Exists(id) || c.config.Hold.Has(id) {
			continue
		}
		if c.begun || !c.adoptJournal(id) {
			c.config.Store.Forget(id)
		}
	}
	c.begun = true
}
