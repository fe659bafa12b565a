package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/config"
)

// reloader takes over another configuration while lighterman runs: all of it that can change,
// or nothing where it has a mistake. Nothing is read again for it, and nothing waits.
type reloader struct {
	// load loads the configuration again.
	load func() (*config.Config, error)
	// started is what the process runs with, and applied the one that was taken over last.
	started, applied *config.Config
	log              *slog.Logger
	level            *slog.LevelVar
	version          string
	graphs           []*graph
	rules            *inForce
	// told is told how each reload went.
	told func(ok bool, at time.Time)
	// asked receives whoever waits for a reload.
	asked chan chan reloaded
	// gone is closed when nobody listens to it any more.
	gone chan struct{}
	// refused says why the newest configuration is not in force; nil for one that is.
	refused atomic.Pointer[string]
}

// reloaded is what became of a reload: a sentence, and what is wrong.
type reloaded struct {
	said string
	err  error
}

// errStopping is for those who ask for a reload at the end.
var errStopping = errors.New("lighterman is stopping")

// run reloads whenever somebody asks for it, until ctx is done.
func (r *reloader) run(ctx context.Context, hangups <-chan os.Signal, changes <-chan struct{}) {
	defer close(r.gone)
	for {
		select {
		case <-hangups:
			r.reload("SIGHUP", slog.LevelInfo)
		case <-changes:
			r.reload("the file has changed", slog.LevelDebug)
		case answer := <-r.asked:
			answer <- r.reload("POST /-/reload", slog.LevelInfo)
		case <-ctx.Done():
			return
		}
	}
}

// ask has the configuration reloaded, and waits for it.
func (r *reloader) ask(ctx context.Context) (string, error) {
	answer := make(chan reloaded, 1)
	select {
	case r.asked <- answer:
	case <-r.gone:
		return "", errStopping
	case <-ctx.Done():
		return "", errStopping
	}
	select {
	case out := <-answer:
		return out.said, out.err
	case <-ctx.Done():
		return "", errStopping
	}
}

// warning says that the newest configuration is not in force; empty where it is.
func (r *reloader) warning() string {
	if text := r.refused.Load(); text != nil {
		return *text
	}
	return ""
}

// mostLogged bounds how many mistakes of a configuration are logged.
const mostLogged = 20

// reload takes over the configuration as it is now. unchanged is how much it matters that
// there is nothing to do.
func (r *reloader) reload(why string, unchanged slog.Level) reloaded {
	changed, restart, err := r.renew()
	r.told(err == nil, time.Now())
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		for _, line := range lines[:min(len(lines), mostLogged)] {
			r.log.Error("cannot use the new configuration, the one before stays in force", "asked by", why, "problem", line)
		}
		text := "the configuration was changed and cannot be used, the one before is in force: " + lines[0]
		r.refused.Store(&text)
		return reloaded{err: err}
	}
	r.refused.Store(nil)
	said := "the configuration is unchanged"
	if len(changed) > 0 {
		said = "the configuration was reloaded: " + strings.Join(changed, ", ")
		r.log.Info("configuration reloaded", "asked by", why, "changed", changed)
	} else if len(restart) == 0 {
		r.log.Log(context.Background(), unchanged, "configuration is unchanged", "asked by", why)
	}
	if len(restart) > 0 {
		said += "; a restart is needed for " + strings.Join(restart, ", ")
		r.log.Warn("some settings have changed that need a restart, their old values stay until then", "settings", restart)
	}
	return reloaded{said: said}
}

// groups of settings that are taken over together.
var (
	choosing = []string{
		"include-name", "exclude-name", "include-label", "exclude-label", "host-label", "external-label", "crowded-label",
		"default-labels", "relabel_configs", "structured_metadata", "container-labels", "detect-level",
	}
	pushing = []string{
		"loki-url", "tenant-id", "push-timeout", "loki-username", "loki-password", "loki-password-file", "loki-bearer-token", "loki-bearer-token-file",
		"tls-ca-file", "tls-cert-file", "tls-key-file", "tls-server-name", "tls-insecure-skip-verify", "proxy-url",
	}
)

// renew takes over what has changed, and returns the names of that, and of what needs a
// restart. All that may fail comes first.
func (r *reloader) renew() (changed, restart []string, err error) {
	next, err := r.load()
	if err != nil {
		return nil, nil, err
	}
	r.started.Secrets.Learn(next.Secrets)
	next.Secrets = r.started.Secrets
	changed, restart = r.differences(next)
	if len(changed) == 0 {
		return nil, restart, nil
	}
	has := func(group []string) bool {
		return slices.ContainsFunc(changed, func(name string) bool { return slices.Contains(group, name) })
	}
	var uses []func()
	for _, g := range r.graphs {
		if !has(choosing) {
			break
		}
		use, err := g.source.renew(next, g.log)
		if err != nil {
			return nil, nil, err
		}
		uses = append(uses, func() { use(g.discovery) })
	}
	var to *lokiAt
	if has(pushing) {
		if to, err = newLoki(next, r.version, r.log); err != nil {
			return nil, nil, err
		}
	}
	if err := r.stages(next); err != nil {
		if to != nil {
			to.Close()
		}
		return nil, nil, err
	}
	for _, use := range uses {
		use()
	}
	if to != nil {
		r.graphs[0].sink.use(to)
	}
	if r.level != nil {
		r.level.Set(next.Log.Level)
	}
	warnInsecure(next, r.applied, r.log)
	r.applied = next
	return changed, restart, nil
}

// stages has the stages of a configuration be in force from a moment that is near.
func (r *reloader) stages(next *config.Config) error {
	if _, err := stagesOf(next); err != nil {
		return err
	}
	text, err := stagesText(next)
	if err != nil {
		return err
	}
	return r.rules.change(text)
}

// differences returns what is to be taken over, and what cannot be. Whether lines go to a
// Loki at all does not change.
func (r *reloader) differences(next *config.Config) (changed, restart []string) {
	toLoki := r.started.Loki.URL != nil
	other := toLoki != (next.Loki.URL != nil)
	for _, name := range r.applied.Differs(next) {
		if config.Live(name) && (toLoki && !other || !slices.Contains(pushing, name)) {
			changed = append(changed, name)
		}
	}
	for _, name := range r.started.Differs(next) {
		if !config.Live(name) || other && name == "loki-url" {
			restart = append(restart, name)
		}
	}
	return changed, restart
}

// newReloader makes what reloads the configuration of what runs.
func (a Agent) newReloader(graphs []*graph, rules *inForce, told func(bool, time.Time)) *reloader {
	r := &reloader{
		load: a.Reload.Load, started: a.Config, applied: a.Config, log: a.Log, level: a.Reload.Level, version: a.Version,
		graphs: graphs, rules: rules, told: told, asked: make(chan chan reloaded), gone: make(chan struct{}),
	}
	if r.load == nil {
		r.load = func() (*config.Config, error) { return a.Config, nil }
	}
	return r
}

// followConfig reloads the configuration when that is asked for, and when its file changes if
// that is to be watched, until ctx is done.
func (c *carrier) followConfig(ctx context.Context, group *errgroup.Group) {
	file := newChanges(c.config.File)
	if c.config.WatchFile && c.config.File != "" {
		group.Go(func() error { file.run(ctx, c.watcher); return nil })
	}
	group.Go(func() error { c.reload.run(ctx, c.hangups, file.told); return nil })
}

// both joins two sentences of which each may be empty.
func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
