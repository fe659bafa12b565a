package host

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// Source is where containers and their logs come from: an engine, or without one
// the directory of its containers.
type Source struct {
	// Name is its kind, and place its address or path.
	Name, Place string
	discover    target.Source
	Engine      collect.Engine
	// relist is how often everything is looked at, as a net under what is told.
	relist time.Duration
	peek   func(id string) *logs.Container
	// Rules decide which containers are collected, with which labels and by which route.
	Rules *target.Rules
	// keep says which labels of containers they ask for.
	keep *kept
	// rest lets go of what many questions in a row need; it may be nil.
	rest func()
	// listed is told of each list; it may be nil.
	listed func(ctx context.Context, ids []string)
	// Files says why no log can be read from files, where nothing else may be read; it may
	// be nil.
	Files func() error
	Close func()
}

// NewSource makes what docker-host asks for. host is the journal, nil where it is not
// to be read. learned is told the data root once it is known.
func NewSource(ctx context.Context, cfg *config.Config, watcher *watch.Watcher, host *journal.Journal, log *slog.Logger, learned func(root string)) (*Source, error) {
	if cfg.Docker.Host == config.NoEngine {
		var dirs docker.Watcher
		if watcher != nil {
			dirs = watcher
		}
		return newDirectory(cfg, log, dirs, host, learned)
	}
	rules, err := rulesOf(cfg, log)
	if err != nil {
		return nil, err
	}
	keep := keepFor(LabelsInUse(cfg, rules.Labeler.Relabel))
	engine, err := docker.New(cfg.Docker.Host, keep.uses, log)
	if err != nil {
		return nil, err
	}
	info := &engineInfo{engine: engine, log: log, root: cfg.Docker.Root, learned: learned, asking: make(chan struct{}, 1)}
	rules.Policy.Journal = journalRoute(host, engine.Host())
	rules.Engine, rules.BorrowHost = info.known(ctx), borrowsHost(cfg)
	files := &reach{info: info, log: log, only: cfg.Reading.Mode == config.FileOnly}
	out := &Source{
		Name: "engine", relist: 3 * time.Minute, Place: cfg.Secrets.Scrub(engine.Host()), discover: engine, Engine: engine,
		peek: info.peek(ctx, keep.uses), Rules: rules, keep: keep,
		rest: engine.Rest, Close: engine.Rest,
	}
	if cfg.Reading.Mode != config.StreamOnly {
		out.listed = files.look
	}
	if files.only {
		out.Files = files.problem
	}
	return out, nil
}

// NewWatcher makes what tells of changes of files; nil where none is to be had, and
// everything has to be polled.
func NewWatcher(log *slog.Logger) *watch.Watcher {
	watcher, err := watch.New()
	if err != nil {
		log.Warn("cannot watch files for changes, looking at all of them once a second instead: new lines and containers are seen up to a second later; restart lighterman when the cause is gone", "error", err)
		return nil
	}
	return watcher
}

// Discovery makes what finds the containers to collect. It does not connect. early has it
// return those that it has found while it looks for the others.
func (s *Source) Discovery(log *slog.Logger, early bool) *target.Discovery {
	return target.New(target.Config{Source: s.discover, Name: s.Name, Early: early, Relist: s.relist, Rules: s.Rules, Peek: s.peek, Rest: s.rest, Listed: s.listed, Log: log})
}

// rulesOf are the rules of a configuration, of which nothing of the engine is known yet.
func rulesOf(cfg *config.Config, log *slog.Logger) (*target.Rules, error) {
	rules := &target.Rules{
		Filter:      filter(cfg),
		Labeler:     target.Labeler{Host: cfg.Labels.Host, External: cfg.Labels.External, Names: cfg.Labels.Renamed, Level: cfg.Labels.Level},
		Policy:      target.Policy{Mode: target.Mode(cfg.Reading.Mode), FilePercent: cfg.Reading.FilePercent},
		Owner:       ownerOf(cfg, nil),
		Cardinality: target.NewCardinality(0, target.Names(cfg.Labels.Renamed).Own(), crowded(cfg)),
	}
	if len(cfg.Labels.Relabel)+len(cfg.Labels.Metadata) == 0 {
		return rules, nil
	}
	relabel, err := target.NewRelabel(cfg.Labels.Relabel, cfg.Labels.Metadata)
	if err != nil {
		return nil, err
	}
	for _, note := range relabel.Notes() {
		log.Warn("a rule asks for a label that no container has", "reason", note)
	}
	rules.Labeler.Relabel = relabel
	rules.Owner = ownerOf(cfg, relabel)
	return rules, nil
}

// ownerOf says what owners of containers may ask for.
func ownerOf(cfg *config.Config, relabel *target.Relabel) *owner.Rules {
	chosen := chosenBy(cfg)
	return owner.New(cfg.Labels.FromContainers, func(label string) bool { return slices.Contains(chosen, label) || relabel.Uses(label) })
}

// chosenBy returns the labels by which containers are chosen.
func chosenBy(cfg *config.Config) (names []string) {
	for _, m := range slices.Concat(cfg.Containers.IncludeLabel, cfg.Containers.ExcludeLabel) {
		names = append(names, m.Key)
	}
	if p := cfg.Containers.Pick; p != nil {
		for _, m := range p.Labels {
			names = append(names, m.Key)
		}
	}
	return names
}

// crowded reports which labels become structured metadata when they have very many values.
func crowded(cfg *config.Config) func(label string) bool {
	if len(cfg.Labels.Crowded) == 0 {
		return nil
	}
	return func(label string) bool { return slices.Contains(cfg.Labels.Crowded, label) }
}

// Renew makes the rules of another configuration, with all that is not of the configuration.
// What it returns has them decide.
func (s *Source) Renew(cfg *config.Config, log *slog.Logger) (use func(*target.Discovery), err error) {
	next, err := rulesOf(cfg, log)
	if err != nil {
		return nil, err
	}
	next.Policy, next.Engine, next.Cardinality = s.Rules.Policy, s.Rules.Engine, s.Rules.Cardinality
	next.BorrowHost = s.Rules.Engine != nil && borrowsHost(cfg)
	return func(d *target.Discovery) {
		next.Cardinality.Reconsider(target.Names(cfg.Labels.Renamed).Own(), crowded(cfg))
		s.keep.change(LabelsInUse(cfg, next.Labeler.Relabel))
		d.Use(next)
	}, nil
}

// LabelsInUse reports which labels of containers have a meaning: to us, or in the choice of
// containers.
func LabelsInUse(cfg *config.Config, relabel *target.Relabel) docker.Keep {
	names := append(target.LabelsInUse(), chosenBy(cfg)...)
	return func(label string) bool {
		return slices.Contains(names, label) || owner.Keeps(label) || relabel.Uses(label)
	}
}

// newDirectory makes the source that needs no engine, and no Docker client.
func newDirectory(cfg *config.Config, log *slog.Logger, watcher docker.Watcher, host *journal.Journal, learned func(root string)) (*Source, error) {
	root := rootWithoutEngine(cfg, log)
	learned(root)
	rules, err := rulesOf(cfg, log)
	if err != nil {
		return nil, err
	}
	rules.Policy.Root, rules.Policy.NoEngine, rules.Policy.Journal = root, true, journalRoute(host, "")
	if borrowsHost(cfg) {
		log.Warn("the host label is the name of lighterman's own container, because no engine can be asked: set host-label", "host", cfg.Labels.Host)
	}
	keep := keepFor(LabelsInUse(cfg, rules.Labeler.Relabel))
	directory := docker.NewDirectory(root, watcher, keep.uses, log)
	return &Source{
		// Network file systems tell nothing of what happens in them.
		Name: "directory", relist: time.Minute, Place: ContainersDir(root), discover: directory, Engine: noEngine{},
		peek: storedIn(root, keep.uses), Rules: rules, keep: keep, Close: func() {},
	}, nil
}

// rootWithoutEngine is the engine's data root when there is no engine to ask.
func rootWithoutEngine(cfg *config.Config, log *slog.Logger) string {
	root, others := docker.FindRoot(cfg.Docker.Root)
	if len(others) > 0 {
		log.Warn("found several Docker data roots and reads only one: set docker-root", "root", root, "others", others)
	}
	return root
}

// storedIn returns the look at what the engine has on disk of a container.
func storedIn(root string, keep docker.Keep) func(id string) *logs.Container {
	return func(id string) *logs.Container {
		c, err := docker.Stored(root, id, keep)
		if err != nil {
			return nil // gone, or not for us to read: an inspection will tell
		}
		return c
	}
}

// noEngine is the engine of those who do without. No route leads to it.
type noEngine struct{}

// SkipsRotated implements collect.Engine.
func (noEngine) SkipsRotated() bool { return false }

// Logs implements collect.Engine.
func (noEngine) Logs(context.Context, string, int64) (io.ReadCloser, error) {
	return nil, logs.ErrUnreadable
}

// Tail implements collect.Engine.
func (noEngine) Tail(context.Context, string, int) (io.ReadCloser, error) {
	return nil, logs.ErrUnreadable
}

// Last implements collect.Engine.
func (noEngine) Last(context.Context, string) (io.ReadCloser, error) {
	return nil, logs.ErrUnreadable
}

// Newest implements collect.Engine.
func (noEngine) Newest(context.Context, string, bool, int64) (int64, error) {
	return 0, logs.ErrUnreadable
}

// Decide gives labels to a container that is not there.
func Decide(cfg *config.Config, log *slog.Logger, c *logs.Container) (*target.Target, error) {
	rules, err := rulesOf(cfg, log)
	if err != nil {
		return nil, err
	}
	return rules.Decide(c), nil
}
