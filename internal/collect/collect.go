package collect

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

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
	// followed tells that there were units to go first when it was looked last.
	followed bool
	// before are those of them that wrote a stream, by its labels.
	before map[string][]*unit
	// begun tells that what was removed while we were down has been looked after:
	// what is gone from then on was read by us. It is Run's goroutine's.
	begun bool
	// room is for how many more logs there are descriptors, as far as is known, parked are
	// those that are not open for want of them, and turnAt when they are looked at;
	// toldParked tells that it was logged. All are Run's goroutine's.
	room       int
	parked     map[*unit]*parked
	turnAt     time.Time
	toldParked bool
	// unwatched tells that a file which cannot be watched was reported; Run's goroutine's.
	unwatched bool
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
		room:   config.MaxLogs, parked: make(map[*unit]*parked),
		units: make(map[string]*unit), leaving: make(map[*unit]bool), before: make(map[string][]*unit),
		ended:  make(chan end),
		failed: make(chan failure),
		asked:  make(chan struct{}),
		over:   make(chan struct{}),
		final:  make(chan struct{}, maxFinal),
		looks:  make(chan struct{}, maxLooks),
	}
	for n, lane := range config.Lanes {
		r := newReader(lane, config.PollInterval, c.failed)
		r.number, r.marks = n, config.Marks
		c.readers = append(c.readers, r)
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

// saveLabels saves changed labels, in both files, before anything is sent
// with them: after a crash, what is sent again must have the labels of the first
// time. What cannot be saved is not used either, until it can.
func (c *Collector) saveLabels(of []*unit) {
	c.relabelAt = time.Time{}
	if len(of) == 0 {
		return
	}
	err := c.config.Store.SaveAgain()
	if err == nil {
		return
	}
	c.config.Log.Warn("cannot save changed labels, keeping the old ones until it works", "error", err)
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
		if container.Running {
			u.spent.Store(false) // what it writes from now on was not read
		}
		c.decide(u)
	}
	return u
}

// decide chooses the unit's route and tells of a change. A file that is being
// read stays: in the middle of a rotation it would seem to be missing. One that
// should be there since its container has started, and is not, does not stay.
func (c *Collector) decide(u *unit) {
	missing := u.file != nil && !u.container().StartedAt.IsZero() && u.file.log.Files() == 0
	if u.refused || u.orphan {
		return
	}
	before, now := u.route(), c.config.Route(u.container())
	if u.mayRotate(now) {
		return
	}
	if now.Deleted && (missing || u.file == nil) && c.config.Hold.Has(u.id) {
		now = logs.Route{Kind: logs.File, Path: now.Path, Format: now.Format,
			Reason: "the log was deleted or renamed while the container runs, Docker writes on to the file that hold-dir has: restart the container"}
	}
	if u.file != nil && !missing {
		switch {
		case now.Kind != before.Kind:
		case now.Path == before.Path:
			u.chosen.Store(&now) // the reason may be another
		case exists(now.Path): // a link on the way to the data root leads elsewhere now
			u.chosen.Store(&now)
			u.log.Info("the log file is in another place now, reading goes on there", "before", before.Path, "now", now.Path)
			c.stop(u)
		}
		return
	}
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
	c.unpark(u)
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
