package agent

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// pipeline is what finds containers, reads their logs and delivers the lines.
type pipeline struct {
	source     *source
	watcher    *watch.Watcher
	discovery  *target.Discovery
	dispatcher *dispatch.Dispatcher
	collector  *collect.Collector
	// files are those of the host; nil for none.
	files *hostFiles
	// connections is how many the listener may have, of what is left of open files.
	connections int
}

// ends is where a pipeline begins and where it leads to. Only the first three are needed.
type ends struct {
	store   collect.Store
	sink    dispatch.Sink
	metrics interface {
		collect.Metrics
		dispatch.Metrics
	}
	hold  *hold.Hold
	marks *checkpoint.Marks
	// floor is the time before which lines of new containers are left out, in Unix
	// nanoseconds; for begin and tail see collect.Config.
	floor int64
	// stages are what lines go through; nil for nothing.
	stages *stage.Pipeline
	begin  func(*logs.Container) (logs.Position, bool)
	tail   int
	// files are those of the host that are collected; nil for none.
	files *hostFiles
	// settled is called when something was delivered; lastOnly and batchWait are the
	// dispatcher's.
	settled   func()
	lastOnly  bool
	batchWait time.Duration
}

// newPipeline makes one, which reads nothing yet.
func newPipeline(cfg *config.Config, memory budgets, source *source, watcher *watch.Watcher, host *journal.Journal, log *slog.Logger, e ends) *pipeline {
	spare := descriptors()
	p := &pipeline{source: source, watcher: watcher, discovery: source.discovery(log), connections: spare.connections}
	p.dispatcher = dispatch.New(dispatch.Config{
		Sink: e.sink, Metrics: e.metrics, Log: log, Settled: e.settled, Lanes: memory.lanes, LastOnly: e.lastOnly,
		BatchWait: e.batchWait, BatchSize: memory.batch, MaxMemory: int(memory.lines), MaxPushes: memory.pushes,
	})
	of := collect.Config{
		Discovery: p.discovery, Engine: source.engine, Store: e.store, Metrics: e.metrics, Watcher: watcher, Log: log, Hold: e.hold, Journal: host,
		Lanes: fileLanes(p.dispatcher), LaneOf: p.dispatcher.Number,
		Route: source.rules.Route, Labels: p.discovery.Labels, Marks: e.marks,
		Stages: e.stages, Floor: e.floor, Begin: e.begin, Tail: e.tail,
		PollInterval: cfg.Batch.Wait, MaxLine: cfg.Limits.LineBytes, MaxLogs: spare.logs, Room: spare.room,
	}
	if e.files != nil {
		p.files = e.files
		p.files.collect(p.discovery, spare.room.Opened, &of)
	}
	p.collector = collect.New(of)
	return p
}

// start reads until sources is done and delivers what was read, as long as draining is not
// done. read is called when nothing more is read, and delivered when all is over.
func (p *pipeline) start(sources, draining context.Context, group *errgroup.Group, read, delivered func()) {
	group.Go(func() error { return p.watcher.Run(sources) })
	group.Go(func() error { return p.discovery.Run(sources) })
	if p.files != nil {
		group.Go(func() error { return p.files.finder.Run(sources) })
	}
	group.Go(func() error {
		err := p.collector.Run(sources)
		p.dispatcher.Close()
		read()
		return err
	})
	group.Go(func() error {
		defer delivered()
		return p.dispatcher.Run(draining)
	})
}

// untilBatch is how long after a batch the next may leave, where files are polled every
// poll: a little earlier than the poll, which takes now more and now less time. A batch
// that has just been read then does not need a timer and a wake-up of its own for the
// milliseconds that the one before took longer.
func untilBatch(poll time.Duration) time.Duration { return poll - poll/40 }

// lanes is the number of readers of files and of pushes at a time: one per processor,
// as they decode, but no more than a Loki likes connections; and two at least, so that
// one works while the other waits for an answer. With a single lane on one processor a
// backlog took 16 % more CPU time and a quarter longer: each wait puts the process to
// sleep, after which the runtime's monitor wakes up every 20 µs for a while.
func lanes() int { return min(max(runtime.GOMAXPROCS(0), 2), 4) }

func fileLanes(d *dispatch.Dispatcher) (out []collect.Lane) {
	for i := range d.Lanes() {
		out = append(out, d.Lane(i))
	}
	return out
}
