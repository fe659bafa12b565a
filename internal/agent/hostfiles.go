package agent

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/hostfile"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// hostFiles are the files of the host that are collected, beside containers.
type hostFiles struct {
	config   *config.Config
	store    fileStore
	finder   *hostfile.Finder
	labelers []target.FileLabeler
	// stages are what the lines of each section go through; nil for nothing.
	stages []*stage.Pipeline
	budget *plain.Budget
	// containers are found beside them.
	containers *target.Discovery
}

// fileStore is what files need of a store.
type fileStore interface {
	hostfile.Store
	Born() time.Time
	Foresee(id string, s logs.Span) (kept int, oldest int64, err error)
	Foreseen(id string) (kept int, oldest int64)
}

const (
	// silence is after which time a last line without line feed is over.
	silence = 5 * time.Second
	// openFiles is how many files stay open that are read.
	openFiles = 256
)

// newHostFiles makes what finds the files of a configuration; nil where it has none. all is
// what the lines of sections go through that have no stages of their own.
func newHostFiles(cfg *config.Config, store fileStore, watcher *watch.Watcher, all *stage.Pipeline, floor int64, log *slog.Logger) (*hostFiles, error) {
	if len(cfg.Files) == 0 {
		return nil, nil
	}
	f := &hostFiles{config: cfg, store: store, budget: &plain.Budget{Keep: openFiles}}
	of := hostfile.Config{Store: store, Open: f.budget.Has, Updated: func() { f.containers.Poke() }, Own: stateDir(cfg), Most: cfg.Limits.Files, Born: store.Born(), Floor: floor, Log: log}
	if watcher != nil {
		of.Watcher = watcher
	}
	for i, s := range cfg.Files {
		name := fmt.Sprintf("files[%d]", i)
		of.Sections = append(of.Sections, hostfile.Section{Name: name, Paths: s.Paths, Exclude: s.Exclude, FollowLinks: s.FollowLinks})
		labeler := target.FileLabeler{Host: cfg.Labels.Host, External: cfg.Labels.External, Labels: maps.Clone(s.Labels)}
		if len(s.Relabel) > 0 {
			relabel, err := target.NewRelabel(s.Relabel, nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			labeler.Relabel = relabel
		}
		f.labelers = append(f.labelers, labeler)
		pipeline := all
		if s.OwnStages {
			var err error
			if pipeline, err = compiled(s.Stages, name+".stages"); err != nil {
				return nil, err
			}
		}
		f.stages = append(f.stages, pipeline)
	}
	f.finder = hostfile.New(of)
	return f, nil
}

// collect has files collected as containers are. below is the number from which on
// descriptors are not for logs.
func (f *hostFiles) collect(containers *target.Discovery, below int, of *collect.Config) {
	f.containers, f.budget.Below = containers, below
	route, begin, stages := of.Route, of.Begin, of.Stages
	of.Discovery = everything{containers, f}
	of.Route = func(c *logs.Container) logs.Route {
		if logs.IsHostFile(c.ID) {
			return f.route(c)
		}
		return route(c)
	}
	of.Labels = func(c *logs.Container) *logs.Labels {
		if logs.IsHostFile(c.ID) {
			return f.label(c).Labels
		}
		return containers.Labels(c)
	}
	of.Begin = func(c *logs.Container) (logs.Position, bool) {
		switch {
		case logs.IsHostFile(c.ID):
			return f.finder.Begin(c), true
		case begin != nil:
			return begin(c)
		}
		return logs.Position{}, false
	}
	of.StagesOf = func(c *logs.Container) *stage.Pipeline {
		if logs.IsHostFile(c.ID) {
			section, _ := f.finder.SectionOf(c.Name)
			return f.stages[section]
		}
		return stages
	}
	of.HostFile, of.Store = f.open, leaving{of.Store, f.finder}
}

// open begins the configuration of a file.
func (f *hostFiles) open(id string) plain.Config {
	r, _ := f.store.Get(id)
	_, inode, made, _ := plain.ParseID(id)
	return plain.Config{
		Inode: inode, Made: made, Spans: r.Spans, Silence: silence, Budget: f.budget,
		Foresee:  func(s logs.Span) (int, int64, error) { return f.store.Foresee(id, s) },
		Foreseen: func() (int, int64) { return f.store.Foreseen(id) },
		Copied: func(path string, at logs.Position, first uint64) bool {
			return f.finder.Copied(id, path, at, first)
		},
	}
}

func (f *hostFiles) label(c *logs.Container) target.Labelled {
	section, glob := f.finder.SectionOf(c.Name)
	return f.labelers[section].Label(c.Name, glob)
}

func (f *hostFiles) route(c *logs.Container) logs.Route {
	if c.Problem != "" {
		return logs.Route{Reason: c.Problem}
	}
	section, glob := f.finder.SectionOf(c.Name)
	reason := fmt.Sprintf("files[%d] names it (%s)", section, glob)
	if c.Path != c.Name {
		reason += "; it is " + c.Path + " now"
	}
	return logs.Route{Kind: logs.HostFile, Path: c.Path, Reason: reason}
}

// leaving has what comes of a file found before the file is forgotten.
type leaving struct {
	collect.Store
	finder *hostfile.Finder
}

// Forget implements collect.Store.
func (l leaving) Forget(id string) {
	if logs.IsHostFile(id) {
		l.finder.Left(id)
	}
	l.Store.Forget(id)
}

// everything is what is collected: containers, and files of the host.
type everything struct {
	containers *target.Discovery
	files      *hostFiles
}

// Updates implements collect.Discovery.
func (e everything) Updates() <-chan struct{} { return e.containers.Updates() }

// Wanted implements collect.Discovery. Files do not wait for an engine that does not answer.
func (e everything) Wanted() (set map[string]*logs.Container, known bool) {
	set, known = e.containers.Wanted()
	if !known {
		set = nil
	}
	files, found := e.files.finder.Wanted()
	if set == nil {
		set = make(map[string]*logs.Container, len(files))
	}
	for id, c := range files {
		if e.files.label(c).Dropped == "" {
			set[id] = c
		}
	}
	return set, known && found
}

// Exists implements collect.Discovery. What is not known yet may be there.
func (e everything) Exists(id string) bool {
	if logs.IsHostFile(id) {
		return e.files.finder.Exists(id)
	}
	_, known := e.containers.Wanted()
	return !known || e.containers.Exists(id)
}

// Excluded implements collect.Discovery.
func (e everything) Excluded(id string) bool {
	if logs.IsHostFile(id) {
		return e.files.finder.Excluded(id)
	}
	return e.containers.Excluded(id)
}

// Refresh implements collect.Discovery.
func (e everything) Refresh(id string) {
	if logs.IsHostFile(id) {
		e.files.finder.Stir()
		return
	}
	e.containers.Refresh(id)
}

var _ fileStore = (*checkpoint.Store)(nil)
