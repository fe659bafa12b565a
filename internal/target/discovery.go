package target

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Source is where containers are found: an engine, or the directory in which it
// keeps them. Inspect's error wraps logs.ErrNotFound for a container that is gone.
// Events calls subscribed when nothing that happens from then on is missed, and
// changed, which does not block, with each container that something happens to. It
// blocks until ctx is done or nothing more will be told, and returns an error.
type Source interface {
	List(ctx context.Context) ([]string, error)
	Inspect(ctx context.Context, id string) (*logs.Container, error)
	Events(ctx context.Context, subscribed func(), changed func(id string)) error
}

// Config says what is discovered.
type Config struct {
	Source Source
	// Name is what the source is called in messages.
	Name string
	// Rules decide what becomes of a container; nil for those that choose all.
	Rules *Rules
	// Relist is the interval of the list that is made as a net under the
	// events; 3 minutes when 0.
	Relist time.Duration
	// Peek returns what can be learnt at once of a container without waiting for
	// the source, nil if that is nothing. It may be nil itself.
	Peek func(id string) *logs.Container
	// Rest is called after a list and the inspections that go with it: the source is
	// not asked much until the next. It may be nil.
	Rest func()
	// Listed is called with the IDs of a list, before its inspections. It may be nil.
	Listed func(ctx context.Context, ids []string)
	Log    *slog.Logger
}

// Discovery holds the set of targets.
type Discovery struct {
	config Config
	// updates tells that the set has changed; it holds at most one token.
	updates chan struct{}
	// wake tells the inspecting goroutine that dirty has something.
	wake chan struct{}

	// mu guards the fields below. The set is complete from the first list on.
	mu sync.Mutex
	// targets are all containers that something is known of, chosen or not.
	targets map[string]*Target
	dirty   map[string]bool
	// unknown are containers that exist and could not be inspected, and why.
	unknown map[string]string
	// problems are what was wrong with what is known of containers, as it was logged.
	problems map[string]told
	// past are containers of which all was known once. What is left of their directories
	// while they are removed is no container.
	past map[string]bool
	// unsettled are containers that are being made or removed, to be looked at again.
	unsettled map[string]bool
	// fresh are containers known only by Peek that Wanted has not returned yet,
	// gone those of them that do not exist any more.
	fresh, gone map[string]bool
	connected   bool
	listed      bool
	lastError   error
}

// New makes a discovery. It does not connect.
func New(config Config) *Discovery {
	if config.Relist == 0 {
		config.Relist = 3 * time.Minute
	}
	if config.Rules == nil {
		config.Rules = &Rules{}
	}
	return &Discovery{
		config:    config,
		updates:   make(chan struct{}, 1),
		wake:      make(chan struct{}, 1),
		targets:   make(map[string]*Target),
		dirty:     make(map[string]bool),
		unknown:   make(map[string]string),
		problems:  make(map[string]told),
		past:      make(map[string]bool),
		unsettled: make(map[string]bool),
		fresh:     make(map[string]bool),
		gone:      make(map[string]bool),
	}
}

// Updates is received from to learn that Wanted may have changed.
func (d *Discovery) Updates() <-chan struct{} { return d.updates }

// Wanted returns the containers to collect, and whether the set is known at
// all: before the first list nothing may be concluded from a container's absence.
func (d *Discovery) Wanted() (set map[string]*logs.Container, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	set = d.wanted()
	if d.listed {
		d.seen()
	}
	return set, d.listed
}

// wanted returns the containers to collect; the lock is held.
func (d *Discovery) wanted() map[string]*logs.Container {
	set := make(map[string]*logs.Container, len(d.targets))
	for id, t := range d.targets {
		if t.Chosen() {
			set[id] = t.Container
		}
	}
	return set
}

// Targets returns what was decided about every container, chosen or not, by ID. The routes
// are not decided.
func (d *Discovery) Targets() map[string]*Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.targets)
}

// Labels returns the labels of a container: those that were decided when it was found, or
// decided now if what they depend on is not the same any more.
func (d *Discovery) Labels(c *logs.Container) *logs.Labels {
	now := d.config.Rules.basis() // which may ask the engine: without the lock
	d.mu.Lock()
	t := d.targets[c.ID]
	d.mu.Unlock()
	if t != nil && t.Container == c && t.basis == now {
		return t.Labels
	}
	fresh := d.config.Rules.decide(c, now)
	d.mu.Lock()
	defer d.mu.Unlock()
	if t != nil && t.Container == c && d.targets[c.ID] == t {
		d.targets[c.ID] = fresh
		if fresh.Chosen() != t.Chosen() {
			signal(d.updates)
		}
	}
	return fresh.Labels
}

// Exists reports whether the source has a container, wanted or not.
func (d *Discovery) Exists(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.targets[id] != nil || d.unknown[id] != ""
}

// Excluded reports whether the source has a container which is not to be collected.
// One that could not be inspected is not excluded.
func (d *Discovery) Excluded(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.targets[id]
	return ok && !t.Chosen()
}

// Unknown returns the containers that exist and of which nothing can be learnt,
// by ID, and why.
func (d *Discovery) Unknown() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.unknown)
}

// Status returns whether the source tells of containers, and why not.
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

// Backoff between attempts to reach the source.
const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = time.Second
)

// Run follows the source until ctx is done, and returns nil then. One that does not
// answer is tried again for as long as it takes.
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

// Once makes the set what the engine says now, for a look at it: nothing is
// followed. An engine that does not answer is an error.
func (d *Discovery) Once(ctx context.Context) error {
	if err := d.list(ctx); err != nil {
		return err
	}
	d.reached()
	return nil
}

// follow is one connection: it ends with the events.
func (d *Discovery) follow(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	subscribed := make(chan struct{})
	group.Go(func() error {
		return d.config.Source.Events(ctx, func() { close(subscribed) }, d.changed)
	})
	// Events first: what happens during the list is then not missed.
	select {
	case <-subscribed:
		err := d.keep(ctx)
		group.Go(func() error { return err }) // which ends the events
	case <-ctx.Done():
	}
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
		if pause := d.retry(); pause > 0 {
			retry.Reset(pause)
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

// retry is when containers are inspected again that could not be; 0 for never.
func (d *Discovery) retry() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.unsettled) > 0:
		return unsettledRetry
	case len(d.unknown) > 0:
		return inspectRetry
	}
	return 0
}

func (d *Discovery) takeDirty() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := slices.Collect(maps.Keys(d.dirty))
	clear(d.dirty)
	return ids
}

// list makes the set what the source says it is.
func (d *Discovery) list(ctx context.Context) error {
	before := d.known()
	ids, err := d.config.Source.List(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]bool, len(ids))
	for _, id := range ids {
		listed[id] = true
	}
	d.mu.Lock()
	maps.DeleteFunc(d.unknown, func(id, _ string) bool { return !listed[id] })
	maps.DeleteFunc(d.problems, func(id string, _ told) bool { return !listed[id] })
	maps.DeleteFunc(d.past, func(id string, _ bool) bool { return !listed[id] })
	maps.DeleteFunc(d.unsettled, func(id string, _ bool) bool { return !listed[id] })
	for _, id := range before {
		if !listed[id] {
			d.remove(id)
		}
	}
	d.mu.Unlock()
	if d.config.Listed != nil {
		d.config.Listed(ctx, ids)
	}
	err = d.inspectAll(ctx, ids)
	if d.config.Rest != nil {
		d.config.Rest()
	}
	return err
}

// known returns what is in the set. Of what is added while a list is made, that
// list says nothing.
func (d *Discovery) known() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.targets))
}

// reached notes that the set is known and the source answers.
func (d *Discovery) reached() {
	d.mu.Lock()
	again := !d.connected
	d.connected, d.listed, d.lastError = true, true, nil
	n, wanted := len(d.targets), d.wanted()
	d.mu.Unlock()
	if again {
		d.config.Log.Info("containers found", "from", d.config.Name, "containers", n, "chosen", len(wanted))
		if n > 0 && len(wanted) == 0 {
			d.config.Log.Warn("no container matches the include and exclude settings; a name pattern must match the whole name")
		}
	}
	signal(d.updates)
}

// disconnected notes that the source does not answer. The set stays: files can
// be read on without it.
func (d *Discovery) disconnected(err error) {
	d.mu.Lock()
	first := d.connected || d.lastError == nil
	d.connected, d.lastError = false, err
	d.mu.Unlock()
	if first {
		d.config.Log.Warn("cannot list containers, will retry", "from", d.config.Name, "error", err)
	}
}
