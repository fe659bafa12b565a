package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/target"
)

// lookedAt is the containers of the host, as one look has found them.
type lookedAt struct {
	source  *source
	journal *journal.Journal
	targets []*target.Target
	unknown map[string]string
	close   func()
}

// look finds the containers of the host.
func (t *tryOut) look(ctx context.Context) (*lookedAt, error) {
	if t.host != nil {
		return t.host, nil
	}
	cfg, log := t.agent.Config, t.agent.Log
	host, closeJournal := newJournal(cfg, nil, log)
	source, err := newSource(ctx, cfg, nil, host, log, func(string) {})
	if err != nil {
		closeJournal()
		return nil, err
	}
	out := &lookedAt{source: source, journal: host, close: func() { source.close(); closeJournal() }}
	discovery := source.discovery(log)
	if err := discovery.Once(ctx); err != nil {
		out.close()
		return nil, err
	}
	for _, decided := range discovery.Targets() {
		out.targets = append(out.targets, decided)
	}
	slices.SortFunc(out.targets, func(a, b *target.Target) int { return strings.Compare(a.Container.Name, b.Container.Name) })
	out.unknown = discovery.Unknown()
	t.host = out
	return out, nil
}

// services are the labels that say which service a container is of.
var services = []string{"com.docker.compose.service", "com.docker.swarm.service.name"}

// find returns the containers of a name, of an ID that begins so, or of a service.
func (l *lookedAt) find(name string) ([]*target.Target, error) {
	var named, of []*target.Target
	var begin []*target.Target
	names := make([]string, 0, len(l.targets))
	for _, decided := range l.targets {
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

// container takes lines of a container, or of all containers of a service.
func (t *tryOut) container(ctx context.Context, name string) error {
	host, err := t.look(ctx)
	if err != nil {
		return err
	}
	found, err := host.find(name)
	if err != nil {
		return err
	}
	for _, decided := range found {
		c := decided.Container
		route := host.source.rules.Route(c)
		s := t.subject(c.Name, decided, t.options.As.Labels)
		t.print.Subject(s, route.Kind.String()+": "+route.Reason, notes(decided))
		n := t.options.Last
		if n == 0 && t.options.Since.IsZero() {
			n = lastDefault
		}
		look := &oneLook{host: host, container: c, route: route, maxLine: s.MaxLine, last: n, log: t.agent.Log}
		if !t.options.Since.IsZero() {
			look.since = t.options.Since.UnixNano()
		}
		if n == 0 {
			n = math.MaxInt
		}
		take, end := t.taken(s, n)
		if err := look.read(ctx, take); err != nil {
			return fmt.Errorf("cannot read the log of %q: %w", c.Name, err)
		}
		if end() {
			t.agent.Log.Warn("there is no room for so many lines, only the last ones are shown", "container", c.Name)
		}
	}
	return nil
}

// oneLook reads a container's log as it is now, on the route that run would take.
type oneLook struct {
	host      *lookedAt
	container *logs.Container
	route     logs.Route
	maxLine   int
	// last is how many lines are wanted, 0 for all from since on, in Unix nanoseconds.
	last  int
	since int64
	log   *slog.Logger
}

// read passes on at least the lines that are wanted, the last ones last.
func (l *oneLook) read(ctx context.Context, take func(rehearsal.Line)) error {
	emit := func(e logs.Entry) {
		if e.Time >= l.since {
			take(rehearsal.Line{Time: e.Time, Stream: e.Stream, Text: e.Line})
		}
	}
	switch l.route.Kind {
	case logs.File:
		return l.file(ctx, emit)
	case logs.Journal:
		return l.journal(ctx, emit)
	case logs.API:
		return l.api(ctx, emit)
	}
	return errors.New(l.route.Reason)
}

// file reads a log from its files. It begins near the end, and further back where that was
// not enough: logs may be large.
func (l *oneLook) file(ctx context.Context, emit func(logs.Entry)) error {
	const first, most = 1 << 10, 1 << 24
	want := first
	if l.last > 0 {
		want = max(first, records(l.last))
	}
	from := logs.Position{}
	for ; want < most; want *= 8 {
		at, err := tail.Back(l.route.Path, l.route.Format, want)
		if err != nil {
			break // there are fewer: all of the log is read
		}
		if l.last > 0 || l.since == 0 || l.beginsBefore(at) {
			from.File = at
			break
		}
	}
	log, err := l.open(from)
	if err != nil {
		return err
	}
	defer log.Close()
	buf := tail.NewBuffer()
	for ctx.Err() == nil {
		progress, err := log.Read(buf, emit)
		if err != nil {
			return err
		}
		if !progress.More {
			break
		}
	}
	for log.Flush(emit) {
		continue
	}
	return ctx.Err()
}

func (l *oneLook) open(from logs.Position) (*tail.Log, error) {
	return tail.Open(tail.Config{Path: l.route.Path, Format: l.route.Format, Resume: from, MaxLine: l.maxLine, Events: uncounted{}})
}

// beginsBefore reports whether the first line behind a place is older than what is wanted.
func (l *oneLook) beginsBefore(at logs.FilePosition) bool {
	log, err := l.open(logs.Position{File: at})
	if err != nil {
		return true
	}
	defer log.Close()
	var first int64
	_, err = log.Read(tail.NewBuffer(), func(e logs.Entry) {
		if first == 0 {
			first = e.Time
		}
	})
	return err != nil || first < l.since
}

// journal reads a container's part of the host's journal.
func (l *oneLook) journal(ctx context.Context, emit func(logs.Entry)) error {
	log := l.host.journal.Open(journal.Options{ID: l.container.ID, MaxLine: l.maxLine, Events: uncounted{}, Log: l.log})
	defer log.Close()
	scratch := journal.NewScratch()
	for more := true; more && ctx.Err() == nil; {
		_, more = log.Read(scratch, 1<<20, emit)
	}
	log.Flush(emit)
	return ctx.Err()
}

// api reads a log through the engine.
func (l *oneLook) api(ctx context.Context, emit func(logs.Entry)) error {
	client, is := l.host.source.engine.(*docker.Client)
	if !is {
		return logs.ErrUnreadable
	}
	most := 0
	if l.last > 0 {
		most = records(l.last)
	}
	body, err := client.Once(ctx, l.container.ID, l.since, most)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	r := stream.NewReader(body, stream.Config{
		TTY: l.container.TTY, TimesDiffer: l.container.Driver == "journald", MaxLine: l.maxLine, Events: uncounted{},
	})
	for err == nil {
		if err = r.Wait(); err == nil {
			r.Take(emit)
		}
	}
	r.Flush(emit)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// uncounted are the events of a log that is only looked at.
type uncounted struct{}

// CorruptRecord implements tail.Events, as all below.
func (uncounted) CorruptRecord() {}

// LineCut counts nothing.
func (uncounted) LineCut() {}

// LeftOut counts nothing.
func (uncounted) LeftOut(int) {}

// LineSkipped counts nothing.
func (uncounted) LineSkipped(string) {}

// ForgedEntry counts nothing.
func (uncounted) ForgedEntry() {}

// Truncated counts nothing.
func (uncounted) Truncated(bool, int64) {}

// RotatedAway counts nothing.
func (uncounted) RotatedAway() {}

// Unsure counts nothing.
func (uncounted) Unsure() {}
