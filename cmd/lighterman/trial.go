package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/survey"
	"github.com/lighterman/lighterman/internal/tail"
)

// trial is lighterman with all its parts that read, and none that would leave
// anything behind: positions are in memory, and what is read is thrown away.
type trial struct {
	mode       config.Mode
	source     *source
	discovery  *discover.Discovery
	watcher    *tail.Watcher
	store      *checkpoint.Memory
	dispatcher *dispatch.Dispatcher
	collector  *collect.Collector
	counts     *counts
	gauge      *gauge
	// now is when it was made, in Unix nanoseconds.
	now int64
}

// newTrial makes a trial of what is written from now on.
func newTrial(cfg *config.Config, source *source, discovery *discover.Discovery, watcher *tail.Watcher, host *journal.Journal, log *slog.Logger) *trial {
	t := &trial{
		mode: cfg.Mode, source: source, discovery: discovery, watcher: watcher, store: checkpoint.NewMemory(), gauge: newGauge(source.place),
		counts: &counts{lines: make(map[string]int64), bytes: make(map[string]int64)}, now: time.Now().UnixNano(),
	}
	t.dispatcher = dispatch.New(dispatch.Config{
		Sink: t.counts, Metrics: t.counts, Log: log, Lanes: lanes(),
		BatchWait: cfg.BatchWait, BatchSize: cfg.BatchSize, MaxMemory: int(cfg.MaxMemory),
	})
	t.collector = collect.New(collect.Config{
		Discovery: discovery, Engine: source.engine, Store: t.store, Metrics: t.counts, Watcher: watcher, Log: log, Journal: host,
		Lanes: fileLanes(t.dispatcher), LaneOf: t.dispatcher.Number, Route: source.route, Labels: source.labels,
		Floor: t.now, PollInterval: cfg.BatchWait, MaxLine: cfg.MaxLineBytes,
	})
	return t
}

// begin puts the position of every file to its end: reading what is stored would
// be a load, and tell nothing of what is to come.
func (t *trial) begin(containers map[string]*logs.Container) {
	for id, c := range containers {
		r := t.source.route(c)
		if r.Kind != logs.File {
			continue
		}
		end, err := tail.End(r.Path, r.Format)
		if err != nil {
			continue // nothing is in it, or it is just being rotated: then its time tells what is new
		}
		p := logs.Position{File: end}
		for s := range p.Newest {
			p.Newest[s].Time = t.now
		}
		t.store.Commit(id, p)
	}
}

// run reads until ctx is done, and tells what it cost. look runs beside it.
func (t *trial) run(ctx context.Context, look *survey.Look) (*survey.Measured, error) {
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	group.Go(func() error { return look.Run(ctx) })
	group.Go(func() error { return t.watcher.Run(ctx) })
	group.Go(func() error { return t.discovery.Run(ctx) })
	group.Go(func() error {
		err := t.collector.Run(ctx)
		t.dispatcher.Close()
		return err
	})
	// It ends when it has thrown everything away.
	group.Go(func() error { return t.dispatcher.Run(context.WithoutCancel(ctx)) })
	group.Go(func() error {
		defer t.gauge.stop()
		ticker := time.NewTicker(gaugeEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				t.gauge.read(time.Since(began))
				if err := t.store.Save(); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := &survey.Measured{Mode: string(t.mode), Seconds: time.Since(began).Seconds(), Lines: t.counts.lines, Bytes: t.counts.bytes}
	t.counts.ages.Fill(out)
	t.gauge.fill(out)
	return out, nil
}

// counts is a sink that throws away, and the metrics that are of interest.
type counts struct {
	ages survey.Ages

	mu           sync.Mutex // guards both, by route
	lines, bytes map[string]int64
}

// Push implements dispatch.Sink.
func (c *counts) Push(_ context.Context, b *logs.Batch) logs.Outcome {
	now := time.Now().UnixNano()
	for _, g := range b.Groups {
		for _, at := range g.Times {
			c.ages.Add(time.Duration(now - at))
		}
	}
	return logs.Outcome{Kind: logs.Accepted}
}

// Lines implements collect.Metrics.
func (c *counts) Lines(route string, lines, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines[route] += int64(lines)
	c.bytes[route] += int64(bytes)
}

// The rest of what the parts tell says nothing of cost.

// CorruptRecord implements collect.Metrics.
func (c *counts) CorruptRecord() {}

// LineCut implements collect.Metrics.
func (c *counts) LineCut() {}

// Reconnected implements collect.Metrics.
func (c *counts) Reconnected() {}

// Pushed implements dispatch.Metrics.
func (c *counts) Pushed(string, time.Duration, int) {}

// Retried implements dispatch.Metrics.
func (c *counts) Retried(string) {}

// Delivered implements dispatch.Metrics.
func (c *counts) Delivered(time.Duration, int) {}

// Rejected implements dispatch.Metrics.
func (c *counts) Rejected(string, int) {}
