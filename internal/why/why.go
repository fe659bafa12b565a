package why

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/status"
)

// Inquiry asks what has become of lines.
type Inquiry struct {
	Scope examine.Scope
	// Text is what the lines have in them.
	Text string
	// Limit bounds the lines of each container that are told of: the newest.
	Limit int
	// Running is what the service says of its containers, by ID; nil where none is asked.
	Running map[string]status.Container
}

// Fate is what has become of a line.
type Fate string

// The fates.
const (
	FateSent    Fate = "sent"
	FateDropped Fate = "dropped"
	FateRefused Fate = "refused"
	FateWaiting Fate = "not_sent"
	FateMissing Fate = "missing"
	FateBefore  Fate = "before_start"
)

// Answer is what has become of the lines of a container.
type Answer struct {
	Name, ID string
	// Matches is how many entries have the text, of which Lines are the newest, newest first.
	Matches int64
	Lines   []*Line
	// Unread is why its log could not be read; empty otherwise.
	Unread string
	// Running is what the service says of it; nil where it is not known. Newest is the time of
	// the newest line that Loki has acknowledged.
	Running *status.Container
	Newest  int64
}

// Line is an entry that has the text.
type Line struct {
	Fate   Fate
	Time   int64
	Stream logs.Stream
	// Text is what is stored, as far as it is shown. Begins is the first line of the entry
	// that it was joined to, empty for none.
	Text, Begins string
	// Rule is the one that has dropped it, of those with a name.
	Rule string
	// Cut says that it was longer than what is sent.
	Cut bool
	// SentAs is the text in Loki, where it is another one, and SentAt the time there.
	SentAs string
	SentAt int64
	Tenant string
	// Labels are those in Loki, and Metadata its structured metadata.
	Labels, Metadata map[string]string
	// Refusal is the service's last one, of what is missing.
	Refusal *status.Refusal

	wanted wanted
}

// wanted is what is looked for of a line in Loki.
type wanted struct {
	query lokiquery.Query
	// text is what was stored, until it is known what is sent, and hash that of this.
	text  []byte
	hash  uint64
	waits bool
	// sent, if it is not nil, is set where the line was sent although it seemed to wait.
	sent *bool
}

// later reports whether it is still to be sent.
func (w *wanted) later() bool { return w.waits && (w.sent == nil || !*w.sent) }

// Run finds lines in what Docker has stored of containers, and hands out what has become of
// them at loki-url, one container after the other.
func Run(ctx context.Context, by examine.Service, of Inquiry, found func(*Answer) error) error {
	of.Scope.Outputs, of.Scope.Containers = []string{examine.FirstOutput}, true
	return examine.Each(ctx, by, of.Scope, func(x *examine.Examiner, ctx context.Context, s *examine.Subject) error {
		if s.Kind != examine.OfContainer {
			if len(of.Scope.Names) == 0 {
				return nil
			}
			s.Unread = "only lines of containers are looked for; lighterman verify compares this"
		}
		out, err := of.ask(ctx, x, s)
		if err != nil {
			return err
		}
		return found(out)
	})
}

// ask finds the lines of a container.
func (of *Inquiry) ask(ctx context.Context, x *examine.Examiner, c *examine.Subject) (*Answer, error) {
	out := &Answer{Name: c.Title, ID: c.Container.ID, Unread: c.Unread}
	if running, known := of.Running[c.Container.ID]; known {
		out.Running = &running
	}
	if c.Unread != "" {
		return out, nil
	}
	r := x.Reading(c)
	out.Newest = r.Acked.Record.Position.Latest()
	s := &search{log: r, inquiry: of, out: out}
	r.Cut = func() { s.wasCut = true }
	s.look = producer.NewLook(c.Timeline, c.Stages, x.Service.Log, s.dropped, func(int) {})
	s.look.Raw = s.raw
	err := r.Read(ctx, s.look, s.take)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		out.Unread = err.Error()
	}
	slices.Reverse(out.Lines)
	for _, l := range out.Lines {
		if err := find(ctx, x, out, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// search is for the lines of one container.
type search struct {
	log     *examine.Reading
	inquiry *Inquiry
	out     *Answer
	look    *producer.Look
	// wasCut says that the next entry was cut; in is the line in hand, nil where it has not the
	// text.
	wasCut bool
	in     *Line
}

// raw takes an entry as it is stored.
func (s *search) raw(e *logs.Entry) {
	s.log.Acked.Passed(e)
	cut := s.wasCut
	s.in, s.wasCut = nil, false
	at := bytes.Index(e.Line, []byte(s.inquiry.Text))
	if at < 0 || e.Time < s.inquiry.Scope.Since.UnixNano() {
		return
	}
	l := &Line{Time: e.Time, Stream: e.Stream, Cut: cut}
	begin := bytes.LastIndexByte(e.Line[:at], '\n') + 1
	end := len(e.Line)
	if i := bytes.IndexByte(e.Line[at:], '\n'); i >= 0 {
		end = at + i
	}
	l.Text = audit.Excerpt(e.Line[begin:end])
	if begin > 0 {
		first, _, _ := bytes.Cut(e.Line, []byte("\n"))
		l.Begins = audit.Excerpt(first)
	}
	l.wanted.text = bytes.Clone(e.Line)
	s.in = l
}

func (s *search) dropped(_ *logs.Entry, rule string) {
	if s.in != nil {
		s.in.Fate, s.in.Rule, s.in.wanted.text = FateDropped, rule, nil
		s.keep()
	}
}

// take takes an entry as it is sent.
func (s *search) take(e *logs.Entry) {
	l := s.in
	if l == nil {
		return
	}
	labels, tenant := s.look.Labels(e)
	l.wanted.query = lokiquery.Query{Selector: audit.Selector(labels, e.Stream, s.log.Subject.Naming), From: e.Time, To: e.Time + 1}
	l.Tenant, l.SentAt = tenant, e.Time
	if !bytes.Equal(l.wanted.text, e.Line) {
		l.SentAs = audit.Excerpt(e.Line)
	}
	l.wanted.text, l.wanted.hash = nil, xxhash.Sum64(e.Line)
	l.wanted.waits, l.wanted.sent = s.log.Acked.Waits(l.Time, e.Stream)
	s.keep()
}

// keep keeps the line in hand, as long as it is among the newest.
func (s *search) keep() {
	l := s.in
	s.in = nil
	if l.Time < s.log.Acked.Never {
		l.Fate = FateBefore
	}
	s.out.Matches++
	if s.out.Lines = append(s.out.Lines, l); len(s.out.Lines) > s.inquiry.Limit {
		s.out.Lines[0] = nil
		s.out.Lines = s.out.Lines[1:]
	}
}

// find looks for a line in Loki.
func find(ctx context.Context, x *examine.Examiner, of *Answer, l *Line) error {
	if l.Fate == FateDropped {
		return nil
	}
	id := examine.IDName(producer.Timeline(x.View.Records[of.ID].Labels), of.ID)
	for e, err := range x.Loki.Source(ctx, l.Tenant, l.wanted.query) {
		switch other := e.Metadata[id]; {
		case err != nil:
			return err
		case xxhash.Sum64String(e.Line) != l.wanted.hash, id != "" && other != "" && other != of.ID:
			continue
		}
		l.Fate, l.Labels, l.Metadata = FateSent, maps.Clone(e.Labels), e.Metadata
		return nil
	}
	switch {
	case l.Fate != "":
	case l.wanted.later():
		l.Fate = FateWaiting
	default:
		l.Fate = FateMissing
		if of.Running != nil && of.Running.LastRefusal != nil {
			l.Refusal = of.Running.LastRefusal
			if l.Refusal.Example.UnixNano() == l.SentAt {
				l.Fate = FateRefused
			}
		}
	}
	return nil
}
