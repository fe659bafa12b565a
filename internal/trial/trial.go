package trial

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/budget"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/compare"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/pipeline"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// trial is lighterman with all its parts that read, and none that would leave
// anything behind: positions are in memory, and what is read is thrown away.
type trial struct {
	*pipeline.Pipeline
	mode   config.Mode
	store  *checkpoint.Store
	counts *counts
	gauge  *compare.Gauge
	// now is when it was made, in Unix nanoseconds.
	now int64
}

// newTrial makes a trial of what is written from now on.
func newTrial(cfg *config.Config, memory budget.Memory, source *host.Source, watcher *watch.Watcher, host *journal.Journal, log *slog.Logger) *trial {
	t := &trial{
		mode: cfg.Reading.Mode, store: checkpoint.NewMemory(), gauge: compare.NewGauge(source.Place),
		counts: &counts{lines: make(map[string]int64), bytes: make(map[string]int64)}, now: time.Now().UnixNano(),
	}
	t.Pipeline = pipeline.New(cfg, memory, source, watcher, host, log,
		pipeline.Config{Store: t.store, Sink: t.counts, Metrics: t.counts, Floor: t.now})
	return t
}

// compared are the modes, the one that is recommended first.
var compared = []config.Mode{config.Hybrid, config.FileOnly, config.StreamOnly}

// Compare looks at a host for a time, and at what the mode of the configuration costs
// there. How far it is goes to progress.
func Compare(ctx context.Context, cfg *config.Config, version string, log *slog.Logger, length time.Duration, progress io.Writer) (*compare.Survey, error) {
	memory := budget.Limit(cfg, log)
	watcher := host.NewWatcher(log)
	hybrid := *cfg // has the journal, if there is one, whatever is measured
	hybrid.Reading.Mode = config.Hybrid
	hostJournal, closeJournal := host.OpenJournal(&hybrid, watcher, log)
	defer closeJournal()
	source, err := host.NewSource(ctx, cfg, watcher, hostJournal, log, func(string) {})
	if err != nil {
		return nil, err
	}
	defer source.Close()
	t := newTrial(cfg, memory, source, watcher, hostJournal, log)
	if err := t.Discovery.Once(ctx); err != nil {
		return nil, err
	}
	containers, _ := t.Discovery.Wanted()
	surveyor := newSurveyor(source, containers)
	t.begin(containers)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	measured, err := t.run(ctx, surveyor, func(ctx context.Context) { showProgress(ctx, progress, t.mode, len(containers), length) })
	if err != nil {
		return nil, err
	}
	out := surveyor.Survey()
	out.Version, out.Measured = version, measured
	return out, nil
}

// newSurveyor chooses a route per mode for every container.
func newSurveyor(source *host.Source, containers map[string]*logs.Container) *compare.Surveyor {
	candidates := make([]compare.Candidate, 0, len(containers))
	names := make([]string, 0, len(compared))
	for _, mode := range compared {
		names = append(names, string(mode))
	}
	for _, c := range containers {
		candidate := compare.Candidate{Container: c, Routes: make(map[string]logs.Route)}
		for _, mode := range compared {
			candidate.Routes[string(mode)] = source.Rules.InMode(target.Mode(mode)).Route(c)
		}
		candidates = append(candidates, candidate)
	}
	return compare.New(names, candidates)
}

// progressEvery is how often the time that has passed is shown.
const progressEvery = 10 * time.Second

// showProgress says what is measured and how far that is, until ctx is done.
func showProgress(ctx context.Context, w io.Writer, mode config.Mode, containers int, length time.Duration) {
	_, _ = fmt.Fprintf(w, "measuring mode %s on %d containers for %s; Ctrl-C ends it early\n", mode, containers, length)
	began := time.Now()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_, _ = fmt.Fprintf(w, "%s of %s\n", time.Since(began).Round(time.Second), length)
		case <-ctx.Done():
			return
		}
	}
}

// begin puts the position of every file to its end: reading what is stored would
// be a load, and tell nothing of what is to come.
func (t *trial) begin(containers map[string]*logs.Container) {
	for id, c := range containers {
		r := t.Source.Rules.Route(c)
		if r.Kind != logs.File {
			continue
		}
		end, err := tail.End(r.Path, r.Format)
		if err != nil {
			continue // nothing is in it, or it is just being rotated: then its time tells what is new
		}
		t.store.Commit(id, logs.Position{File: end, Since: t.now})
	}
}

// run reads until ctx is done, and says what it cost. surveyor and progress run beside it.
func (t *trial) run(ctx context.Context, surveyor *compare.Surveyor, progress func(context.Context)) (*compare.Measured, error) {
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	group.Go(func() error { progress(ctx); return nil })
	group.Go(func() error { return surveyor.Run(ctx) })
	group.Go(func() error { return t.gauge.Run(ctx, t.store.Save) })
	// It ends when it has thrown everything away.
	t.Start(ctx, context.WithoutCancel(ctx), group, func() {}, func() {})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := &compare.Measured{Mode: string(t.mode), Seconds: time.Since(began).Seconds(), Lines: t.counts.lines, Bytes: t.counts.bytes}
	t.counts.ages.Fill(out)
	t.gauge.Fill(out)
	return out, nil
}

// counts is a sink that throws away, and the metrics that are of interest.
type counts struct {
	ages compare.Ages

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

// The rest of what is counted says nothing of cost.

// CorruptRecord implements collect.Metrics.
func (c *counts) CorruptRecord() {}

// LineCut implements collect.Metrics.
func (c *counts) LineCut() {}

// ForgedEntry implements collect.Metrics.
func (c *counts) ForgedEntry() {}

// LeftOut implements collect.Metrics.
func (c *counts) LeftOut(_ int) {}

// Dropped implements collect.Metrics.
func (c *counts) Dropped(string, int) {}

// Joined implements collect.Metrics.
func (c *counts) Joined(int) {}

// LineSkipped implements collect.Metrics.
func (c *counts) LineSkipped(string) {}

// RotatedAway implements collect.Metrics.
func (c *counts) RotatedAway() {}

// Unsure implements collect.Metrics.
func (c *counts) Unsure() {}

// Truncated implements collect.Metrics.
func (c *counts) Truncated(bool, int64) {}

// Reconnected implements collect.Metrics.
func (c *counts) Reconnected() {}

// Pushed implements dispatch.Metrics.
func (c *counts) Pushed(string, time.Duration, int) {}

// Retried implements dispatch.Metrics.
func (c *counts) Retried(string) {}

// Delivered implements dispatch.Metrics.
func (c *counts) Delivered(time.Duration, int, bool) {}

// Rejected implements dispatch.Metrics.
func (c *counts) Rejected(string, int) {}

// StreamsRejected implements dispatch.Metrics.
func (c *counts) StreamsRejected(int) {}
