package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/target"
)

// carrier is the running program: all its parts, and the order they stop in.
type carrier struct {
	*pipeline
	config  *config.Config
	version string
	log     *slog.Logger
	store   positions
	sink    *sink
	server  *status.Server
	hold    *hold.Hold
}

// Run carries logs until ctx is done.
func (a Agent) Run(ctx context.Context) error {
	started, cfg, log := time.Now(), a.Config, a.Log
	for _, text := range insecurities(cfg) {
		log.Warn("this is not secure", "why", text)
	}
	lineStages, err := stagesOf(cfg)
	if err != nil {
		return err
	}
	memory := limitMemory(cfg, log)
	store, closeStore, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore()
	marks := openMarks(cfg)
	defer marks.Close()
	watcher := newWatcher(log)
	out, err := a.newSink(started, log)
	if err != nil {
		return err
	}
	defer out.close()
	server := status.New(cfg.Listener.Address, cfg.Listener.Hosts, log)
	metrics := meters{server.Metrics(), started}
	quiet := &lull{after: pause, calm: returnMemory}
	quiet.work() // the start, which may deliver nothing
	held, closeHold, err := newHold(cfg, metrics, log)
	if err != nil {
		return err
	}
	defer closeHold()
	host, closeJournal := newJournal(cfg, watcher, log)
	defer closeJournal()
	source, err := newSource(ctx, cfg, watcher, host, log, func(root string) { held.Outside(containersDir(root)) })
	if err != nil {
		return err
	}
	defer source.close()
	since := floor(cfg.Reading.Since, store.Born(), started)
	files, err := newHostFiles(cfg, store, watcher, lineStages, since, log)
	if err != nil {
		return err
	}
	p := newPipeline(cfg, memory, source, watcher, host, log, ends{
		stages: lineStages, files: files,
		store: store, sink: out, metrics: metrics, hold: held, marks: marks, lastOnly: cfg.Loki.URL != nil,
		settled: func() { store.Flush(); quiet.work() }, batchWait: untilBatch(cfg.Batch.Wait),
		floor: since, begin: beginAtTail(cfg, source.rules.Route), tail: tailRecords(cfg),
	})
	server.Limit(p.connections)
	c := &carrier{p, cfg, a.Version, log, store, out, server, held}
	c.observe(started)
	return c.run(ctx)
}

// run starts everything and stops it in the order in which data flows: the
// sources, then the dispatcher, which delivers what it holds as long as the
// shutdown timeout allows, then the last checkpoint and the listener.
func (c *carrier) run(ctx context.Context) error {
	c.log.Info("starting", "version", c.version, "sink", c.sink.name, c.source.name, c.source.place,
		"mode", string(c.config.Reading.Mode), "state", stateDir(c.config))
	// Not ctx itself: its end stops the sources only.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	sources, stopSources := context.WithCancel(failed)
	draining, stopDraining := context.WithCancel(failed)
	rest, stopRest := context.WithCancel(failed)
	defer context.AfterFunc(ctx, stopSources)()
	defer stopSources()
	defer stopDraining()

	c.start(sources, draining, group, func() { time.AfterFunc(c.config.Limits.Shutdown, stopDraining) }, stopRest)
	group.Go(func() error { return c.sink.await(sources) })
	group.Go(func() error { c.sink.last(rest); return nil })
	group.Go(func() error { return c.store.Run(rest) })
	if c.config.Listener.Address != "" {
		group.Go(func() error { return c.server.Run(rest) })
	}
	err := group.Wait()
	if errors.Is(err, errOutputGone) {
		c.log.Info("standard output was closed by its reader, exiting")
		return nil
	}
	if held := c.dispatcher.Held(); held > 0 {
		c.log.Warn("stopped before everything was delivered; the next start reads it again", "bytes", held)
	} else if refused := c.dispatcher.RefusedLines(); err == nil && refused > 0 {
		c.log.Warn("stopped; everything is delivered, except for what Loki has refused for good", "refused", refused)
	} else if err == nil {
		c.log.Info("stopped, everything is delivered")
	}
	return err
}

// stateDir is where positions are kept: apart for standard output, since what
// was shown on a terminal is not in Loki.
func stateDir(cfg *config.Config) string {
	if cfg.StateDir == "" {
		return ""
	}
	if cfg.Loki.URL == nil {
		return filepath.Join(cfg.StateDir, "stdout")
	}
	return cfg.StateDir
}

// openStore opens the positions of the sink. A state directory has one process,
// whatever its sink: so that of standard output, which lies within, is not all
// that is locked.
func openStore(cfg *config.Config, log *slog.Logger) (store positions, closeAll func(), err error) {
	if cfg.StateDir == "" {
		return checkpoint.NewMemory(), func() {}, nil
	}
	outer, err := checkpoint.Open(cfg.StateDir, log)
	if err != nil {
		return nil, nil, err
	}
	closeOuter := func() { _ = outer.Close() }
	if stateDir(cfg) == cfg.StateDir {
		return outer, closeOuter, nil
	}
	inner, err := checkpoint.Open(stateDir(cfg), log)
	if err != nil {
		closeOuter()
		return nil, nil, err
	}
	return inner, func() { _ = inner.Close(); closeOuter() }, nil
}

// openMarks opens what tells what was being read when the last process was killed; nil
// where nothing outlives the process.
func openMarks(cfg *config.Config) *checkpoint.Marks {
	if dir := stateDir(cfg); dir != "" {
		return checkpoint.OpenMarks(dir)
	}
	return nil
}

func filter(cfg *config.Config) target.Filter {
	f := target.Filter{Self: docker.Self(), IncludeNames: cfg.Containers.IncludeName, ExcludeNames: cfg.Containers.ExcludeName}
	for _, m := range cfg.Containers.IncludeLabel {
		f.IncludeLabels = append(f.IncludeLabels, m)
	}
	for _, m := range cfg.Containers.ExcludeLabel {
		f.ExcludeLabels = append(f.ExcludeLabels, m)
	}
	return f
}

// borrowsHost tells that the label host is to be the engine's host: this
// process runs in a container, and nobody has set the label.
func borrowsHost(cfg *config.Config) bool {
	own, err := os.Hostname()
	return docker.Self() != "" && err == nil && cfg.Labels.Host == own
}

// floor is the time before which the lines of containers never seen before are
// left out. "Now" is the first start with this state directory: what is
// written while lighterman is away is then not taken for old.
func floor(since config.Since, born, now time.Time) int64 {
	switch {
	case since.Beginning:
		return 0
	case since.Now:
		return born.UnixNano()
	default:
		return now.Add(-since.Age).UnixNano()
	}
}
