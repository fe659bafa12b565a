package scan

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
)

// Log reads a container's log as it is now, on the route that run would take.
type Log struct {
	Host      *Host
	Container *logs.Container
	Route     logs.Route
	MaxLine   int
	Extent    Extent
	// All is set where what Extent.Recent asks for was all.
	All bool
	Log *slog.Logger
	// Rules are what is done with lines; nil for nothing.
	Rules *assemble.Rules
	// HostJournal opens a section of the host's journal; nil for logs of containers.
	HostJournal Opener
	// GoesOn says that the container may write on: what is not complete then is left out.
	GoesOn bool
	Tell   Told
}

// Extent is how much of a log is wanted; all of it by default.
type Extent struct {
	// Last is how many lines are wanted, 0 for all from Since on, in Unix nanoseconds, which is 0
	// or less for the beginning.
	Last  int
	Since int64
	// Recent bounds what is read of files, in bytes at their end, and has older entries of the
	// journal left out; 0 for what Since and Last ask for.
	Recent int64
}

// Told is who is told of what is found beside lines; each may be nil.
type Told struct {
	// Ended is called when only that is left which the next line could have joined.
	Ended func()
	// Cut is called before an entry that was cut.
	Cut func()
	// Unread is called for what is not there or cannot be read of the log.
	Unread func()
	// Part is called when some more was passed on, with the time of the oldest line whose end
	// has not come, 0 for none. Its error ends the look.
	Part func(held int64) error
}

// events are those of the log.
func (l *Log) events() Uncounted { return Uncounted{l.Tell.Cut, l.Tell.Unread} }

// Entries passes on at least the lines that are wanted, the last ones last, and what stands before
// them.
func (l *Log) Entries(ctx context.Context, emit func(logs.Entry)) error {
	switch l.Route.Kind {
	case logs.File:
		return l.file(ctx, emit)
	case logs.Journal, logs.HostJournal:
		return l.journal(ctx, emit)
	case logs.API:
		return l.api(ctx, emit)
	}
	return errors.New(l.Route.Reason)
}

// begin returns where a log is read from: near the end where only the last lines are wanted, as
// logs may be large, and at the beginning of a file otherwise. Lines do not stand in the order of
// their times where a clock was set back, so that an old line says nothing about those before it.
func (l *Log) begin() (from logs.Position, err error) {
	switch {
	case l.Extent.Recent > 0:
		from.File, l.All, err = tail.Recent(l.Route.Path, l.Route.Format, l.Extent.Recent)
	case l.Extent.Last > 0:
		if at, err := tail.Back(l.Route.Path, l.Route.Format, max(1<<10, tail.Records(l.Extent.Last))); err == nil {
			from.File = at // else there are fewer: all of the log is read
		}
	case l.Extent.Since > 0:
		from.File = tail.WrittenSince(l.Route.Path, l.Route.Format, time.Unix(0, l.Extent.Since))
	}
	return from, err
}

// file reads a log from its files.
func (l *Log) file(ctx context.Context, emit func(logs.Entry)) error {
	from, err := l.begin()
	if err != nil {
		return err
	}
	log, err := l.open(from, l.Rules)
	if err != nil {
		return err
	}
	defer log.Close()
	buf, read := tail.NewBuffer(), time.Time{}
	for more := true; more && ctx.Err() == nil; {
		read = time.Now()
		progress, err := log.Read(buf, emit)
		if err == nil {
			err = l.passed(func() int64 { return oldest(log.Held()) })
		}
		if err != nil {
			return err
		}
		more = progress.More
	}
	flush := func() {
		for log.Flush(emit) {
			continue
		}
	}
	return l.end(ctx, log, flush, read, emit)
}

// grouping has entries that more lines may belong to.
type grouping interface {
	FlushGroups(now int64, emit func(logs.Entry))
}

// stamping is for a line that Docker has stamped and not yet written.
const stamping = time.Second

// end passes on what is left behind the last line, of a log whose last part was read from a
// time on: flush does so with all of it.
func (l *Log) end(ctx context.Context, log grouping, flush func(), read time.Time, emit func(logs.Entry)) error {
	if l.Tell.Ended != nil {
		l.Tell.Ended()
	}
	if l.GoesOn {
		log.FlushGroups(read.Add(-stamping).UnixNano(), emit)
	} else {
		flush()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.passed(func() int64 { return 0 })
}

// passed says that some more was passed on.
func (l *Log) passed(held func() int64) error {
	if l.Tell.Part == nil {
		return nil
	}
	return l.Tell.Part(held())
}

// oldest is when the oldest of the lines began that are held back; 0 for none.
func oldest(h logs.Held) (at int64) {
	for _, t := range h.Lines {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	return at
}

func (l *Log) open(from logs.Position, rules *assemble.Rules) (*tail.Log, error) {
	return tail.Open(tail.Config{Path: l.Route.Path, Format: l.Route.Format, Resume: from, MaxLine: l.MaxLine, Rules: rules, Events: l.events()})
}

// journal reads a container's part of the host's journal, or a section of that.
func (l *Log) journal(ctx context.Context, emit func(logs.Entry)) error {
	from, of := l.Host.Journal, journal.Options{ID: l.Container.ID, MaxLine: l.MaxLine, Rules: l.Rules, Events: l.events(), Log: l.Log}
	switch {
	case l.HostJournal != nil:
		from, of.Host = l.HostJournal(l.Container.ID)
		of.Resume.Since = max(0, l.Extent.Since)
	case l.Extent.Recent > 0:
		of.Resume.Since, l.All = l.Extent.Since, true // it is read forward, and what is older is left out
	}
	log := from.Open(of)
	defer log.Close()
	scratch := journal.NewScratch()
	var first time.Time // when it seemed to be at its end
	for ctx.Err() == nil {
		read := time.Now()
		size, more := log.Read(scratch, 1<<20, emit)
		if err := l.passed(func() int64 { return oldest(log.Held()) }); err != nil {
			return err
		}
		if more {
			first = time.Time{}
			continue
		}
		if first.IsZero() {
			first = read
		}
		stuck, took := log.Stuck(), read.Sub(first)
		switch {
		case !stuck && (log.AtEnd() || size > 0 && took > stamping): // to some there is always written more
			return l.end(ctx, log, func() { log.Flush(emit) }, read, emit)
		case took > journalWait:
			return errors.New("cannot read the journal to its end: it has an entry that cannot be read")
		case stuck || size == 0:
			rest(ctx, journalWait/600)
		}
	}
	return ctx.Err()
}

// journalWait is how long is waited for what the journal has and cannot be read: longer than each
// of several damaged files is given before such entries are passed over.
const journalWait = time.Minute

// rest waits, or until ctx is done.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// api reads a log through the engine.
func (l *Log) api(ctx context.Context, emit func(logs.Entry)) error {
	client, is := l.Host.Source.Engine.(*docker.Client)
	if !is {
		return logs.ErrUnreadable
	}
	most := 0
	if l.Extent.Last > 0 {
		most = tail.Records(l.Extent.Last)
	}
	asked := time.Now()
	body, err := client.Once(ctx, l.Container.ID, l.Extent.Since, most)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	r := stream.NewReader(body, stream.Config{
		TTY: l.Container.TTY, TimesDiffer: l.Container.Driver == "journald", MaxLine: l.MaxLine, Rules: l.Rules, Events: l.events(),
	})
	for err == nil && ctx.Err() == nil {
		if err = r.Wait(); err == nil {
			r.Take(emit)
			err = l.passed(func() int64 { return r.Position().Pending })
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return err
	}
	return l.end(ctx, r, func() { r.Flush(emit) }, asked, emit)
}

// Uncounted are the events of a log that is only looked at.
type Uncounted struct{ cut, unread func() }

func (Uncounted) call(f func()) {
	if f != nil {
		f()
	}
}

// CorruptRecord implements tail.Events, as all below.
func (u Uncounted) CorruptRecord() { u.call(u.unread) }

// LineCut counts nothing.
func (u Uncounted) LineCut() { u.call(u.cut) }

// LeftOut counts nothing.
func (Uncounted) LeftOut(int) {}

// LineSkipped counts nothing.
func (Uncounted) LineSkipped(string) {}

// ForgedEntry counts nothing.
func (Uncounted) ForgedEntry() {}

// Truncated is what was not read of a file before.
func (u Uncounted) Truncated(found bool, _ int64) {
	if !found {
		u.call(u.unread)
	}
}

// RotatedAway is files that are not there.
func (u Uncounted) RotatedAway() { u.call(u.unread) }

// Unsure is more that was read, not less.
func (Uncounted) Unsure() {}

// Opener opens a section of the journal.
type Opener func(id string) (*journal.Journal, *journal.Selection)

// Progress is how far reading several logs is.
type Progress struct {
	Container        string
	Done, Containers int
	// Lines is how many were read of all.
	Lines int64
}
