package dispatch

import (
	"context"
	"hash/fnv"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Sink takes batches. It only classifies the answer; it does not retry. The
// memory of a batch is used again once it is delivered: a sink must not keep it.
type Sink interface {
	Push(ctx context.Context, b *logs.Batch) logs.Outcome
}

// Metrics is told what happens to batches. Its methods must not block.
type Metrics interface {
	// Pushed is called after every push: how it ended, how long it took, and
	// the batch's size in bytes of text.
	Pushed(outcome string, took time.Duration, bytes int)
	// Retried is called before a batch is sent again.
	Retried(reason string)
	// Delivered is called for each group of a delivered batch: the age of its
	// oldest entry, the number of its entries, and whether their log had not been
	// caught up with.
	Delivered(age time.Duration, entries int, behind bool)
	// Rejected is called for entries that the sink refused for good.
	Rejected(reason string, entries int)
	// StreamsRejected is called for streams that it refused for their labels, once for each.
	StreamsRejected(streams int)
}

// Config says how entries are batched and delivered.
type Config struct {
	Sink    Sink
	Metrics Metrics
	Log     *slog.Logger
	// Settled, if there is one, is called when the acks of a push were handed
	// out, by every lane for itself. The lane waits for it.
	Settled func()
	// LastOnly tells that the sink's answer is about the last group of a batch,
	// as Loki's is: see plan.go.
	LastOnly bool
	// Apart has each stream be in a request of its own, where LastOnly is set: somebody else
	// writes to the same ones, so that nothing is known beforehand of what is refused.
	Apart bool
	// Lanes is the number of batches that are gathered and pushed
	// independently of each other.
	Lanes int
	// BatchWait is the least time between the starts of two pushes of a lane
	// while its batches are not full. With a LeastWait it is the longest that this time is: see
	// tempo.go.
	BatchWait, LeastWait time.Duration
	// OutOfOrder is how much time entries may span of one container's pushes that are under way
	// at once, where nothing else is to be pushed: see flow.go. 0 has one follow the other.
	OutOfOrder time.Duration
	// BatchSize is the size in bytes from which on a batch is full.
	BatchSize int
	// MaxPushes bounds the requests under way over all lanes, each of which has a copy of
	// its entries; 0 for as many as help. Every lane may have one.
	MaxPushes int
	// MaxMemory bounds the bytes of entries that are held and not delivered,
	// over all lanes.
	MaxMemory int
}

// pushes is how many requests a lane may have under way.
func (c *Config) pushes() int {
	if c.MaxPushes == 0 {
		return maxPushes
	}
	return min(max(c.MaxPushes/c.Lanes, 1), maxPushes)
}

// Dispatcher delivers entries through its lanes.
type Dispatcher struct {
	config Config
	lanes  []*Lane
	shared *shared
}

// New makes a dispatcher. It starts nothing.
func New(config Config) *Dispatcher {
	d := &Dispatcher{config: config, shared: &shared{sent: newStreams(), refused: &refusals{}, rejected: &rejectedStreams{}, tempo: newTempo(config.LeastWait, config.BatchWait, config.Lanes)}}
	d.shared.sent.apart = config.Apart
	budget := max(config.MaxMemory/config.Lanes, 1)
	for n := range config.Lanes {
		d.lanes = append(d.lanes, newLane(&d.config, d.shared, n, budget))
	}
	return d
}

// Lanes returns the number of lanes.
func (d *Dispatcher) Lanes() int { return len(d.lanes) }

// Number returns the number of the lane that a container's entries go through.
// It is always the same one: what is delivered is then acknowledged in order.
func (d *Dispatcher) Number(id string) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id)                 // a hash does not fail
	return int(h.Sum32() % uint32(len(d.lanes))) //nolint:gosec // there are few lanes
}

// Lane returns a lane by its number.
func (d *Dispatcher) Lane(number int) *Lane { return d.lanes[number] }

// Buffered returns the bytes of entries that are held and not delivered.
func (d *Dispatcher) Buffered() (bytes int) {
	for _, l := range d.lanes {
		bytes += l.held()
	}
	return bytes
}

// SetAside returns the number of containers whose delivery waits for a reason that
// concerns them alone.
func (d *Dispatcher) SetAside() (containers int) {
	for _, l := range d.lanes {
		containers += l.setAside()
	}
	return containers
}

// Pushes returns the number of requests under way, and until when none is made as the sink
// does not take any; in the past, or zero, where nothing is waited for.
func (d *Dispatcher) Pushes() (underWay int, pausesUntil time.Time) {
	for _, l := range d.lanes {
		underWay += len(l.slots)
		if until := l.pausesUntil.Load(); until != nil && until.After(pausesUntil) {
			pausesUntil = *until
		}
	}
	return underWay, pausesUntil
}

// Budget returns how many bytes of entries may be held.
func (d *Dispatcher) Budget() int { return d.config.MaxMemory }

// Close says that no more entries will come: Run ends when all are delivered.
func (d *Dispatcher) Close() {
	for _, l := range d.lanes {
		l.close()
	}
}

// Run delivers until Close was called and everything is delivered, or until ctx
// is done. It returns nil in both cases; what was not delivered then was not
// acknowledged either, and will be read again.
func (d *Dispatcher) Run(ctx context.Context) error {
	var group errgroup.Group
	for _, l := range d.lanes[1:] {
		group.Go(func() error {
			l.run(ctx)
			return nil
		})
	}
	d.lanes[0].run(ctx)
	return group.Wait()
}
