package stream

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// follow reads a log until its stream ends or is ended.
func (s *Source) follow() End {
	defer s.cancel(nil)
	e := End{Position: s.start.Position}
	e.Err = s.readAll(s.ctx, &e)
	switch cause := context.Cause(s.ctx); {
	case errors.Is(cause, errStalled), errors.Is(cause, errEndless):
		e.Err = cause
	case (errors.Is(cause, errAsked) || errors.Is(cause, errSilent)) && !Ended(e.Err):
		e.Err = nil
	}
	e.Search = s.nextSearch(e.Err)
	return e
}

// readAll reads from the first of the places to begin at that proves to be one.
func (s *Source) readAll(ctx context.Context, e *End) error {
	if s.permit != nil {
		defer s.permit.end()
		if !s.permit.await(ctx) {
			return ctx.Err()
		}
		s.idle()
	}
	var err error
	for _, records := range s.tails() {
		if err = s.read(ctx, records, e); !errors.Is(err, ErrGap) {
			break
		}
	}
	return err
}

// read reads one body, which begins at a number of records before the end or, for 0,
// where e was left.
func (s *Source) read(ctx context.Context, records int, e *End) error {
	container, common, out := s.start.Container, &s.group.config, s.start.Producer
	config := Config{
		TTY: container.TTY, TimesDiffer: container.Driver == "journald", Heard: &s.heard,
		Resume: e.Position, Rules: out.Rules(e.Position), MaxLine: common.MaxLine, Events: common.Events,
	}
	since := s.look(ctx, records, &config)
	if config.Newest.Known {
		s.end.Store(&config.Newest.Time)
	}
	body, err := s.open(ctx, since, records)
	if err != nil {
		return err
	}
	out.Log.Debug("opened a log stream", "since", since, "tail", records, "from", e.Position, "newest", config.Newest, "leave_out", config.LeaveOut)
	defer func() { _ = body.Close() }()
	s.spoke.Store(false)
	if config.Tail = records; e.Position.Last == 0 && (!fresh(e.Position) || s.lastRecords() > 0) {
		config.Tail = 0 // there is no place to be found
	}
	s.heard.Store(heard(e.Position)) // not what an attempt in vain has brought
	x := &session{source: s, end: e, reader: NewReader(body, config), open: newOpen(config.Rules)}
	defer out.SetHeld(nil)
	defer x.open.stop()
	if fresh(e.Position) {
		// What is written from here on was not there when the log was opened, also if we
		// are killed before the first line.
		if err := x.handOver(ctx, false, false); err != nil {
			return err
		}
	}
	return x.run(ctx)
}

func (s *Source) open(ctx context.Context, since int64, records int) (io.ReadCloser, error) {
	if records > 0 {
		return s.group.config.Engine.Tail(ctx, s.start.Producer.ID, records)
	}
	return s.group.config.Engine.Logs(ctx, s.start.Producer.ID, since)
}

// session is one connection.
type session struct {
	source *Source
	reader *Reader
	chunk  producer.Chunk
	end    *End
	open   *open
	// held is what was held back last, and pending the timestamp of its first part.
	held    *producer.HeldBack
	pending int64
}

// run hands entries over until the stream ends. It returns io.EOF when the
// engine ended it in order.
func (x *session) run(ctx context.Context) error {
	s := x.source
	for {
		s.idle()
		end := x.reader.Wait()
		s.idleSince.Store(nil)
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		s.spoke.Store(true)
		if err := x.handOver(ctx, end != nil && !s.start.Container.Running, end != nil); err != nil {
			return err
		}
		if end != nil {
			return end
		}
	}
}

// handOver passes on what has arrived, and at the end of a run that is over the
// lines that were held back. The run has ended, most likely, when the stream does. But one
// that followed it may have ended too early: with a cached driver the last lines reach the
// cache after that (seen on 20.10: up to 200 of them). Only a stream that was opened when
// the run was over has it all.
func (x *session) handOver(ctx context.Context, last, ended bool) error {
	return x.open.alone(func() error {
		return x.pass(ctx, last, func() {
			x.reader.Take(x.chunk.Add)
			x.open.heard(time.Now(), x.source.heard.Load())
			// Records come in the order of the log, but for Disorder.
			x.reader.FlushGroups(x.source.heard.Load()-assemble.Disorder, x.chunk.Add)
			if ended {
				x.reader.FlushGroups(math.MaxInt64, x.chunk.Add)
			}
			if last {
				x.reader.Flush(x.chunk.Add)
			}
		})
	})
}

// flushGroups passes on the entries that no further line can join.
func (x *session) flushGroups(ctx context.Context) {
	_ = x.open.alone(func() error { // an error is ctx's
		if idle := x.source.idleSince.Load(); idle == nil || time.Since(*idle) < x.open.wait()-grace/2 {
			x.open.later(func() { x.flushGroups(ctx) })
			return nil
		}
		return x.pass(ctx, false, func() { x.reader.FlushGroups(x.open.engineTime(time.Now()), x.chunk.Add) })
	})
}

// pass hands over what take takes.
func (x *session) pass(ctx context.Context, last bool, take func()) error {
	if err := x.chunk.Begin(ctx, x.source.start.Producer); err != nil {
		return err
	}
	take()
	place := x.reader.Position()
	x.lookAtHeld(place.Pending)
	if last {
		place.Drained = x.source.start.Container.StartedAt.UnixNano()
	}
	x.end.Read = x.end.Read || x.chunk.Lines > 0
	x.end.Position = x.chunk.End(logs.API, x.chunk.Bytes, place, nil)
	x.chunk.Flush()
	if some, _ := x.reader.Grouping(); some {
		x.open.later(func() { x.flushGroups(ctx) })
	}
	return nil
}

// lookAtHeld notes since when a line is held back, and how much of it.
func (x *session) lookAtHeld(pending int64) {
	switch bytes := x.reader.HeldBytes(); {
	case bytes == 0:
		x.held = nil
	case x.held == nil || x.pending != pending:
		x.held = &producer.HeldBack{Since: time.Now(), Bytes: bytes, Line: true}
	default:
		x.held = &producer.HeldBack{Since: x.held.Since, Bytes: bytes, Line: true}
	}
	if x.pending = pending; x.held != nil {
		_, x.held.Open = x.reader.Grouping()
	}
	x.source.start.Producer.SetHeld(x.held)
}

func newSource(ctx context.Context, g *Group, start Start) *Source {
	s := &Source{group: g, start: start, doubt: doubt{container: start.Container, silence: minSilence}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.heard.Store(heard(start.Position))
	s.idle()
	if !start.Container.Running {
		s.permit = newPermit(g.final)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.doubt.lookIn(now, minSilence)
	s.doubt.timer = time.AfterFunc(s.due(now).Sub(now), func() { s.attend(time.Now()) })
	return s
}

// Start reads a container's log, on a goroutine and a connection of its own, until the
// stream ends, the source is asked to end, or ctx is done.
func (g *Group) Start(ctx context.Context, start Start) *Source {
	s := newSource(ctx, g, start)
	g.sources.Go(func() error {
		end := s.follow()
		s.trust()
		start.Ended(end)
		return nil
	})
	return s
}
