package agent

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/budget"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/pipeline"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/viewer"
)

// graph is all that carries logs to one output: readers, positions, what is held, and the
// sink. None waits for another.
type graph struct {
	pipeline *pipeline.Pipeline
	// name is the output's; empty for that of loki-url, and standard output.
	name   string
	config *config.Config
	log    *slog.Logger
	store  positions
	sink   *sink
	hold   *hold.Hold
	viewer *viewer.Viewer // nil where nobody looks
	// closes are called at the end, the last first.
	closes []func()
}

// newGraph makes one of several that are alike, whose share of memory is given. Its store was
// opened. What was opened for it is closed also where it fails.
func (a Agent) newGraph(ctx context.Context, g *graph, memory budget.Memory, rules *ruleset.InForce, server *status.Metrics, started time.Time) (err error) {
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	cfg, log, own := g.config, g.log, a.Config.StateDir
	a.Config = cfg
	breadcrumbs := openBreadcrumbs(cfg)
	g.closes = append(g.closes, breadcrumbs.Close)
	watcher := host.NewWatcher(log)
	g.viewer = viewer.New(cfg, a.Stdout, a.view, started)
	if g.sink, err = a.newSink(g.viewer, log); err != nil {
		return err
	}
	g.closes = append(g.closes, g.sink.close)
	metrics := meters{server, started}
	idle := &budget.IdleTimer{After: budget.IdleAfter, Idle: budget.ReturnMemory}
	idle.Touch() // the start, which may deliver nothing
	held, closeHold, err := host.OpenHold(cfg, memory.Outputs, metrics, log)
	if err != nil {
		return err
	}
	g.hold, g.closes = held, append(g.closes, closeHold)
	journal, closeJournal := host.OpenJournal(cfg, watcher, log)
	g.closes = append(g.closes, closeJournal)
	source, err := host.NewSource(ctx, cfg, watcher, journal, log, func(root string) { held.Outside(host.ContainersDir(root)) })
	if err != nil {
		return err
	}
	g.closes = append(g.closes, source.Close)
	since := cfg.Reading.Since.Floor(g.store.Born(), started)
	files, err := host.NewFiles(cfg, own, g.store, watcher, rules, since, log)
	if err != nil {
		return err
	}
	journals, err := host.NewJournals(cfg, journal, watcher, rules, started, log)
	if err != nil {
		return err
	}
	if journals != nil {
		g.closes = append(g.closes, journals.Close)
	}
	g.pipeline = pipeline.New(cfg, memory, source, watcher, journal, log, pipeline.Config{
		Stages: &rules.Timeline, Files: files, Journals: journals,
		Store: g.store, Sink: g.sink, Metrics: metrics, Hold: held, Breadcrumbs: breadcrumbs, LastOnly: cfg.Loki.URL != nil && cfg.Loki.OTLP == nil,
		Settled: func() { g.store.Flush(); idle.Touch() },
		Floor:   since, Begin: g.viewer.Begin, Tail: g.viewer.Tail, Noted: g.viewer.Note, Early: g.viewer == nil,
	})
	return g.viewer.First(ctx, g.pipeline, g.store.Born())
}

func (g *graph) close() {
	for i := len(g.closes) - 1; i >= 0; i-- {
		g.closes[i]()
	}
	g.closes = nil
}

// run starts a graph; read and delivered are as for Pipeline.Start, rest ends after that.
func (g *graph) run(sources, draining, rest context.Context, group *errgroup.Group, read, delivered func()) {
	g.pipeline.Start(sources, draining, group, read, delivered)
	group.Go(func() error { return g.sink.await(sources) })
	group.Go(func() error { g.sink.last(rest); return nil })
	group.Go(func() error { return g.store.Run(rest) })
}

// newOutput makes the graph of a further output.
func (a Agent) newOutput(ctx context.Context, out *config.Output, memory budget.Memory, rules *ruleset.InForce, metrics *status.Metrics, started time.Time) (*graph, error) {
	cfg, log := a.Config.WithOutput(out, memory.Outputs), a.Log.With("output", out.Name)
	memory = memory.Batches(cfg.Batch.Bytes)
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

// positions is where the place in every log is kept: on disk, or in memory.
type positions interface {
	collect.Store
	host.FileStore
	Flush()
	Run(ctx context.Context) error
	Stats() checkpoint.Stats
}
