package scan

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/target"
)

// Host is the containers of the host, as one look has found them.
type Host struct {
	Source  *host.Source
	Journal *journal.Journal
	Targets []*target.Target
	unknown map[string]string
	Close   func()
}

// NewHost finds the containers of the host. Close closes what was opened for it.
func NewHost(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Host, error) {
	hostJournal, closeJournal := host.OpenJournal(cfg, nil, log)
	source, err := host.NewSource(ctx, cfg, nil, hostJournal, log, func(string) {})
	if err != nil {
		closeJournal()
		return nil, err
	}
	out := &Host{Source: source, Journal: hostJournal, Close: func() { source.Close(); closeJournal() }}
	discovery := source.Discovery(log, false)
	if err := discovery.Once(ctx); err != nil {
		out.Close()
		return nil, err
	}
	for _, decided := range discovery.Targets() {
		out.Targets = append(out.Targets, decided)
	}
	slices.SortFunc(out.Targets, func(a, b *target.Target) int { return strings.Compare(a.Container.Name, b.Container.Name) })
	out.unknown = discovery.Unknown()
	return out, nil
}

// services are the labels that say which service a container is of.
var services = []string{"com.docker.compose.service", "com.docker.swarm.service.name"}

// Choose returns the containers of names, or all that are collected where there are none.
func (l *Host) Choose(names []string) (out []*target.Target, err error) {
	if len(names) == 0 {
		for _, decided := range l.Targets {
			if decided.Chosen() {
				out = append(out, decided)
			}
		}
		return out, nil
	}
	for _, name := range names {
		found, err := l.Find(name)
		if err != nil {
			return nil, err
		}
		for _, decided := range found {
			if !slices.Contains(out, decided) {
				out = append(out, decided)
			}
		}
	}
	return out, nil
}

// Find returns the containers of a name, of an ID that begins so, or of a service.
func (l *Host) Find(name string) ([]*target.Target, error) {
	var named, of []*target.Target
	var begin []*target.Target
	names := make([]string, 0, len(l.Targets))
	for _, decided := range l.Targets {
		c := decided.Container
		names = append(names, c.Name)
		switch {
		case c.Name == strings.TrimPrefix(name, "/"):
			named = append(named, decided)
		case strings.HasPrefix(c.ID, name):
			begin = append(begin, decided)
		}
		for _, label := range services {
			if service := c.Labels[label]; service != "" {
				if names = append(names, service); service == name {
					of = append(of, decided)
				}
			}
		}
	}
	switch {
	case len(named) > 0:
		return named, nil
	case len(begin) == 1:
		return begin, nil
	case len(of) > 0:
		return of, nil
	case len(begin) > 1:
		return nil, fmt.Errorf("the IDs of %d containers begin with %q: give more of it", len(begin), name)
	}
	for id, why := range l.unknown {
		if strings.HasPrefix(id, name) {
			return nil, fmt.Errorf("container %.12s cannot be inspected: %s", id, why)
		}
	}
	if near := nearest.Name(name, names); near != "" {
		return nil, fmt.Errorf("there is no container, and no file, %q; did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("there is no container, and no file, %q; \"lighterman ls\" lists the containers", name)
}
