package agent

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
)

// Agent is lighterman on one host, as its configuration has it.
type Agent struct {
	Config *config.Config
	Log    *slog.Logger
	// Stdout is where lines go if there is no Loki.
	Stdout  io.Writer
	Version string
	// Reload says how the configuration may change while lighterman runs.
	Reload Reload
	// view is what is shown, and how, where that is not what run shows.
	view *View
}

// Reload is how the configuration may change while lighterman runs. The zero value is for one
// that does not.
type Reload struct {
	// Load loads the configuration again; nil where it cannot be.
	Load func() (*config.Config, error)
	// Hangups receives a signal when that is asked for.
	Hangups <-chan os.Signal
	// Level is the level of Log; it may be nil.
	Level *slog.LevelVar
}

// List says how the logs of this host would be read. It takes no lock and writes nothing.
func (a Agent) List(ctx context.Context) (*status.List, error) {
	cfg, log := a.Config, a.Log
	// Nothing is watched in a single look.
	host, closeJournal := newJournal(cfg, nil, log)
	defer closeJournal()
	source, err := newSource(ctx, cfg, nil, host, log, func(string) {})
	if err != nil {
		return nil, err
	}
	defer source.close()
	discovery := source.discovery(log)
	if err := discovery.Once(ctx); err != nil {
		return nil, err
	}
	out := status.Snapshot{Version: a.Version, Source: source.place, EngineConnected: true, Containers: unread(discovery.Unknown())}
	for _, t := range discovery.Targets() {
		if !t.Chosen() {
			continue
		}
		c, t := t.Container, t.By(source.rules.Route(t.Container))
		out.Containers = append(out.Containers, status.Container{
			Name: c.Name, ID: c.ID, Driver: c.Driver, Route: t.Route.Kind.String(), Reason: t.Route.Reason,
			Remarks: hidden(t.Remarks(), cfg.Secrets.Scrub),
		})
	}
	return status.NewList(status.DryRun, cfg.Listener.Address, status.State{Snapshot: out.Clean()}), nil
}
