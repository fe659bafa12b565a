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
	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/exposure"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/verify"
)

// reloader takes over another configuration while lighterman runs: all of it that can change,
// or nothing where it has a mistake. Nothing is read again for it, and nothing waits.
type reloader struct {
	// load loads the configuration again.
	load func() (*config.Config, error)
	// started is what the process runs with, and applied the one that was taken over last.
	started, applied *config.Config
	// newest is the last one without mistakes, of which some may wait for a restart.
	newest  *config.Config
	log     *slog.Logger
	level   *slog.LevelVar
	version string
	graphs  []*graph
	rules   *ruleset.InForce
	// told is told how each reload went.
	told func(ok bool, at time.Time)
	// asked receives whoever waits for a reload.
	asked chan chan reloaded
	// gone is closed when nobody listens to it any more.
	gone chan struct{}
	// refused says why the newest configuration is not in force; nil for one that is.
	refused atomic.Pointer[string]
	// shown is what the page of the configuration has.
	shown atomic.Pointer[status.Configuration]
	// inForce is applied, for other goroutines.
	inForce atomic.Pointer[config.Config]
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

// refusedReload is what is wrong where the newest configuration is not in force.
const refusedReload = "the configuration was changed and cannot be used, the one before is in force"

// mostLogged bounds how many mistakes of a configuration are logged.
const mostLogged = 20

// reload takes over the configuration as it is now. unchanged is how much it matters that
// there is nothing to do.
func (r *reloader) reload(why string, unchanged slog.Level) reloaded {
	changed, restart, err := r.renew()
	r.told(err == nil, time.Now())
	r.show(time.Now(), changed, restart, err)
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		for _, line := range lines[:min(len(lines), mostLogged)] {
			r.log.Error("cannot use the new configuration, the one before stays in force", "asked by", why, "problem", line)
		}
		text := refusedReload + ": " + lines[0]
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

// show notes for the page how a reload went.
func (r *reloader) show(at time.Time, changed, restart []string, err error) {
	waits := func(name string) bool { return r.waits(r.newest, name) }
	now := status.Configuration{Text: r.newest.InForce(r.started, waits), File: r.applied.File, Loaded: at.UTC(), Tried: at.UTC(), Restart: restart}
	before := r.shown.Load()
	if before != nil && len(changed) == 0 {
		now.Loaded = before.Loaded
	}
	if err != nil {
		lines := strings.Split(r.applied.Secrets.Scrub(err.Error()), "\n")
		now.Problems = lines[:min(len(lines), mostLogged)]
		if before != nil {
			now.Restart = before.Restart
		}
	}
	r.shown.Store(&now)
}

// groups of settings that are taken over together.
var (
	choosing = []string{
		"include-name", "exclude-name", "include-label", "exclude-label", "host-label", "external-label", "crowded-label",
		"default-labels", "relabel_configs", "structured_metadata", "container-labels", "detect-level",
	}
	pushing = []string{
		"loki-url", "otlp-url", "tenant-id", "push-timeout", "loki-username", "loki-password", "loki-password-file", "loki-bearer-token", "loki-bearer-token-file",
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
		r.newest = next
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
		use, err := g.pipeline.Source.Renew(next, g.log)
		if err != nil {
			return nil, nil, err
		}
		files, err := g.pipeline.Files.Renew(next)
		if err != nil {
			return nil, nil, err
		}
		journals, err := g.pipeline.Journals.Renew(next)
		if err != nil {
			return nil, nil, err
		}
		uses = append(uses, files, journals, func() { use(g.pipeline.Discovery) })
	}
	var to *endpoint.Loki
	if has(pushing) {
		if to, err = endpoint.New(next, r.version, r.log); err != nil {
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
	exposure.Warn(next, r.applied, r.log)
	r.applied, r.newest = next, next
	r.inForce.Store(next)
	return changed, restart, nil
}

// stages has the stages of a configuration be in force from a moment that is near.
func (r *reloader) stages(next *config.Config) error {
	if _, err := ruleset.Compile(next); err != nil {
		return err
	}
	text, err := ruleset.Text(next.Stages)
	if err != nil {
		return err
	}
	return r.rules.Change(text)
}

// differences returns what is to be taken over, and what cannot be. Whether lines go to a
// Loki at all, or to a receiver of OTLP, does not change.
func (r *reloader) differences(next *config.Config) (changed, restart []string) {
	other := !r.started.Loki.SameKind(&next.Loki)
	for _, name := range r.applied.Differs(next) {
		if !r.waits(next, name) {
			changed = append(changed, name)
		}
	}
	for _, name := range r.started.Differs(next) {
		if !config.Live(name) || other && (name == "loki-url" || name == "otlp-url") {
			restart = append(restart, name)
		}
	}
	return changed, restart
}

// waits reports whether a setting of a configuration cannot be taken over before a restart.
func (r *reloader) waits(next *config.Config, name string) bool {
	keepsPushing := r.started.Loki.URL != nil && r.started.Loki.SameKind(&next.Loki)
	return !config.Live(name) || !keepsPushing && slices.Contains(pushing, name)
}

// newReloader makes what reloads the configuration of what runs.
func (a Agent) newReloader(graphs []*graph, rules *ruleset.InForce, told func(bool, time.Time)) *reloader {
	r := &reloader{
		load: a.Reload.Load, started: a.Config, applied: a.Config, newest: a.Config, log: a.Log, level: a.Reload.Level, version: a.Version,
		graphs: graphs, rules: rules, told: told, asked: make(chan chan reloaded), gone: make(chan struct{}),
	}
	r.inForce.Store(a.Config)
	if r.load == nil {
		r.load = func() (*config.Config, error) { return a.Config, nil }
	}
	r.show(time.Now(), nil, nil, nil)
	return r
}

// followConfig reloads the configuration when that is asked for, and when its file changes if
// that is to be watched, until ctx is done.
func (s *service) followConfig(ctx context.Context, group *errgroup.Group) {
	file := newChanges(s.first.config.File)
	if s.first.config.WatchFile && s.first.config.File != "" {
		group.Go(func() error { file.run(ctx, s.first.pipeline.Watcher); return nil })
	}
	group.Go(func() error { s.reload.run(ctx, s.hangups, file.told); return nil })
}

// both joins two sentences of which each may be empty.
func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// verifyConfig is the configuration in force, with what cannot change as it was.
func (s *service) verifyConfig() *config.Config {
	cfg := *s.reload.inForce.Load()
	started := s.first.config
	cfg.StateDir, cfg.Docker, cfg.Journal, cfg.Reading, cfg.Limits = started.StateDir, started.Docker, started.Journal, started.Reading, started.Limits
	cfg.Files, cfg.HostJournals, cfg.Outputs = started.Files, started.HostJournals, s.reload.started.Outputs
	if !s.reload.started.Loki.SameKind(&cfg.Loki) {
		cfg.Loki = s.reload.started.Loki // it is what is pushed to until a restart
	}
	return &cfg
}

// verify is what compares what is stored with what each Loki has, again and again.
func (s *service) verify() *verify.Loop {
	loop := &verify.Loop{Every: s.first.config.VerifyEvery, Version: s.version, Config: s.verifyConfig}
	for _, g := range s.all() {
		if g.config.Loki.URL == nil || g.config.Loki.OTLP != nil { // which cannot be asked
			continue
		}
		out := verify.Output{Name: examine.FirstOutput, Log: g.log, Metrics: s.server.Metrics()}
		if g.name != "" {
			out.Name, out.Metrics = g.name, s.server.MetricsOf(g.name)
		}
		loop.Outputs = append(loop.Outputs, out)
	}
	return loop
}
