package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/target"
)

// carrier is the running program: what carries logs to each output, and the order in which
// all stops. The first output is that of loki-url, or standard output.
type carrier struct {
	*graph
	others  []*graph
	version string
	server  *status.Server
	reload  *reloader
	hangups <-chan os.Signal
}

// Run carries logs until ctx is done.
func (a Agent) Run(ctx context.Context) error {
	started, cfg, log := time.Now(), a.Config, a.Log
	warnInsecure(cfg, nil, log)
	if _, err := stagesOf(cfg); err != nil {
		return err
	}
	memory := limitMemory(cfg, log).forSink(cfg)
	if outputs := 1 + len(cfg.Outputs); outputs > 1 {
		memory = memory.share(outputs)
	}
	store, closeStore, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore()
	rules, err := newInForce(stateDir(cfg), cfg, log, started)
	if err != nil {
		return err
	}
	server, err := newServer(cfg, log)
	if err != nil {
		return err
	}
	first := &graph{config: cfg.WithOutput(nil, 1+len(cfg.Outputs)), log: log, store: store}
	if err := a.newGraph(ctx, first, memory, rules, server.Metrics(), started); err != nil {
		return err
	}
	defer first.close()
	server.Limit(first.connections)
	c := &carrier{graph: first, version: a.Version, server: server, hangups: a.Reload.Hangups}
	defer func() {
		for _, more := range c.others {
			more.close()
		}
	}()
	for i := range cfg.Outputs {
		more, err := a.newOutput(ctx, &cfg.Outputs[i], memory, rules, server.Output(cfg.Outputs[i].Name), started)
		if err != nil {
			return fmt.Errorf("output %s: %w", cfg.Outputs[i].Name, err)
		}
		c.others = append(c.others, more)
	}
	c.reload = a.newReloader(c.all(), rules, server.Metrics().Reloaded)
	server.Metrics().Reloaded(true, started)
	c.observe(started)
	server.Reload(c.reload.ask)
	return c.run(ctx)
}

// all are the graphs of all outputs, the first one first.
func (c *carrier) all() []*graph { return append([]*graph{c.graph}, c.others...) }

// run starts everything and stops it in the order in which data flows: the
// sources, then the dispatcher, which delivers what it holds as long as the
// shutdown timeout allows, then the last checkpoint and the listener.
func (c *carrier) run(ctx context.Context) error {
	c.log.Info("starting", "version", c.version, "sink", c.sink.name(), c.source.name, c.source.place,
		"mode", string(c.config.Reading.Mode), "state", stateDir(c.config))
	// Not ctx itself: its end stops the sources only.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	sources, stopSources := context.WithCancel(failed)
	draining, stopDraining := context.WithCancel(failed)
	rest, stopRest := context.WithCancel(failed)
	defer context.AfterFunc(ctx, stopSources)()
	defer stopSources()
	defer stopDraining()

	all := c.all()
	read := afterAll(len(all), func() { time.AfterFunc(c.config.Limits.Shutdown, stopDraining) })
	delivered := afterAll(len(all), stopRest)
	for _, g := range all {
		if g.name != "" {
			g.log.Info("starting a further output", "sink", g.sink.name(), "state", stateDir(g.config))
		}
		g.run(sources, draining, rest, group, read, delivered)
	}
	group.Go(func() error { return c.look.run(sources, rest, stopSources) })
	c.followConfig(sources, group)
	if c.config.Listener.Address != "" {
		group.Go(func() error { return c.server.Run(rest) })
	}
	group.Go(func() error { return newNotifier(os.Getenv, c.log).Run(rest, sources, c.collector.Alive) })
	err := group.Wait()
	if errors.Is(err, errOutputGone) {
		c.log.Info("standard output was closed by its reader, exiting")
		return nil
	}
	held, refused := 0, 0
	for _, g := range all {
		held, refused = held+g.dispatcher.Held(), refused+g.dispatcher.RefusedLines()
	}
	switch {
	case held > 0:
		c.log.Warn("stopped before everything was delivered; the next start reads it again", "bytes", held)
	case err == nil && refused > 0:
		c.log.Warn("stopped; everything is delivered, except for what Loki has refused for good", "refused", refused)
	case err == nil:
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
	f.Pick = pick(cfg.Containers.Pick)
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
