package host

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/hostfile"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// Files are the files of the host that are collected, beside containers.
type Files struct {
	config *config.Config
	store  FileStore
	Finder *hostfile.Finder
	// labelers are those of the sections; others come with another configuration.
	labelers atomic.Pointer[[]target.FileLabeler]
	// Stages are what the lines of each section go through, and when.
	Stages []*atomic.Pointer[stage.Timeline]
	budget *plain.Budget
	// containers are found beside them.
	containers *target.Discovery
}

// FileStore is what files need of a store.
type FileStore interface {
	hostfile.Store
	Born() time.Time
	Foresee(id string, s logs.Span) (kept int, oldest int64, err error)
	Foreseen(id string) (kept int, oldest int64)
}

const (
	// Silence is after which time a last line without line feed is over.
	Silence = 5 * time.Second
	// openFiles is how many files stay open that are read.
	openFiles = 256
)

// NewFiles makes what finds the files of a configuration; nil where it has none, and where
// somebody looks at containers. own is the state directory of all outputs.
func NewFiles(cfg *config.Config, own string, store FileStore, watcher *watch.Watcher, rules *ruleset.InForce, floor int64, log *slog.Logger) (*Files, error) {
	if len(cfg.Files) == 0 || cfg.Containers.Pick != nil {
		return nil, nil
	}
	labelers, err := fileLabelers(cfg.Files, cfg)
	if err != nil {
		return nil, err
	}
	f := &Files{config: cfg, store: store, budget: &plain.Budget{Keep: openFiles}}
	of := hostfile.Config{Store: store, Open: f.budget.Has, Updated: func() { f.containers.Poke() }, Own: own, Most: cfg.Limits.Files, Born: store.Born(), Floor: floor, Log: log}
	if watcher != nil {
		of.Watcher = watcher
	}
	for i, s := range cfg.Files {
		name := fmt.Sprintf("files[%d]", i)
		of.Sections = append(of.Sections, hostfile.Section{Name: name, Paths: s.Paths, Exclude: s.Exclude, FollowLinks: s.FollowLinks})
		f.Stages = append(f.Stages, rules.Sections[ruleset.Section(&s)])
	}
	f.labelers.Store(&labelers)
	f.Finder = hostfile.New(of)
	return f, nil
}

// fileLabelers makes what gives the files of each section their labels.
func fileLabelers(sections []config.HostFiles, cfg *config.Config) (out []target.FileLabeler, err error) {
	for i, s := range sections {
		l := target.FileLabeler{Host: cfg.Labels.Host, Names: cfg.Labels.Renamed, External: cfg.Labels.External, Labels: maps.Clone(s.Labels), Level: cfg.Labels.Level}
		if len(s.Relabel) > 0 {
			if l.Relabel, err = target.NewRelabel(s.Relabel, nil); err != nil {
				return nil, fmt.Errorf("files[%d]: %w", i, err)
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// ListFiles says which files of the host would be read, and how. It writes nothing.
func ListFiles(cfg *config.Config, log *slog.Logger) (out []status.Container, err error) {
	f, err := NewFiles(cfg, cfg.StateDir, checkpoint.NewMemory(), nil, &ruleset.InForce{}, 0, log)
	if f == nil || err != nil {
		return nil, err
	}
	f.Finder.Look()
	files, _ := f.Finder.Wanted()
	for _, id := range slices.Sorted(maps.Keys(files)) {
		c := files[id]
		made, route := f.Label(c), f.Route(c)
		if made.Dropped == "" {
			out = append(out, status.Container{
				Name: c.Name, ID: c.ID, Driver: c.Driver, Route: route.Kind.String(), Reason: route.Reason, Remarks: Hidden(made.Notes, cfg.Secrets.Scrub),
			})
		}
	}
	return out, nil
}

// Renew makes what of another configuration concerns files and can change while lighterman
// runs: labels, but not the sections. What it returns has them change.
func (f *Files) Renew(next *config.Config) (use func(), err error) {
	if f == nil {
		return func() {}, nil
	}
	labelers, err := fileLabelers(f.config.Files, next)
	return func() {
		f.labelers.Store(&labelers)
		f.Finder.Stir() // the collector asks for labels when it hears of a look
	}, err
}

// Collect has files collected as containers are. below is the number from which on
// descriptors are not for logs.
func (f *Files) Collect(containers *target.Discovery, below int, of *collect.Config) {
	f.containers, f.budget.Below = containers, below
	of.Discovery = everything{of.Discovery, f}
	beside{
		is: logs.IsHostFile, route: f.Route,
		labels: func(c *logs.Container) *logs.Labels { return f.Label(c).Labels },
		begin:  func(c *logs.Container) (logs.Position, bool) { return f.Finder.Begin(c), true },
		stages: func(c *logs.Container) *atomic.Pointer[stage.Timeline] {
			section, _ := f.Finder.SectionOf(c.Name)
			return f.Stages[section]
		},
	}.in(of)
	of.HostFile, of.Store = f.open, leaving{of.Store, f.Finder}
}

// open begins the configuration of a file.
func (f *Files) open(id string) plain.Config {
	r, _ := f.store.Get(id)
	_, inode, made, _ := plain.ParseID(id)
	return plain.Config{
		Inode: inode, Made: made, Spans: r.Spans, Silence: Silence, Budget: f.budget,
		Foresee:  func(s logs.Span) (int, int64, error) { return f.store.Foresee(id, s) },
		Foreseen: func() (int, int64) { return f.store.Foreseen(id) },
		Copied: func(path string, at logs.Position, first uint64) (int64, bool) {
			return f.Finder.Copied(id, path, at, first)
		},
	}
}

// Label returns the labels of a file.
func (f *Files) Label(c *logs.Container) target.Labelled {
	section, glob := f.Finder.SectionOf(c.Name)
	return (*f.labelers.Load())[section].Label(c.Name, glob)
}

// Route says how a file is read, and why.
func (f *Files) Route(c *logs.Container) logs.Route {
	if c.Problem != "" {
		return logs.Route{Reason: c.Problem}
	}
	section, glob := f.Finder.SectionOf(c.Name)
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
	containers collect.Discovery
	files      *Files
}

// Updates implements collect.Discovery.
func (e everything) Updates() <-chan struct{} { return e.containers.Updates() }

// Known implements collect.Discovery.
func (e everything) Known() bool { return e.containers.Known() && e.files.Finder.Known() }

// Complete implements collect.Discovery.
func (e everything) Complete() bool { return e.containers.Complete() }

// Wanted implements collect.Discovery. Files do not wait for an engine that does not answer.
func (e everything) Wanted() (set map[string]*logs.Container, known bool) {
	set, known = e.containers.Wanted()
	if !known {
		set = nil
	}
	files, found := e.files.Finder.Wanted()
	if set == nil {
		set = make(map[string]*logs.Container, len(files))
	}
	for id, c := range files {
		if e.files.Label(c).Dropped == "" {
			set[id] = c
		}
	}
	return set, known && found
}

// Exists implements collect.Discovery. What is not known yet may be there.
func (e everything) Exists(id string) bool {
	if logs.IsHostFile(id) {
		return e.files.Finder.Exists(id)
	}
	return !e.containers.Known() || e.containers.Exists(id)
}

// Excluded implements collect.Discovery.
func (e everything) Excluded(id string) bool {
	if logs.IsHostFile(id) {
		return e.files.Finder.Excluded(id)
	}
	return e.containers.Excluded(id)
}

// Refresh implements collect.Discovery.
func (e everything) Refresh(id string) {
	if logs.IsHostFile(id) {
		e.files.Finder.Stir()
		return
	}
	e.containers.Refresh(id)
}

var _ FileStore = (*checkpoint.Store)(nil)
