package discover

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Engine is what discovery needs of an engine. Inspect's error wraps
// logs.ErrNotFound for a container that is gone.
type Engine interface {
	List(ctx context.Context) ([]string, error)
	Inspect(ctx context.Context, id string) (*logs.Container, error)
	Events(ctx context.Context, subscribed func(), changed func(id string)) error
}

// Config says what is discovered.
type Config struct {
	Engine Engine
	Filter Filter
	// Relist is the interval of the list that is made as a net under the
	// events; 3 minutes when 0.
	Relist time.Duration
	Log    *slog.Logger
}

// Discovery holds the set of containers.
type Discovery struct {
	config Config
	// updates tells that the set has changed; it holds at most one token.
	updates chan struct{}
	// wake tells the inspecting goroutine that dirty has something.
	wake chan struct{}

	// mu guards the fields below. The set is complete from the first list on.
	mu         sync.Mutex
	containers map[string]*logs.Container
	dirty      map[string]bool
	// unknown are containers that exist and could not be inspected.
	unknown   map[string]bool
	connected bool
	listed    bool
	lastError error
}

// New makes a discovery. It does not connect.
func New(config Config) *Discovery {
	if config.Relist == 0 {
		config.Relist = 3 * time.Minute
	}
	return &Discovery{
		config:     config,
		updates:    make(chan struct{}, 1),
		wake:       make(chan struct{}, 1),
		containers: make(map[string]*logs.Container),
		dirty:      make(map[string]bool),
		unknown:    make(map[string]bool),
	}
}

// Updates is received from to learn that Wanted may have changed.
func (d *Discovery) Updates() <-chan struct{} { return d.updates }

// Wanted returns the containers to collect, and whether the set is known at
// all: before the first list nothing may be concluded from a container's absence.
func (d *Discovery) Wanted() (set map[string]*logs.Container, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	set = make(map[string]*logs.Container, len(d.containers))
	for id, c := range d.containers {
		if d.config.Filter.Wants(c) {
			set[id] = c
		}
	}
	return set, d.listed
}

// Exists tells whether the engine has a container, wanted or not.
func (d *Discovery) Exists(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.containers[id]
	return ok || d.unknown[id]
}

// Status returns whether the engine is connected, and why not.
func (d *Discovery) Status() (connected bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.connected && d.listed, d.lastError
}

// Refresh makes a container be inspected again soon.
func (d *Discovery) Refresh(id string) {
	d.mu.Lock()
	d.dirty[id] = true
	d.mu.Unlock()
	signal(d.wake)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Backoff between attempts to reach the engine.
const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 10 * time.Second
)

// Run follows the engine until ctx is done, and returns nil then. An engine
// that does not answer is tried again for as long as it takes.
func (d *Discovery) Run(ctx context.Context) error {
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		began := time.Now()
		err := d.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // asked to end
		}
		d.disconnected(err)
		if time.Since(began) > maxBackoff {
			backoff = minBackoff
		}
		// Jitter, so that several agents do not meet again and again.
		pause := time.NewTimer(backoff/2 + rand.N(backoff))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

// follow is one connection: it ends with the events.
func (d *Discovery) follow(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	subscribed := make(chan struct{})
	group.Go(func() error {
		return d.config.Engine.Events(ctx, func() { close(subscribed) }, d.Refresh)
	})
	group.Go(func() error {
		// Events first: what happens during the list is then not missed.
		select {
		case <-subscribed:
			return d.keep(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return group.Wait()
}

// keep lists, and then inspects what events speak of.
func (d *Discovery) keep(ctx context.Context) error {
	if err := d.list(ctx); err != nil {
		return err
	}
	d.reached()
	relist := time.NewTicker(d.config.Relist)
	defer relist.Stop()
	retry := time.NewTimer(0)
	<-retry.C
	defer retry.Stop()
	for {
		if d.someUnknown() {
			retry.Reset(inspectRetry)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
			if err := d.inspectAll(ctx, d.takeDirty()); err != nil {
				return err
			}
		case <-relist.C:
			if err := d.list(ctx); err != nil {
				return err
			}
		case <-d.wake:
			if err := d.inspectAll(ctx, d.takeDirty()); err != nil {
				return err
			}
		}
		signal(d.updates)
	}
}

func (d *Discovery) someUnknown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.unknown) > 0
}

func (d *Discovery) takeDirty() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := slices.Collect(maps.Keys(d.dirty))
	clear(d.dirty)
	return ids
}

// list makes the set what the engine says it is.
func (d *Discovery) list(ctx context.Context) error {
	ids, err := d.config.Engine.List(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]bool, len(ids))
	for _, id := range ids {
		listed[id] = true
	}
	d.mu.Lock()
	maps.DeleteFunc(d.unknown, func(id string, _ bool) bool { return !listed[id] })
	for id := range d.containers {
		if !listed[id] {
			delete(d.containers, id)
		}
	}
	d.mu.Unlock()
	return d.inspectAll(ctx, ids)
}

// inspectTimeout bounds one inspection: an engine may hang on one container.
// inspectRetry is when one that failed is tried again.
const inspectTimeout, inspectRetry = 10 * time.Second, 10 * time.Second

// inspectors bounds the inspections under way at once.
const inspectors = 4

func (d *Discovery) inspectAll(ctx context.Context, ids []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectors)
	for _, id := range ids {
		group.Go(func() error { return d.inspect(ctx, id) })
	}
	return group.Wait()
}

func (d *Discovery) inspect(ctx context.Context, id string) error {
	limited, cancel := context.WithTimeout(ctx, inspectTimeout)
	c, err := d.config.Engine.Inspect(limited, id)
	cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, logs.ErrNotFound):
		delete(d.containers, id)
		delete(d.unknown, id)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		// One container that cannot be inspected must not stop the others.
		// When the engine is gone the events end, and a list follows; else
		// the next event or list tries again.
		d.dirty[id], d.unknown[id] = true, true
		d.config.Log.Warn("cannot inspect a container, trying again later", "container", id, "error", err)
		return nil
	}
	d.containers[c.ID] = c
	delete(d.unknown, id)
	if d.listed {
		signal(d.updates) // at once: others may be slow
	}
	return nil
}

// reached notes that the set is known and the engine answers.
func (d *Discovery) reached() {
	d.mu.Lock()
	again := !d.connected
	d.connected, d.listed, d.lastError = true, true, nil
	n := len(d.containers)
	d.mu.Unlock()
	if again {
		wanted, _ := d.Wanted()
		d.config.Log.Info("connected to the engine", "containers", n, "chosen", len(wanted))
		if n > 0 && len(wanted) == 0 {
			d.config.Log.Warn("no container is chosen; patterns for names must match the whole name")
		}
	}
	signal(d.updates)
}

// disconnected notes that the engine does not answer. The set stays: files can
// be read on without it.
func (d *Discovery) disconnected(err error) {
	d.mu.Lock()
	first := d.connected || d.lastError == nil
	d.connected, d.lastError = false, err
	d.mu.Unlock()
	if first {
		d.config.Log.Warn("the engine does not answer, trying again", "error", err)
	}
}
