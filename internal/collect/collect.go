package collect

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// Discovery is the desired set.
type Discovery interface {
	Updates() <-chan struct{}
	Wanted() (set map[string]*logs.Container, known bool)
	Exists(id string) bool
	Refresh(id string)
}

// Engine opens logs through the API. since is in Unix nanoseconds, inclusive.
type Engine interface {
	Logs(ctx context.Context, id string, since int64) (io.ReadCloser, error)
}

// Lane takes entries; see package dispatch for the rules of its methods.
type Lane interface {
	Begin(ctx context.Context) error
	Add(labels *logs.Labels, e logs.Entry)
	End(delivered func())
	Flush()
}

// Store keeps what was delivered.
type Store interface {
	Get(id string) (checkpoint.Record, bool)
	Commit(id string, p logs.Position)
	SetLabels(id string, timeline []checkpoint.LabelsSince)
	Forget(id string)
	IDs() []string
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
	Log       *slog.Logger
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
	// streams owns the goroutines of the API sources.
	streams errgroup.Group

	// mu guards units, which only Run's goroutine changes, for Snapshot.
	mu    sync.Mutex
	units map[string]*unit
}

// New makes a collector. It starts nothing.
func New(config Config) *Collector {
	c := &Collector{
		config: config,
		units:  make(map[string]*unit),
		ended:  make(chan end),
		failed: make(chan failure),
		final:  make(chan struct{}, maxFinal),
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
	group.Go(func() error { return c.reconcileAll(ctx) })
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
func (c *Collector) reconcileAll(ctx context.Context) error {
	// The timer runs only while a unit waits for a retry or a probe.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.drainEnds()
			return nil
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
	relabelled := false
	for id, container := range wanted {
		relabelled = c.unit(id, container) || relabelled
	}
	if relabelled {
		// Before anything is sent with new labels: after a crash, what is sent
		// again must have the labels of the first time.
		if err := c.config.Store.Save(); err != nil {
			c.config.Log.Warn("cannot save changed labels; a crash now may show lines twice", "error", err)
		}
	}
	for id, u := range c.units {
		if wanted[id] == nil {
			c.dismiss(u)
		}
		c.reconcile(ctx, u)
	}
	c.forgetGone()
}

// unit makes or updates the unit of a container. It returns true when its
// labels have changed.
func (c *Collector) unit(id string, container *logs.Container) (relabelled bool) {
	u := c.units[id]
	if u == nil {
		u = c.newUnit(container)
		c.mu.Lock()
		c.units[id] = u
		c.mu.Unlock()
	}
	u.dismissed = false
	relabelled = u.relabel(c.config.Labels(container), c.config.Store)
	if u.container() != container || u.route().Kind == logs.Unreadable {
		u.current.Store(container)
		c.decide(u)
	}
	return relabelled
}

// decide chooses the unit's route and tells of a change. A file that is being
// read stays: in the middle of a rotation it would seem to be missing.
func (c *Collector) decide(u *unit) {
	if u.file != nil || u.refused {
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
		u.removedAt = time.Now()
	}
}

// drop takes a unit without source out of the running set.
func (c *Collector) drop(u *unit) {
	c.mu.Lock()
	delete(c.units, u.id)
	c.mu.Unlock()
}

// forgetGone forgets the positions of containers that were removed while we
// did not look.
func (c *Collector) forgetGone() {
	for _, id := range c.config.Store.IDs() {
		if c.units[id] == nil && !c.config.Discovery.Exists(id) {
			c.config.Store.Forget(id)
		}
	}
}
