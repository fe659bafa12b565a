package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/scan"
)

// errUntold is the error of what cannot be compared, whoever asks and when.
var errUntold = errors.New("cannot be told")

// file compares a file of the host. Its lines have no time: when each was read was known until
// it was acknowledged. So what was sent of it is compared in its order; only where a stage has
// given each line a time of its own that is known as well.
func (l *lining) file(ctx context.Context) error {
	path, position := l.log.Subject.Route.Path, l.log.Acked.Record.Position
	if l.rated() {
		return fmt.Errorf("%w: a stage, limit or sampling, decides about lines by their time, and those of a file have none", errUntold)
	}
	facts, err := plain.Look(path)
	if err != nil {
		return err
	}
	if position.Plain.Head > 0 {
		if _, _, has := plain.Compare(path, position, false); !has {
			return fmt.Errorf("%w: it does not have what was read of it, so it was truncated or written anew, and the service has not seen that yet", errUntold)
		}
	}
	if facts.Written < l.from && facts.Size == position.File.Offsets[logs.Stdout] {
		return nil // nothing of it is of the time
	}
	var kinds struct{ dated, undated int64 }
	of := l.sequenced()
	sequence := audit.NewSequence(of)
	defer sequence.Close()
	err = l.lines(ctx, nothing, func(e *logs.Entry, stored audit.Stored) error {
		if e.Time != l.look.Origin() {
			kinds.dated++
			return nil
		}
		kinds.undated++
		if of.Whole {
			return nil
		}
		return sequence.Count(ctx, stored)
	})
	switch {
	case err != nil:
		return err
	case kinds.dated > 0 && kinds.undated > 0:
		return fmt.Errorf("%w: a stage gives some of its lines a time of their own, and others have none (timestamp: action_on_failure)", errUntold)
	case kinds.dated > 0:
		return l.dated(ctx)
	case !of.Whole:
		if err := sequence.Counted(); err != nil {
			l.fail(err)
			return nil
		}
	}
	if err := l.lines(ctx, sequence.Begun, func(_ *logs.Entry, stored audit.Stored) error { return sequence.Add(ctx, stored) }); err != nil || context.Cause(ctx) != nil {
		return err
	}
	if err := sequence.End(); err != nil {
		l.fail(err)
	}
	l.out.Result = sequence.Result
	return nil
}

// sequenced says what is known of when the file was sent.
func (l *lining) sequenced() audit.SequenceConfig {
	s, x, record := l.log.Subject, l.log.Examiner, &l.log.Acked.Record
	_, _, made, _ := plain.ParseID(s.Container.ID)
	// What it was sent as is known as long as stages and labels are as they were.
	changed := s.Stages.Load().Newest()
	if len(s.Timeline) > 1 {
		changed = max(changed, s.Timeline[len(s.Timeline)-1].From)
	}
	of := audit.SequenceConfig{
		Source: x.Loki.Source, Naming: s.Naming, From: max(l.from, made, changed), To: l.to,
		Newest: record.Position.Latest(), Examples: l.of.Examples, Most: l.of.Remembered,
	}
	former := false
	for id, r := range x.View.Records { // other files of this name, and what it held before a truncation
		switch path, _, other, is := plain.ParseID(id); {
		case !is || path != s.Container.Name || id == s.Container.ID:
		case other > made:
			of.After = min(cmp.Or(of.After, other), other)
		default:
			former, of.Before = true, max(of.Before, r.Position.Latest())
		}
	}
	never := x.Service.Config.Reading.Since
	of.Whole = made > 0 && of.From == made && !former && record.Position.Plain.Epoch == 0 && (never.Beginning || made >= x.View.Born.UnixNano())
	return of
}

// dated compares lines to each of which a stage has given a time.
func (l *lining) dated(ctx context.Context) error {
	l.audit = audit.New(audit.Config{
		Source: l.log.Examiner.Loki.Source, Naming: l.log.Subject.Naming, From: l.from, To: l.to, Examples: l.of.Examples, Most: l.of.Remembered,
	})
	defer l.audit.Close()
	begun := false
	err := l.lines(ctx, func() bool { return begun }, func(e *logs.Entry, stored audit.Stored) error {
		if e.Time < l.from || e.Time >= l.to {
			return nil
		}
		if !begun {
			begun = true
			l.audit.Begin(e.Time, true, l.begin.torn)
		}
		return l.audit.Add(ctx, stored)
	})
	if err != nil || context.Cause(ctx) != nil {
		return err
	}
	if err := l.audit.End(); err != nil {
		l.fail(err)
	}
	l.out.Result = l.audit.Result
	return nil
}

// nothing counts of what is read only to know what there is.
func nothing() bool { return false }

// lines reads the file from its beginning, and has take called for each entry as it is sent.
// counting reports whether what becomes of lines counts by now.
func (l *lining) lines(ctx context.Context, counting func() bool, take func(*logs.Entry, audit.Stored) error) error {
	clock := &lineClock{at: time.Now()}
	s, x, acked := l.log.Subject, l.log.Examiner, &l.log.Acked
	l.joining, acked.Ended = 0, false
	dropped := func(e *logs.Entry, rule string) {
		if !counting() {
			l.joining = 0
			return
		}
		l.drop(e, rule)
	}
	l.look = producer.NewLook(s.Timeline, s.Stages, x.Service.Log, dropped, l.joined)
	l.begin.torn = l.look.Rules().Group != nil
	return l.readFile(ctx, clock, func(e *logs.Entry) {
		x.Took()
		if context.Cause(ctx) != nil {
			return
		}
		if counting() {
			l.out.Joined += int64(l.joining)
		}
		l.joining = 0
		labels, tenant := l.look.Labels(e)
		waits := acked.Ended
		if !acked.None {
			waits = !acked.Known || clock.behind != 0 && l.look.Origin() >= clock.behind
		}
		if err := take(e, audit.Stored{Time: e.Time, Stream: e.Stream, Text: e.Line, Labels: labels, Tenant: tenant, Waits: waits}); err != nil {
			l.fail(err)
		}
	})
}

// lineClock gives lines times by which it is known which are acknowledged. It stands still:
// lines that are read at once are apart by a nanosecond each.
type lineClock struct {
	at time.Time
	// behind is the time of the first line that is not acknowledged; 0 before it.
	behind int64
}

// farBehind is much more than a file has lines.
const farBehind = 100 * time.Hour

func (c *lineClock) now() time.Time { return c.at }

func (c *lineClock) pass() {
	if c.behind == 0 {
		c.at = c.at.Add(farBehind)
		c.behind = c.at.UnixNano()
	}
}

// readFile reads it as far as it goes now.
func (l *lining) readFile(ctx context.Context, clock *lineClock, emit func(*logs.Entry)) error {
	path := l.log.Subject.Route.Path
	facts, err := plain.Look(path)
	if err != nil {
		return err
	}
	acknowledged := l.log.Acked.Record.Position.File.Offsets[logs.Stdout]
	if acknowledged == 0 {
		clock.pass()
	}
	truncated := false
	log := plain.Open(plain.Config{
		Path: path, Inode: facts.Inode, Made: facts.Made, Silence: host.Silence, MaxLine: l.log.Examiner.Service.Config.Limits.LineBytes,
		Rules: l.look.Rules(), Events: whenTruncated{scan.Uncounted{}, func() { truncated = true }}, Now: clock.now,
		Foresee: func(logs.Span) (int, int64, error) { return 0, 0, nil }, Foreseen: func() (int, int64) { return 0, 0 },
	})
	defer log.Close()
	buf := make([]byte, 0, chunkSize)
	memory := func(least int) []byte {
		buf = slices.Grow(buf[:0], least)[:least]
		return buf
	}
	pass := func(e logs.Entry) { emit(&e) }
	for ctx.Err() == nil {
		size := chunkSize
		if to := acknowledged - log.Offset(); to > 0 { // no chunk lies on both sides
			size = min(size, int(min(to, chunkSize))+plain.Overlap(log.Offset())+1)
		}
		progress, err := log.Read(size, memory, pass)
		switch {
		case err != nil:
			return err
		case truncated:
			return fmt.Errorf("%w: it was truncated while it was read", errUntold)
		case log.Offset() >= acknowledged:
			clock.pass()
		}
		if !progress.More || log.Offset() >= facts.Size && log.Offset() >= acknowledged {
			break
		}
	}
	l.log.Acked.Ended = true
	log.Flush(pass)
	return ctx.Err()
}

// chunkSize is how much of a file is read at once.
const chunkSize = 64 << 10

// whenTruncated are events of which one matters.
type whenTruncated struct {
	scan.Uncounted
	truncated func()
}

// Truncated implements plain.Events.
func (w whenTruncated) Truncated(bool, int64) { w.truncated() }

// rated reports whether a stage of the file's section decides by the time of lines.
func (l *lining) rated() bool {
	x := l.log.Examiner
	cfg := x.Service.Config
	section := x.SectionOf(l.log.Subject.Container.Name)
	stages := cfg.Stages
	if s := &cfg.Files[section]; s.OwnStages {
		stages = s.Stages
	}
	return slices.ContainsFunc(stages, func(s config.Stage) bool { return limits(s.Node) })
}

// limits reports whether there is such a stage within a node.
func limits(n *yaml.Node) bool {
	for i, part := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (part.Value == "limit" || part.Value == "sampling") && n.Content[i+1].Kind == yaml.MappingNode {
			return true
		}
		if limits(part) {
			return true
		}
	}
	return false
}
