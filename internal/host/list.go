package host

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
)

// List says how the logs of this host would be read. It takes no lock and writes nothing.
func List(ctx context.Context, cfg *config.Config, version string, log *slog.Logger) (*status.List, error) {
	// Nothing is watched in a single look.
	host, closeJournal := OpenJournal(cfg, nil, log)
	defer closeJournal()
	source, err := NewSource(ctx, cfg, nil, host, log, func(string) {})
	if err != nil {
		return nil, err
	}
	defer source.Close()
	discovery := source.Discovery(log, false)
	if err := discovery.Once(ctx); err != nil {
		return nil, err
	}
	out := status.Snapshot{Version: version, Source: source.Place, EngineConnected: true, Containers: Unread(discovery.Unknown())}
	for _, t := range discovery.Targets() {
		if !t.Chosen() {
			continue
		}
		c, t := t.Container, t.By(source.Rules.Route(t.Container))
		out.Containers = append(out.Containers, status.Container{
			Name: c.Name, ID: c.ID, Driver: c.Driver, Route: t.Route.Kind.String(), Reason: t.Route.Reason,
			Remarks: Hidden(t.Remarks(), cfg.Secrets.Scrub),
		})
	}
	files, err := ListFiles(cfg, log)
	if err != nil {
		return nil, err
	}
	out.Containers = append(out.Containers, files...)
	journals, err := ListJournals(cfg, host, log)
	if err != nil {
		return nil, err
	}
	out.Containers = append(out.Containers, journals...)
	return status.NewList(status.DryRun, cfg.Listener.Address, status.State{Snapshot: out.Clean()}), nil
}

// Hidden hides secrets in texts.
func Hidden(texts []string, hide func(string) string) (out []string) {
	for _, text := range texts {
		out = append(out, hide(text))
	}
	return out
}

// Unread returns the containers that exist and of which nothing can be learnt.
func Unread(unknown map[string]string) (out []status.Container) {
	for id, why := range unknown {
		out = append(out, status.Container{
			Name: id[:min(12, len(id))], ID: id, Route: logs.Unreadable.String(), Reason: why,
		})
	}
	return out
}

// DirectoryReport says in words what can be read without an engine, and whether there
// are containers at all.
func DirectoryReport(cfg *config.Config) (text string, sound bool) {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	host, closeJournal := OpenJournal(cfg, nil, quiet)
	defer closeJournal()
	source, err := newDirectory(cfg, quiet, nil, host, func(string) {})
	if err != nil {
		return err.Error(), false
	}
	ids, _, err := source.discover.List(ctx)
	if err != nil {
		return err.Error(), false
	}
	readable, first := 0, ""
	for _, id := range ids {
		c, err := source.discover.Inspect(ctx, id)
		why := ""
		if err != nil {
			why = fmt.Sprintf("%.12s: %v", id, err)
		} else if r := source.Rules.Route(c); r.Kind == logs.Unreadable {
			why = c.Name + ": " + r.Reason
		}
		switch {
		case why == "":
			readable++
		case first == "":
			first = "; " + why
		}
	}
	return fmt.Sprintf("the logs of %d of %d containers in %s can be read%s", readable, len(ids), source.Place, first), true
}
