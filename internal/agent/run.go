package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/budget"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/exposure"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/page"
	"github.com/lighterman/lighterman/internal/systemd"
)

// service is the running program: what carries logs to each output, and the order in which
// all stops. The first output is that of loki-url, or standard output.
type service struct {
	first   *graph
	others  []*graph
	version string
	server  *status.Server
	pages   *page.Pages
	reload  *reloader
	hangups <-chan os.Signal
}

// Run carries logs until ctx is done.
func (a Agent) Run(ctx context.Context) error {
	started, cfg, log := time.Now(), a.Config, a.Log
	exposure.Warn(cfg, nil, log)
	if _, err := ruleset.Compile(cfg); err != nil {
		return err
	}
	memory := budget.Limit(cfg, log).Divided(cfg)
	for _, text := range memory.Capped(cfg) {
		log.Warn("batches are smaller than asked for", "why", text)
	}
	store, closeStore, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore()
	rules, err := ruleset.New(cfg.PositionsDir(), cfg, log, started)
	if err != nil {
		return err
	}
	server, err := exposure.NewServer(cfg, log)
	if err != nil {
		return err
	}
	first := &graph{config: cfg.WithOutput(nil, 1+len(cfg.Outputs)), log: log, store: store}
	if err := a.newGraph(ctx, first, memory, rules, server.Metrics(), started); err != nil {
		return err
	}
	defer first.close()
	server.Limit(first.pipeline.Connections)
	s := &service{first: first, version: a.Version, server: server, hangups: a.Reload.Hangups}
	defer func() {
		for _, more := range s.others {
			more.close()
		}
	}()
	for i := range cfg.Outputs {
		more, err := a.newOutput(ctx, &cfg.Outputs[i], memory, rules, server.Output(cfg.Outputs[i].Name), started)
		if err != nil {
			return fmt.Errorf("output %s: %w", cfg.Outputs[i].Name, err)
		}
		s.others = append(s.others, more)
	}
	s.reload = a.newReloader(s.all(), rules, server.Metrics().Reloaded)
	server.Metrics().Reloaded(true, started)
	s.observe(started)
	a.newPages(s)
	server.Reload(s.reload.ask)
	return s.run(ctx)
}

// all are the graphs of all outputs, the first one first.
func (s *service) all() []*graph { return append([]*graph{s.first}, s.others...) }

// run starts everything and stops it in the order in which data flows: the
// sources, then the dispatcher, which delivers what it holds as long as the
// shutdown timeout allows, then the last checkpoint and the listener.
func (s *service) run(ctx context.Context) error {
	s.first.log.Info("starting", "version", s.version, "sink", s.first.sink.name(), s.first.pipeline.Source.Name, s.first.pipeline.Source.Place,
		"mode", string(s.first.config.Reading.Mode), "state", s.first.config.PositionsDir())
	if tenant := s.first.config.Loki.Shadow; tenant != "" {
		s.first.log.Info("this is a shadow run: all lines go to this tenant and to no other, and its positions are its own", "shadow-tenant", tenant)
	}
	// Not ctx itself: its end stops the sources only.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	sources, stopSources := context.WithCancel(failed)
	draining, stopDraining := context.WithCancel(failed)
	rest, stopRest := context.WithCancel(failed)
	defer context.AfterFunc(ctx, stopSources)()
	defer stopSources()
	defer stopDraining()

	all := s.all()
	read := afterAll(len(all), func() { time.AfterFunc(s.first.config.Limits.Shutdown, stopDraining) })
	delivered := afterAll(len(all), stopRest)
	for _, g := range all {
		if g.name != "" {
			g.log.Info("starting a further output", "sink", g.sink.name(), "state", g.config.PositionsDir())
		}
		g.run(sources, draining, rest, group, read, delivered)
	}
	group.Go(func() error { return s.first.viewer.Run(sources, rest, stopSources) })
	s.followConfig(sources, group)
	if s.first.config.Listener.Address != "" {
		group.Go(func() error { return s.server.Run(rest) })
		group.Go(func() error { return s.pages.Run(rest) })
	}
	group.Go(func() error { return s.verify().Run(sources) })
	group.Go(func() error {
		return systemd.New(os.Getenv, s.first.log).Run(rest, sources, func() error { return s.first.pipeline.Collector.Alive(collect.AliveTimeout) })
	})
	err := group.Wait()
	if errors.Is(err, errOutputGone) {
		s.first.log.Info("standard output was closed by its reader, exiting")
		return nil
	}
	buffered, refused := 0, 0
	for _, g := range all {
		buffered, refused = buffered+g.pipeline.Dispatcher.Buffered(), refused+g.pipeline.Dispatcher.RefusedLines()
	}
	switch {
	case buffered > 0:
		s.first.log.Warn("stopped before everything was delivered; the next start reads it again", "bytes", buffered)
	case err == nil && refused > 0:
		s.first.log.Warn("stopped; everything is delivered, except for what Loki has refused for good", "refused", refused)
	case err == nil:
		s.first.log.Info("stopped, everything is delivered")
	}
	return err
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
	if cfg.PositionsDir() == cfg.StateDir {
		return outer, closeOuter, nil
	}
	inner, err := checkpoint.Open(cfg.PositionsDir(), log)
	if err != nil {
		closeOuter()
		return nil, nil, err
	}
	return inner, func() { _ = inner.Close(); closeOuter() }, nil
}

// openBreadcrumbs opens what tells what was being read when the last process was killed; nil
// where nothing outlives the process.
func openBreadcrumbs(cfg *config.Config) *checkpoint.Breadcrumbs {
	if dir := cfg.PositionsDir(); dir != "" {
		return checkpoint.OpenBreadcrumbs(dir)
	}
	return nil
}
