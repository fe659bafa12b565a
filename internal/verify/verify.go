package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// Verification compares what is stored with what Loki has.
type Verification struct {
	Scope examine.Scope
	// Examples bounds the examples of each kind, of each log.
	Examples int
	// Refused are the lines that Loki has refused since the service was started, by container
	// ID; nil where nobody knows.
	Refused map[string]uint64
	// Remembered bounds the entries of each side that are remembered; 0 for the usual.
	Remembered int
}

// Verified is what was found of a log.
type Verified struct {
	Kind     examine.Kind
	Name, ID string
	// Output is the one that was compared; empty for that of loki-url.
	Output string
	Result audit.Result
	// Stored is how many lines there are of the time. Dropped were dropped, by rule, and
	// Joined were added to other lines' entries. Passed are lines that are not compared: from
	// before lighterman was to collect any, parts of an entry whose beginning is gone, or sent
	// with a time that is not the one compared.
	Stored, Joined, Passed int64
	Dropped                map[string]int64
	DropExamples           []DroppedLine
	// Refused is nil where it is not known.
	Refused *uint64
	// Unread is why nothing could be compared; empty otherwise. Failed says that it could have
	// been: the log is one that lighterman reads.
	Unread string
	Failed bool
}

// DroppedLine is a line that a rule drops.
type DroppedLine struct {
	Rule, Text string
	Time       int64
}

// Same reports whether Loki has what it has to have.
func (v *Verified) Same() bool { return v.Result.Same() && v.Unread == "" }

// Run compares logs one after the other, of each output, and hands out what it finds of each.
func Run(ctx context.Context, by examine.Service, of Verification, found func(*Verified) error) error {
	return examine.Each(ctx, by, of.Scope, func(x *examine.Examiner, ctx context.Context, s *examine.Subject) error {
		out, err := of.one(ctx, x, s)
		if err != nil {
			return err
		}
		return found(out)
	})
}

// one compares a log.
func (of *Verification) one(ctx context.Context, x *examine.Examiner, s *examine.Subject) (*Verified, error) {
	out := &Verified{Kind: s.Kind, Name: s.Title, ID: s.Container.ID, Output: x.Output, Dropped: make(map[string]int64), Unread: s.Unread}
	if n, known := of.Refused[s.Container.ID]; known && x.Output == "" {
		out.Refused = &n
	}
	if s.Unread != "" {
		return out, nil
	}
	l := &lining{log: x.Reading(s), of: of, out: out, from: of.Scope.Since.UnixNano(), to: x.Now.UnixNano()}
	compare := l.timed
	if s.Kind == examine.OfFile {
		compare = l.file
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.fail = cancel
	err := compare(ctx)
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return nil, fmt.Errorf("cannot compare its log with Loki: %w", cause)
	case err != nil: // of this log alone
		out.Unread, out.Failed = err.Error(), !errors.Is(err, errUntold)
		return out, nil
	}
	out.Passed += out.Result.Edge
	if away := l.away(); away > 0 {
		out.Unread, out.Failed = fmt.Sprintf("none of its %d entries could be compared: a stage gives them a time that is not the one compared; give an earlier --since", away), true
	}
	out.Stored = out.Result.Entries + out.Joined
	for _, n := range out.Dropped {
		out.Stored += n
	}
	return out, nil
}

// timed compares a log whose lines have times.
func (l *lining) timed(ctx context.Context) error {
	s, x := l.log.Subject, l.log.Examiner
	idName, id := examine.IDName(s.Timeline, s.Container.ID), s.Container.ID
	if s.Kind != examine.OfContainer {
		idName, id = "", ""
	}
	l.audit = audit.New(audit.Config{
		Source: x.Loki.Source, Container: id, IDName: idName, Naming: s.Naming,
		From: max(l.from, l.log.Acked.Never), To: l.to, Examples: l.of.Examples, Most: l.of.Remembered,
	})
	defer l.audit.Close()
	l.look = producer.NewLook(s.Timeline, s.Stages, x.Service.Log, l.dropped, l.joined)
	journal := s.Route.Kind == logs.Journal || s.Route.Kind == logs.HostJournal
	l.look.Raw = l.log.Acked.Passed
	l.begin = beginning{torn: !journal || l.look.Rules().Group != nil, edge: s.Kind != examine.OfContainer || mayBeCut(s.Container, s.Route)}
	if err := l.log.Read(ctx, l.look, func(e *logs.Entry) { l.take(ctx, e) }); err != nil || context.Cause(ctx) != nil {
		return err
	}
	if err := l.audit.End(); err != nil {
		l.fail(err)
	}
	l.out.Result = l.audit.Result
	return nil
}

// mayBeCut reports whether the oldest lines of a log may be gone already.
func mayBeCut(c *logs.Container, route logs.Route) bool {
	if route.Kind != logs.File {
		return true
	}
	files := "5" // by default, but of json-file
	if c.Driver == "json-file" {
		if files = "1"; c.DriverOptions["max-size"] == "" {
			return false
		}
	}
	most, err := strconv.Atoi(cmp.Or(c.DriverOptions["max-file"], files))
	if err != nil || most < 2 {
		return true
	}
	oldest := fmt.Sprint(route.Path, ".", most-1)
	for _, name := range []string{oldest, oldest + ".gz"} {
		if _, err := os.Lstat(name); err == nil {
			return true
		}
	}
	return false
}

// lining holds the entries of one log against what Loki has.
type lining struct {
	log  *examine.Reading
	of   *Verification
	out  *Verified
	look *producer.Look
	// audit is for lines that have times; nil for those of a file that have none.
	audit *audit.Audit
	// from and to are the time that counts.
	from, to int64
	fail     context.CancelCauseFunc
	// joining are the lines that were added to the entry in hand.
	joining int
	// moved are entries of the time that are sent with one that is not, and far from it.
	moved int64
	begin beginning
}

// beginning is where a log begins, as far as it is there.
type beginning struct {
	// found says that the first entry was seen. torn says that it may be the rest of one, and edge
	// that the log may have begun before it.
	found, torn, edge bool
}

// found is told of the first entry: that it was stored at one time and is sent with another.
func (l *lining) found(at, sent int64) {
	if l.begin.found {
		return
	}
	l.begin.found = true
	first := at
	if sent < l.to { // what was before it has an earlier time, also where a stage gives it that
		first = max(at, sent)
	}
	l.audit.Begin(first, l.begin.edge, l.begin.torn)
}

// usualShift is as far as a stage usually moves an entry: a program takes so long to write it.
const usualShift = int64(time.Minute)

// away is how many entries were not compared because of the time that a stage gives them, where
// that were all; 0 otherwise.
func (l *lining) away() int64 {
	// Each stream may have lost the beginning of its first entry, without any stage.
	if edge := l.out.Result.Edge; l.audit != nil && l.out.Result.Entries == 0 && (l.moved > 0 || edge > logs.Streams) {
		return l.moved + edge
	}
	return 0
}

// counts reports whether a line counts that was stored at one time and is sent with another,
// and notes where the log begins.
func (l *lining) counts(at, sent int64) bool {
	l.found(at, sent)
	never := l.log.Acked.Never
	inside := sent >= l.from && sent < l.to
	switch {
	case !inside && at >= max(l.from, never) && at < l.to:
		if l.out.Passed++; max(at-sent, sent-at) > usualShift {
			l.moved++
		}
	case inside && at < never:
		l.out.Passed++
	}
	return inside && at >= never
}

func (l *lining) joined(lines int) { l.joining = lines }

func (l *lining) dropped(e *logs.Entry, rule string) {
	if !l.counts(e.Time, e.Time) {
		l.joining = 0
		return
	}
	l.drop(e, rule)
}

func (l *lining) drop(e *logs.Entry, rule string) {
	joined := int64(l.joining)
	l.joining = 0
	l.out.Dropped[cmp.Or(rule, "a stage")]++
	l.out.Joined += joined
	if len(l.out.DropExamples) < l.of.Examples {
		l.out.DropExamples = append(l.out.DropExamples, DroppedLine{rule, audit.Excerpt(e.Line), e.Time})
	}
}

func (l *lining) take(ctx context.Context, e *logs.Entry) {
	joined := int64(l.joining)
	l.joining = 0
	origin := l.look.Origin()
	if context.Cause(ctx) != nil || !l.counts(origin, e.Time) {
		return
	}
	l.out.Joined += joined
	labels, tenant := l.look.Labels(e)
	waits, not := l.log.Acked.Waits(origin, e.Stream)
	stored := audit.Stored{Time: e.Time, Stream: e.Stream, Text: e.Line, Labels: labels, Tenant: tenant, Waits: waits, Acknowledged: not}
	if err := l.audit.Add(ctx, stored); err != nil {
		l.fail(err)
	}
}
