package agent

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/status"
)

// graph is all that carries logs to one output: readers, positions, what is held, and the
// sink. None waits for another.
type graph struct {
	*pipeline
	// name is the output's; empty for that of loki-url, and standard output.
	name   string
	config *config.Config
	log    *slog.Logger
	store  positions
	sink   *sink
	hold   *hold.Hold
	look   *look // nil where nobody looks
	// closes are called at the end, the last first.
	closes []func()
}

// newGraph makes one of several that are alike, whose share of memory is given. Its store was
// opened. What was opened for it is closed also where it fails.
func (a Agent) newGraph(ctx context.Context, g *graph, memory budgets, rules *inForce, server *status.Metrics, started time.Time) (err error) {
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	cfg, log := g.config, g.log
	a.Config = cfg
	marks := openMarks(cfg)
	g.closes = append(g.closes, marks.Close)
	watcher := newWatcher(log)
	g.look = a.newLook(started)
	if g.sink, err = a.newSink(g.look, log); err != nil {
		return err
	}
	g.closes = append(g.closes, g.sink.close)
	metrics := meters{server, started}
	quiet := &lull{after: pause, calm: returnMemory}
	quiet.work() // the start, which may deliver nothing
	held, closeHold, err := newHold(cfg, memory.outputs, metrics, log)
	if err != nil {
		return err
	}
	g.hold, g.closes = held, append(g.closes, closeHold)
	host, closeJournal := newJournal(cfg, watcher, log)
	g.closes = append(g.closes, closeJournal)
	source, err := newSource(ctx, cfg, watcher, host, log, func(root string) { held.Outside(containersDir(root)) })
	if err != nil {
		return err
	}
	g.closes = append(g.closes, source.close)
	g.pipeline = newPipeline(cfg, memory, source, watcher, host, log, ends{
		stages: &rules.timeline,
		store:  g.store, sink: g.sink, metrics: metrics, hold: held, marks: marks, lastOnly: cfg.Loki.URL != nil,
		settled: func() { g.store.Flush(); quiet.work() }, batchWait: untilBatch(cfg.Batch.Wait),
		floor: floor(cfg.Reading.Since, g.store.Born(), started), begin: g.look.begin, tail: g.look.tail, noted: g.look.note,
	})
	return g.look.first(ctx, g.pipeline, g.store.Born())
}

func (g *graph) close() {
	for i := len(g.closes) - 1; i >= 0; i-- {
		g.closes[i]()
	}
	g.closes = nil
}

// run starts a graph; read and delivered are as for pipeline.start, rest ends after that.
func (g *graph) run(sources, draining, rest context.Context, group *errgroup.Group, read, delivered func()) {
	g.start(sources, draining, group, read, delivered)
	group.Go(func() error { return g.sink.await(sources) })
	group.Go(func() error { g.sink.last(rest); return nil })
	group.Go(func() error { return g.store.Run(rest) })
}

// newOutput makes the graph of a further output.
func (a Agent) newOutput(ctx context.Context, out *config.Output, memory budgets, rules *inForce, metrics *status.Metrics, started time.Time) (*graph, error) {
	cfg, log := a.Config.WithOutput(out, memory.outputs), a.Log.With("output", out.Name)
	store, closeStore, err := openStore(cfg, log)
	if err != nil {
		return nil, err
	}
	g := &graph{name: out.Name, config: cfg, log: log, store: store, closes: []func(){closeStore}}
	if err := a.newGraph(ctx, g, memory, rules, metrics, started); err != nil {
		return nil, err
	}
	return g, nil
}

// afterAll returns a function that calls f when it was called a number of times.
func afterAll(number int, f func()) func() {
	var called atomic.Int64
	return func() {
		if called.Add(1) == int64(number) {
			f()
		}
	}
}
