package examine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// Kind is what a log is of.
type Kind string

// The kinds.
const (
	OfContainer Kind = "container"
	OfFile      Kind = "file"
	OfJournal   Kind = "journal"
)

// Subject is a log that is held against what Loki has. What is of the host is a container here,
// too, as it is where logs are collected.
type Subject struct {
	Container *logs.Container
	Kind      Kind
	// Title is what it is called: the container's name, the file's first path and where it is
	// now, or journal:NAME.
	Title string
	Route logs.Route
	// Unread is why it is not compared; empty otherwise.
	Unread   string
	Timeline producer.Timeline
	// LabelsNow are those that it would get now, if it is of a container.
	LabelsNow *logs.Labels
	Stages    *atomic.Pointer[stage.Timeline]
	// Naming are the labels by which its entries are found.
	Naming []string
}

// hosts are the files of the host and the sections of its journal.
type hosts struct {
	files    *host.Files
	journals *host.Journals
}

// look finds them. own is the state directory of all outputs.
func (h *hosts) look(x *Examiner, own string) (err error) {
	cfg, log := x.Service.Config, x.Service.Log
	if h.files, err = host.NewFiles(cfg, own, lookedStore{x.View}, nil, x.Force, x.floor, log); err != nil {
		return err
	}
	if h.files != nil {
		h.files.Finder.Look()
	}
	h.journals, err = host.NewJournals(cfg, x.Host.Journal, nil, x.Force, x.Now, log)
	return err
}

func (h *hosts) close() {
	if h.journals != nil {
		h.journals.Close()
	}
}

// lookedStore is the positions of a service that another process runs.
type lookedStore struct{ *checkpoint.View }

// IDs implements host.FileStore, as all below.
func (s lookedStore) IDs() []string { return slices.Sorted(maps.Keys(s.Records)) }

// Get returns what is known of a file.
func (s lookedStore) Get(id string) (checkpoint.Record, bool) {
	r, known := s.Records[id]
	return r, known
}

// Inherit does nothing: the service will.
func (lookedStore) Inherit(string, string, func(*checkpoint.Record)) {}

// Born is when the service was first started here.
func (s lookedStore) Born() time.Time { return s.View.Born }

// Foresee writes nothing down.
func (lookedStore) Foresee(string, logs.Span) (kept int, oldest int64, err error) { return 0, 0, nil }

// Foreseen is for who sends lines.
func (lookedStore) Foreseen(string) (kept int, oldest int64) { return 0, 0 }

// subjects are the logs to compare.
func (x *Examiner) subjects() (out []*Subject, err error) {
	files, journals := x.files(), x.journals()
	if len(x.Scope.Names) == 0 {
		for _, decided := range x.Host.Targets {
			if decided.Chosen() {
				out = append(out, x.container(decided))
			}
		}
		return slices.Concat(out, files, journals), nil
	}
	add := func(more ...*Subject) {
		for _, s := range more {
			if !slices.ContainsFunc(out, func(other *Subject) bool { return other.Container.ID == s.Container.ID }) {
				out = append(out, s)
			}
		}
	}
	for _, name := range x.Scope.Names {
		of := slices.DeleteFunc(slices.Concat(files, journals), func(s *Subject) bool { return !s.called(name) })
		add(of...)
		if len(of) > 0 {
			continue
		}
		found, err := x.Host.Find(name)
		if err != nil {
			return nil, x.unknown(name, err, slices.Concat(files, journals))
		}
		for _, decided := range found {
			add(x.container(decided))
		}
	}
	return out, nil
}

// called reports whether something of the host is meant by a name.
func (s *Subject) called(name string) bool {
	return s.Container.ID == name || s.Kind == OfFile && (s.Container.Name == name || s.Container.Path == name)
}

// unknown names the file, or the section of the journal, that was meant.
func (x *Examiner) unknown(name string, err error, of []*Subject) error {
	names := make([]string, len(of))
	for i, s := range of {
		names[i] = s.Title
	}
	hosts := strings.HasPrefix(name, "/") || logs.IsHostJournal(name)
	if near := nearest.Name(name, names); near != "" && hosts {
		return fmt.Errorf("nothing that is collected is called %q; did you mean %q?", name, near)
	}
	if hosts && len(names) > 0 {
		return errors.Join(fmt.Errorf("nothing that is collected is called %q", name), err)
	}
	return err
}

// kept returns the labels of a log by time: those of the service, or else those that it would
// have.
func (x *Examiner) kept(id string, labels *logs.Labels) producer.Timeline {
	if kept := x.View.Records[id].Labels; len(kept) > 0 {
		return kept
	}
	return producer.Timeline{{Labels: labels}}
}

func (x *Examiner) container(decided *target.Target) *Subject {
	c := decided.Container
	s := &Subject{
		Container: c, Kind: OfContainer, Title: c.Name, Route: x.Host.Source.Rules.Route(c),
		Timeline: x.kept(c.ID, decided.Labels), LabelsNow: decided.Labels, Stages: &x.Force.Timeline, Naming: x.OwnNames,
	}
	switch {
	case !decided.Chosen():
		s.Unread = "lighterman does not collect it: " + decided.Excluded
	case s.Route.Kind == logs.Unreadable:
		s.Unread = s.Route.Reason
	}
	return s
}

// files are those of the host that are collected, by their paths.
func (x *Examiner) files() (out []*Subject) {
	f := x.hosts.files
	if f == nil {
		return nil
	}
	wanted, _ := f.Finder.Wanted()
	shared := make(map[string][]*Subject)
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		c := wanted[id]
		made := f.Label(c)
		if made.Dropped != "" {
			continue
		}
		section, _ := f.Finder.SectionOf(c.Name)
		s := &Subject{Container: c, Kind: OfFile, Title: c.Name, Route: f.Route(c), Timeline: x.kept(id, made.Labels), Stages: f.Stages[section]}
		if c.Path != c.Name {
			s.Title = fmt.Sprintf("%s (now %s)", c.Name, c.Path)
		}
		if s.Route.Kind == logs.Unreadable {
			s.Unread = s.Route.Reason
		}
		s.Naming = allNames(s.Timeline.Newest())
		// Rotation makes several files of one name, and these have the same labels.
		key := s.Timeline.Newest().Selector(logs.Stdout)
		for _, other := range shared[key] {
			if other.Container.Name != c.Name {
				const why = "its lines have the same labels as those of %s, and cannot be told from them: keep the label filename"
				s.Unread, other.Unread = fmt.Sprintf(why, other.Container.Name), fmt.Sprintf(why, c.Name)
			}
		}
		shared[key] = append(shared[key], s)
		out = append(out, s)
	}
	return out
}

// SectionOf returns the number of the section that a file is of.
func (x *Examiner) SectionOf(path string) int {
	section, _ := x.hosts.files.Finder.SectionOf(path)
	return section
}

// journals are the sections of the host's journal.
func (x *Examiner) journals() (out []*Subject) {
	h := x.hosts.journals
	if h == nil {
		return nil
	}
	bases := make(map[string]int)
	for i, c := range h.InOrder() {
		base := h.Base(i)
		s := &Subject{Container: c, Kind: OfJournal, Title: c.ID, Route: h.Route(c), Timeline: x.kept(c.ID, base), Stages: h.Stages[i], Naming: allNames(base)}
		if s.Route.Kind == logs.Unreadable {
			s.Unread = s.Route.Reason
		}
		bases[base.Selector(logs.Stdout)]++
		out = append(out, s)
	}
	for i, s := range out {
		if bases[h.Base(i).Selector(logs.Stdout)] > 1 {
			s.Naming = nil // all labels of each entry, as another section has these
		}
	}
	return out
}

// allNames are the names of labels.
func allNames(of *logs.Labels) []string {
	names := make([]string, len(of.Pairs))
	for i, p := range of.Pairs {
		names[i] = p.Name
	}
	return names
}

// IDName is what the container's ID is called among the labels and metadata.
func IDName(t producer.Timeline, id string) string {
	for _, l := range t {
		for _, p := range slices.Concat(l.Labels.Metadata, l.Labels.Pairs) {
			if p.Value == id {
				return p.Name
			}
		}
	}
	return ""
}
