package sample

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/internal/suggest"
	"github.com/lighterman/lighterman/internal/target"
)

// Inspection asks what configuration containers are worth.
type Inspection struct {
	// Containers are names, beginnings of IDs or services; empty for all that are collected.
	Containers []string
	// Since is the time from which on lines are looked at.
	Since time.Time
	// Progress is called often; it may be nil.
	Progress func(scan.Progress)
}

const (
	// sampleBytes bounds what is looked at of each container: the newest.
	sampleBytes = 16 << 20
	// sampleLines is the bound where a log is asked for by lines.
	sampleLines = 20_000
)

// suggester looks at several containers.
type suggester struct {
	Inspection
	config *config.Config
	log    *slog.Logger
	host   *scan.Host
	stages atomic.Pointer[stage.Timeline]
	now    time.Time
	done   scan.Progress
}

// Suggest looks at what is stored of containers, as it would be sent with the configuration,
// and says what is worth a setting. It takes no lock, opens no port and writes nothing.
func Suggest(ctx context.Context, cfg *config.Config, log *slog.Logger, of Inspection) (*suggest.Report, error) {
	pipeline, err := ruleset.Compile(cfg)
	if err != nil {
		return nil, err
	}
	host, err := scan.NewHost(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer host.Close()
	targets, err := host.Choose(of.Containers)
	if err != nil {
		return nil, err
	}
	s := &suggester{Inspection: of, config: cfg, log: log, host: host, now: time.Now()}
	s.stages.Store(stage.Always(pipeline))
	s.done.Containers = len(targets)
	out := &suggest.Report{Since: of.Since, LevelsFound: cfg.Labels.Level}
	for _, decided := range targets {
		s.done.Container = decided.Container.Name
		s.progress()
		found, err := s.one(ctx, decided)
		if err != nil {
			return nil, err
		}
		out.Containers = append(out.Containers, found)
		s.done.Done++
	}
	return out, nil
}

func (s *suggester) progress() {
	if s.Progress != nil {
		s.Progress(s.done)
	}
}

// one looks at a container. Its error is that of ctx.
func (s *suggester) one(ctx context.Context, decided *target.Target) (*suggest.Container, error) {
	c := decided.Container
	route := s.host.Source.Rules.Route(c)
	about := s.subject(decided)
	unread := suggest.Container{Name: c.Name, ID: c.ID}
	if route.Kind == logs.Unreadable {
		unread.Unread = route.Reason
		return &unread, nil
	}
	var survey *suggest.Survey
	whole := false
	for _, since := range s.windows(route) {
		survey = suggest.New(about)
		var full bool
		var err error
		if whole, full, err = s.sample(ctx, decided, route, since, survey.Add); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			unread.Unread = err.Error()
			return &unread, nil
		}
		if full {
			break
		}
	}
	found := survey.End(stored(ctx, c, route))
	found.Read, found.Whole = route.Kind.String()+": "+route.Reason, whole
	return found, nil
}

// windows are the times from which on a log is read, until that is enough. The journal is read
// forward and has no way back: so of one that is long there is a part that is new.
func (s *suggester) windows(route logs.Route) []time.Time {
	if route.Kind != logs.Journal {
		return []time.Time{s.Since}
	}
	all := s.now.Sub(s.Since)
	return []time.Time{s.now.Add(-all / 64), s.now.Add(-all / 8), s.Since}
}

// subject is a container with the label that names it.
func (s *suggester) subject(decided *target.Target) suggest.Subject {
	c := decided.Container
	out := suggest.Subject{Name: c.Name, ID: c.ID, Image: c.Image, LevelsFound: s.config.Labels.Level}
	names := target.Names(s.config.Labels.Renamed)
	for _, l := range slices.Concat(decided.Labels.Pairs, decided.Labels.Metadata) {
		out.Taken = append(out.Taken, l.Name)
	}
	for _, name := range names.Own() {
		if value := decided.Labels.Get(name); name != "" && value != "" {
			out.Label, out.Value = name, value
			return out
		}
	}
	for _, l := range decided.Labels.Pairs {
		if l.Value == c.Name {
			out.Label, out.Value = l.Name, l.Value
		}
	}
	return out
}

// unlevelled are labels by which no levels are looked for, but by stages.
func unlevelled(l *logs.Labels) *logs.Labels {
	if l == nil {
		return nil
	}
	return &logs.Labels{Pairs: l.Pairs, Metadata: l.Metadata, Whole: l.Whole, Tenant: l.Tenant, Owner: l.Owner, Stderr: unlevelled(l.Stderr)}
}

// lineOf is an entry that was stored at a time, with what stages say of it.
func lineOf(e *logs.Entry, at int64) suggest.Line {
	out := suggest.Line{Time: at, Stream: e.Stream, Text: e.Line}
	if e.Extra == nil {
		return out
	}
	out.Metadata = e.Extra.Metadata
	for name, value := range out.Metadata.All() {
		if string(name) == levelMetadata {
			out.Level = level.Parse(value)
		}
	}
	return out
}

// levelMetadata is the structured metadata that has the level of an entry.
const levelMetadata = "detected_level"

// errEnough ends a sample that has its size.
var errEnough = errors.New("enough was looked at")

// sample shows the lines of a container as they would be sent. whole reports whether these are
// all since a time, and full whether there were as many as are looked at.
func (s *suggester) sample(ctx context.Context, decided *target.Target, route logs.Route, since time.Time, take func(suggest.Line)) (whole, full bool, err error) {
	c := decided.Container
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	drop, join := func(*logs.Entry, string) {}, func(int) {}
	through := producer.NewLook(producer.Timeline{{Labels: unlevelled(decided.Labels)}}, &s.stages, s.log, drop, join)
	look := &scan.Log{
		Host: s.host, Container: c, Route: route, MaxLine: s.config.Limits.LineBytes,
		Extent: scan.Extent{Since: since.UnixNano(), Recent: sampleBytes}, Log: s.log, Rules: through.Rules(),
	}
	if route.Kind == logs.API {
		look.Extent.Last = sampleLines / 4 // of which each may be several records
	}
	size, lines, older := 0, 0, false
	err = look.Entries(ctx, func(e logs.Entry) {
		switch {
		case ctx.Err() != nil:
			return
		case through.Origin() < look.Extent.Since:
			older = true
			return
		}
		lines++
		take(lineOf(&e, through.Origin()))
		if size += len(e.Line); size >= sampleBytes {
			cancel(errEnough)
		}
		const often = 1024
		if s.done.Lines++; s.done.Lines%often == 0 {
			s.progress()
		}
	})
	full = errors.Is(context.Cause(ctx), errEnough)
	if full {
		err = nil
	}
	if err != nil {
		return false, false, fmt.Errorf("cannot read its log: %w", err)
	}
	return !full && (older || look.All || route.Kind == logs.API && lines < sampleLines), full, nil
}
