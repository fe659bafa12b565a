package target

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Source is where containers are found: an engine, or the directory in which it
// keeps them. List returns the IDs of all containers, first those that may have ended, of which
// there are so many, then those that run. Inspect's error wraps logs.ErrNotFound for a container that is gone.
// Events calls subscribed when nothing that happens from then on is missed, and
// changed, which does not block, with each container that something happens to. It
// blocks until ctx is done or there will be no more events, and returns an error.
type Source interface {
	List(ctx context.Context) (ids []string, ended int, err error)
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
	// Early has Wanted return what runs and was found while the rest is looked for the first
	// time.
	Early bool
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
	// updates has a token when the set has changed; it holds at most one token.
	updates chan struct{}
	// wake has a token when a container is to be inspected, and again when all are.
	wake, again chan struct{}
	rules       atomic.Pointer[Rules]

	// mu guards the fields below. From the first list on all that exists is known, and the set
	// is complete when that has been inspected.
	mu         sync.Mutex
	containers map[string]*known
	connected  bool
	listed     bool
	complete   bool
	first      first
	lastError  error
}

// New makes a discovery. It does not connect.
func New(config Config) *Discovery {
	if config.Relist == 0 {
		config.Relist = 3 * time.Minute
	}
	if config.Rules == nil {
		config.Rules = &Rules{}
	}
	d := &Discovery{
		config: config, updates: make(chan struct{}, 1), wake: make(chan struct{}, 1), again: make(chan struct{}, 1), containers: make(map[string]*known),
	}
	d.rules.Store(config.Rules)
	return d
}

// Use makes other rules decide from now on. Each container is inspected again, as they may
// ask for what was not kept of it; what was decided stands until then.
func (d *Discovery) Use(rules *Rules) {
	d.rules.Store(rules)
	signal(d.again)
}

// Updates is received from to learn that Wanted may have changed.
func (d *Discovery) Updates() <-chan struct{} { return d.updates }

// Poke makes whoever receives from Updates look again.
func (d *Discovery) Poke() { signal(d.updates) }

// Status reports whether the source can be asked for containers, and why not.
func (d *Discovery) Status() (connected bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.connected && d.listed, d.lastError
}

// Refresh makes a container be inspected again soon.
func (d *Discovery) Refresh(id string) {
	d.mu.Lock()
	d.of(id).dirty = true
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
		case <-d.again:
			if err := d.list(ctx); err != nil {
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
func (d *Discovery) retry() (pause time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.containers {
		switch {
		case k.unsettled:
			return unsettledRetry
		case k.unknown != "":
			pause = inspectRetry
		}
	}
	return pause
}

func (d *Discovery) takeDirty() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, k := range d.containers {
		if k.dirty {
			k.dirty = false
			ids = append(ids, id)
		}
	}
	return ids
}

// list makes the set what the source says it is.
func (d *Discovery) list(ctx context.Context) error {
	d.mu.Lock()
	before := d.targets()
	d.mu.Unlock()
	ids, ended, err := d.config.Source.List(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]bool, len(ids))
	for _, id := range ids {
		listed[id] = true
	}
	d.mu.Lock()
	for id, k := range d.containers {
		if listed[id] {
			continue
		}
		k.unlisted(before[id] != nil)
		if before[id] != nil {
			signal(d.updates)
		}
		if k.forgotten() {
			delete(d.containers, id)
		}
	}
	for _, id := range ids {
		d.of(id).awaited = true
	}
	d.mu.Unlock()
	if d.config.Listed != nil {
		d.config.Listed(ctx, ids)
	}
	// What has ended is known before anything of what runs is read: it goes before what took its
	// place.
	if err = d.inspectAll(ctx, ids[:ended]); err == nil {
		d.begin(len(ids) - ended)
		err = d.inspectAll(ctx, ids[ended:])
	}
	if d.config.Rest != nil {
		d.config.Rest()
	}
	return err
}

// reached notes that the set is known and the source answers.
func (d *Discovery) reached() {
	d.mu.Lock()
	again := !d.connected
	d.connected, d.listed, d.complete, d.lastError = true, true, true, nil
	d.first = first{}
	n, wanted := len(d.targets()), d.wanted()
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
	signal(d.updates) // what was found until then
	if first {
		d.config.Log.Warn("cannot list containers, will retry", "from", d.config.Name, "error", err)
	}
}
