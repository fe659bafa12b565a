package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/route"
	"github.com/lighterman/lighterman/internal/tail"
)

// source is where containers and their logs come from: an engine, or without one
// the directory of its containers.
type source struct {
	// name is its kind, and place its address or path.
	name, place string
	discover    discover.Source
	engine      collect.Engine
	// relist is how often everything is looked at, as a net under what is told.
	relist time.Duration
	peek   func(id string) *logs.Container
	route  func(*logs.Container) logs.Route
	// routeBy is route as it would be in another mode.
	routeBy func(config.Mode) func(*logs.Container) logs.Route
	labels  func(*logs.Container) *logs.Labels
	// rest lets go of what many questions in a row need; it may be nil.
	rest  func()
	close func()
}

// newSource makes what docker-host asks for. host is the journal, nil where it is not
// to be read. learned is told the data root once it is known.
func newSource(ctx context.Context, cfg *config.Config, watcher *tail.Watcher, host *journal.Journal, log *slog.Logger, learned func(root string)) (*source, error) {
	if cfg.DockerHost == config.NoEngine {
		return newDirectory(cfg, log, watcher, host, learned), nil
	}
	engine, err := docker.New(cfg.DockerHost)
	if err != nil {
		return nil, err
	}
	policy, labeler := policyOf(cfg), labelerOf(cfg)
	policy.Journal = journalRoute(host, engine.Host())
	info := &engineInfo{engine: engine, log: log, root: cfg.DockerRoot, learned: learned}
	routeBy := func(mode config.Mode) func(*logs.Container) logs.Route { return info.route(ctx, inMode(policy, mode)) }
	return &source{
		name: "engine", relist: 3 * time.Minute, place: engine.Host(), discover: engine, engine: engine,
		peek: info.peek(ctx), route: routeBy(cfg.Mode), routeBy: routeBy, labels: info.labels(ctx, labeler, borrowsHost(cfg)),
		rest: engine.Rest, close: func() { _ = engine.Close() },
	}, nil
}

// discovery makes what finds the containers to collect. It does not connect.
func (s *source) discovery(cfg *config.Config, log *slog.Logger) *discover.Discovery {
	return discover.New(discover.Config{Source: s.discover, Name: s.name, Relist: s.relist, Filter: filter(cfg), Peek: s.peek, Rest: s.rest, Log: log})
}

func policyOf(cfg *config.Config) route.Policy {
	return route.Policy{Mode: route.Mode(cfg.Mode), FilePercent: cfg.FilePercent}
}

// inMode is a policy in another mode.
func inMode(policy route.Policy, mode config.Mode) route.Policy {
	policy.Mode = route.Mode(mode)
	return policy
}

func labelerOf(cfg *config.Config) discover.Labeler {
	return discover.Labeler{Host: cfg.HostLabel, External: cfg.ExternalLabels}
}

// newDirectory makes the source that needs no engine, and no Docker client.
func newDirectory(cfg *config.Config, log *slog.Logger, watcher docker.Watcher, host *journal.Journal, learned func(root string)) *source {
	root := rootWithoutEngine(cfg, log)
	learned(root)
	policy := policyOf(cfg)
	policy.Root, policy.NoEngine, policy.Journal = root, true, journalRoute(host, "")
	if borrowsHost(cfg) {
		log.Warn("the label host is the name of lighterman's own container, as there is no engine to ask: set host-label", "host", cfg.HostLabel)
	}
	directory := docker.NewDirectory(root, watcher, log)
	return &source{
		// Network file systems tell nothing of what happens in them.
		name: "directory", relist: time.Minute, place: containersDir(root), discover: directory, engine: noEngine{},
		peek: storedIn(root), route: policy.Decide, labels: labelerOf(cfg).Labels, close: func() {},
		routeBy: func(mode config.Mode) func(*logs.Container) logs.Route { return inMode(policy, mode).Decide },
	}
}

// rootWithoutEngine is the engine's data root when there is no engine to ask.
func rootWithoutEngine(cfg *config.Config, log *slog.Logger) string {
	root, others := docker.FindRoot(cfg.DockerRoot)
	if len(others) > 0 {
		log.Warn("there are several data roots of Docker, and one is read: set docker-root", "root", root, "others", others)
	}
	return root
}

// storedIn returns the look at what the engine has on disk of a container.
func storedIn(root string) func(id string) *logs.Container {
	return func(id string) *logs.Container {
		c, err := docker.Stored(root, id)
		if err != nil {
			return nil // gone, or not for us to read: an inspection will tell
		}
		return c
	}
}

// noEngine is the engine of those who do without. No route leads to it.
type noEngine struct{}

// Logs implements collect.Engine.
func (noEngine) Logs(context.Context, string, int64) (io.ReadCloser, error) {
	return nil, logs.ErrUnreadable
}

// Tail implements collect.Engine.
func (noEngine) Tail(context.Context, string, int) (io.ReadCloser, error) {
	return nil, logs.ErrUnreadable
}

// Newest implements collect.Engine.
func (noEngine) Newest(context.Context, string, bool, int64) (int64, error) {
	return 0, logs.ErrUnreadable
}
