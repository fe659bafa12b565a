package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/tail"
)

// carrier is the running program: all its parts, and the order they stop in.
type carrier struct {
	config     *config.Config
	log        *slog.Logger
	store      *checkpoint.Store
	source     *source
	watcher    *tail.Watcher
	sink       *sink
	server     *status.Server
	hold       *hold.Hold
	dispatcher *dispatch.Dispatcher
	discovery  *discover.Discovery
	collector  *collect.Collector
}

// runCarrier carries logs until ctx is done.
func runCarrier(ctx context.Context, cfg *config.Config, stdout io.Writer, log *slog.Logger) error {
	started := time.Now()
	limitMemory(cfg.MaxMemory)
	store, closeStore, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore()
	watcher, err := tail.NewWatcher()
	if err != nil {
		return err
	}
	out, err := newSink(cfg, stdout)
	if err != nil {
		return err
	}
	defer out.close()
	server := status.New(cfg.Listen, log)
	metrics := meters{server.Metrics()}
	quiet := &lull{after: pause, calm: returnMemory}
	quiet.work() // the start, which may deliver nothing
	dispatcher := dispatch.New(dispatch.Config{
		Sink: out, Metrics: metrics, Log: log, Settled: func() { store.Flush(); quiet.work() }, Lanes: lanes(), LastOnly: cfg.LokiURL != nil,
		BatchWait: untilBatch(cfg.BatchWait), BatchSize: cfg.BatchSize, MaxMemory: int(cfg.MaxMemory),
	})
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
	discovery := source.discovery(cfg, log)
	collector := collect.New(collect.Config{
		Discovery: discovery, Engine: source.engine, Store: store, Metrics: metrics, Watcher: watcher, Log: log, Hold: held, Journal: host,
		Lanes: fileLanes(dispatcher), LaneOf: dispatcher.Number,
		Route: source.route, Labels: source.labels,
		Floor:        floor(cfg.Since, store.Born(), started),
		PollInterval: cfg.BatchWait, MaxLine: cfg.MaxLineBytes,
	})
	c := &carrier{cfg, log, store, source, watcher, out, server, held, dispatcher, discovery, collector}
	c.observe(started)
	return c.run(ctx)
}

// run starts everything and stops it in the order in which data flows: the
// sources, then the dispatcher, which delivers what it holds as long as the
// shutdown timeout allows, then the last checkpoint and the listener.
func (c *carrier) run(ctx context.Context) error {
	c.log.Info("starting", "version", version(), "sink", c.sink.name, c.source.name, c.source.place,
		"mode", string(c.config.Mode), "state", stateDir(c.config))
	// Not ctx itself: its end stops the sources only.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	sources, stopSources := context.WithCancel(failed)
	draining, stopDraining := context.WithCancel(failed)
	rest, stopRest := context.WithCancel(failed)
	defer context.AfterFunc(ctx, stopSources)()
	defer stopSources()
	defer stopDraining()

	group.Go(func() error { return c.watcher.Run(sources) })
	group.Go(func() error { return c.discovery.Run(sources) })
	group.Go(func() error { return c.sink.await(sources) })
	group.Go(func() error {
		err := c.collector.Run(sources)
		c.dispatcher.Close()
		time.AfterFunc(c.config.ShutdownTimeout, stopDraining)
		return err
	})
	group.Go(func() error {
		defer stopRest()
		return c.dispatcher.Run(draining)
	})
	group.Go(func() error { return c.store.Run(rest) })
	if c.config.Listen != "" {
		group.Go(func() error { return c.server.Run(rest) })
	}
	err := group.Wait()
	if errors.Is(err, errOutputGone) {
		c.log.Info("the reader of standard output has gone")
		return nil
	}
	if held := c.dispatcher.Held(); held > 0 {
		c.log.Warn("stopped before everything was delivered; the next start reads it again", "bytes", held)
	} else if err == nil {
		c.log.Info("stopped, everything is delivered")
	}
	return err
}

// stateDir is where positions are kept: apart for standard output, since what
// was shown on a terminal is not in Loki.
func stateDir(cfg *config.Config) string {
	if cfg.LokiURL == nil {
		return filepath.Join(cfg.StateDir, "stdout")
	}
	return cfg.StateDir
}

// openStore opens the positions of the sink. A state directory has one process,
// whatever its sink: so that of standard output, which lies within, is not all
// that is locked.
func openStore(cfg *config.Config, log *slog.Logger) (store *checkpoint.Store, closeAll func(), err error) {
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

func filter(cfg *config.Config) discover.Filter {
	f := discover.Filter{Self: docker.Self(), IncludeNames: cfg.IncludeName, ExcludeNames: cfg.ExcludeName}
	for _, m := range cfg.IncludeLabel {
		f.IncludeLabels = append(f.IncludeLabels, m)
	}
	for _, m := range cfg.ExcludeLabel {
		f.ExcludeLabels = append(f.ExcludeLabels, m)
	}
	return f
}

// borrowsHost tells that the label host is to be the engine's host: this
// process runs in a container, and nobody has set the label.
func borrowsHost(cfg *config.Config) bool {
	own, err := os.Hostname()
	return docker.Self() != "" && err == nil && cfg.HostLabel == own
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
