package collect

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stream"
)

// New makes a collector. It starts nothing.
func New(config Config) *Collector {
	if config.Hold == nil {
		config.Hold = hold.New(hold.Config{Log: config.Log})
	}
	c := &Collector{
		config: config, units: make(map[string]*unit),
		ends: make(chan ended), asked: make(chan struct{}), over: make(chan struct{}),
		streams: stream.NewGroup(stream.GroupConfig{
			Engine: config.Engine, Events: config.Metrics, Tail: config.Tail, MaxLine: config.MaxLine,
		}),
		succession:  newSuccession(),
		descriptors: descriptors{free: config.MaxLogs},
	}
	for n, lane := range config.Lanes {
		r := reader.Config{
			Lane: lane, Poll: config.PollInterval, Number: n, Breadcrumbs: config.Breadcrumbs,
			AfterSave: config.Store.AfterSave, Refresh: config.Discovery.Refresh,
		}
		if config.Watcher != nil {
			r.Watch = c.watch
		}
		c.readers = append(c.readers, reader.New(r))
	}
	return c
}

// Run collects until ctx is done. It returns nil when all sources have stopped;
// what they had handed over may still be on its way.
func (c *Collector) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range c.readers {
		group.Go(func() error { return r.Run(ctx) })
	}
	c.loop(ctx)
	err := group.Wait()
	for _, u := range c.units {
		if s := u.source(); s != nil {
			s.Close()
		}
	}
	return err
}

// loop brings running and desired set together whenever something has
// changed. Only this goroutine starts and stops sources.
func (c *Collector) loop(ctx context.Context) {
	// The timer runs only while something waits for its time.
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
		case e := <-c.ends:
			c.ended(ctx, e)
		case <-timer.C:
			c.attend(ctx, time.Now())
		}
		timer.Stop()
		if at, ok := due(c.relabelAt, c.descriptors.due(), c.situations); ok {
			timer.Reset(max(time.Until(at), 10*time.Millisecond))
		}
	}
}

// drainEnds waits for the API sources, which end with the context.
func (c *Collector) drainEnds() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.streams.Wait()
	}()
	for {
		select {
		case <-c.ends:
		case <-done:
			return
		}
	}
}

// situations are those of all units.
func (c *Collector) situations(yield func(situation) bool) {
	for _, u := range c.units {
		if !yield(u.situation()) {
			return
		}
	}
}

// attend does what waits for its time: turns, labels that were not saved, starts that were
// put off, and a look at files that could not be read.
func (c *Collector) attend(ctx context.Context, now time.Time) {
	if at := c.descriptors.due(); !at.IsZero() && !now.Before(at) {
		c.takeTurns(ctx, now)
	}
	if !c.relabelAt.IsZero() && !now.Before(c.relabelAt) {
		c.adopt(ctx)
	}
	for _, u := range c.units {
		if s := u.situation(); s.probes && !now.Before(s.probeAt) {
			c.decide(u)
			if !u.probe.at.After(now) {
				u.probe.at = now.Add(probeInterval)
			}
		}
		c.reconcile(ctx, u)
	}
}
