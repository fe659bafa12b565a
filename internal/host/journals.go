package host

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// Journals are the sections of the host's journal that are collected, beside containers.
type Journals struct {
	sections []config.HostJournal
	journal  *journal.Journal
	// Close closes the journal, where it is not that of containers.
	Close func()
	// labelers are those of the sections; others come with another configuration.
	labelers   atomic.Pointer[[]target.JournalLabeler]
	Stages     []*atomic.Pointer[stage.Timeline]
	containers map[string]*logs.Container
	started    time.Time
}

// NewJournals makes what reads the sections of a configuration; nil where it has none, and
// where somebody looks at containers. host is the journal of containers, nil where that is not
// read.
func NewJournals(cfg *config.Config, host *journal.Journal, watcher *watch.Watcher, rules *ruleset.InForce, started time.Time, log *slog.Logger) (*Journals, error) {
	if len(cfg.HostJournals) == 0 || cfg.Containers.Pick != nil {
		return nil, nil
	}
	labelers, err := journalLabelers(cfg.HostJournals, cfg)
	if err != nil {
		return nil, err
	}
	h := &Journals{sections: cfg.HostJournals, journal: host, Close: func() {}, containers: make(map[string]*logs.Container), started: started}
	if host == nil {
		own := *cfg
		own.Reading.Mode = config.Hybrid // the mode is for containers
		if h.journal, h.Close = OpenJournal(&own, watcher, log); h.journal == nil {
			return nil, fmt.Errorf("%s: journal[0]: there are sections of the journal, and journal-dir is none: remove one of them", cfg.HostJournals[0].Pos.File)
		}
	}
	for i, s := range cfg.HostJournals {
		id := logs.HostJournalID + s.Name
		h.containers[id] = &logs.Container{ID: id, Name: s.Name, Driver: logs.HostJournalDriver, Running: true}
		h.Stages = append(h.Stages, rules.Sections[ruleset.JournalSection(&s)])
		for _, note := range labelers[i].Notes() {
			log.Warn("a rule for the journal has no effect", "section", s.Name, "reason", note)
		}
	}
	h.labelers.Store(&labelers)
	return h, nil
}

func journalLabelers(sections []config.HostJournal, cfg *config.Config) (out []target.JournalLabeler, err error) {
	for i, s := range sections {
		l := target.JournalLabeler{Host: cfg.Labels.Host, Names: cfg.Labels.Renamed, External: cfg.Labels.External, Labels: s.Labels, Levels: config.Priorities}
		if len(s.Relabel) > 0 {
			if l.Relabel, err = target.NewRelabel(s.Relabel, nil); err != nil {
				return nil, fmt.Errorf("journal[%d]: %w", i, err)
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// ListJournals says which sections of the host's journal would be read. It writes nothing.
func ListJournals(cfg *config.Config, host *journal.Journal, log *slog.Logger) (out []status.Container, err error) {
	h, err := NewJournals(cfg, host, nil, &ruleset.InForce{}, time.Time{}, log)
	if h == nil || err != nil {
		return nil, err
	}
	defer h.Close()
	for _, c := range h.InOrder() {
		route := h.Route(c)
		out = append(out, status.Container{Name: c.Name, ID: c.ID, Driver: c.Driver, Route: route.Kind.String(), Reason: route.Reason})
	}
	return out, nil
}

// Renew makes the labels of another configuration, as far as they can change while lighterman
// runs. What it returns has them change.
func (h *Journals) Renew(next *config.Config) (use func(), err error) {
	if h == nil {
		return func() {}, nil
	}
	labelers, err := journalLabelers(h.sections, next)
	return func() { h.labelers.Store(&labelers) }, err
}

// section returns the number of the section that an ID is of.
func (h *Journals) section(id string) int {
	for i, s := range h.sections {
		if ruleset.JournalSection(&s) == id {
			return i
		}
	}
	return 0 // not reached: all IDs are of these sections
}

// Collect has the sections collected as containers are.
func (h *Journals) Collect(of *collect.Config) {
	of.Discovery = withJournals{of.Discovery, h}
	beside{
		is: logs.IsHostJournal, route: h.Route,
		labels: func(c *logs.Container) *logs.Labels { return h.Base(h.section(c.ID)) },
		begin: func(c *logs.Container) (logs.Position, bool) {
			age := h.sections[h.section(c.ID)].MaxAge
			return logs.Position{Since: h.started.Add(-age).UnixNano()}, age > 0
		},
		stages: func(c *logs.Container) *atomic.Pointer[stage.Timeline] { return h.Stages[h.section(c.ID)] },
	}.in(of)
	of.HostJournal = h.Open
}

// InOrder returns the sections in their order.
func (h *Journals) InOrder() (out []*logs.Container) {
	for _, s := range h.sections {
		out = append(out, h.containers[ruleset.JournalSection(&s)])
	}
	return out
}

// Base returns the labels that all entries of a section get.
func (h *Journals) Base(section int) *logs.Labels { return (*h.labelers.Load())[section].Base() }

// Open returns what is read of the journal for a section.
func (h *Journals) Open(id string) (*journal.Journal, *journal.Selection) {
	i := h.section(id)
	s := &h.sections[i]
	fields := (*h.labelers.Load())[i].Fields()
	out := &journal.Selection{
		CurrentBoot: s.CurrentBoot, Containers: s.Containers, Fields: fields,
		Label:   func(values []string) *logs.Extra { return (*h.labelers.Load())[i].Label(fields, values) },
		Version: func() any { return h.labelers.Load() },
	}
	for _, m := range s.Match {
		out.Match = append(out.Match, journal.Match{Field: m.Field, Values: m.Values})
	}
	return h.journal, out
}

// Route says how a section is read, and why.
func (h *Journals) Route(c *logs.Container) logs.Route {
	if err := h.journal.Readable(); err != nil {
		return logs.Route{Reason: "cannot read the host's journal: " + err.Error() + "; journal-dir says where it is, and the group systemd-journal may read it", Fallback: true}
	}
	return logs.Route{Kind: logs.HostJournal, Reason: fmt.Sprintf("journal[%d] has it read", h.section(c.ID))}
}

// withJournals is what is collected, and the sections of the journal.
type withJournals struct {
	collect.Discovery
	journals *Journals
}

// Wanted implements collect.Discovery. The journal does not wait for an engine.
func (w withJournals) Wanted() (set map[string]*logs.Container, known bool) {
	set, known = w.Discovery.Wanted()
	all := make(map[string]*logs.Container, len(set)+len(w.journals.containers))
	for id, c := range set {
		all[id] = c
	}
	for id, c := range w.journals.containers {
		all[id] = c
	}
	return all, known
}

// Exists implements collect.Discovery. The place of a section that is not configured any more
// is kept. What is not known yet may be there.
func (w withJournals) Exists(id string) bool {
	if logs.IsHostJournal(id) || w.Discovery.Exists(id) {
		return true
	}
	return !w.Known() && !logs.IsHostFile(id)
}

// Excluded implements collect.Discovery.
func (w withJournals) Excluded(id string) bool {
	return !logs.IsHostJournal(id) && w.Discovery.Excluded(id)
}

// Refresh implements collect.Discovery.
func (w withJournals) Refresh(id string) {
	if !logs.IsHostJournal(id) {
		w.Discovery.Refresh(id)
	}
}
