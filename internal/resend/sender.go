package resend

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// What is held of lines that are sent again, in bytes.
const (
	// resendMemory bounds what waits for Loki's answer.
	resendMemory = 4 << 20
	// resendPiece is what is handed over at once, at most.
	resendPiece = 256 << 10
)

// sender delivers what it is handed over, of one container after the other.
type sender struct {
	lanes *dispatch.Dispatcher
	chunk producer.Chunk
	pace  pace
	// end ends what delivers; nil where it has ended.
	end func()
}

// newSender starts one, if Loki would take something. When ctx is done, what was handed over is
// delivered for as long as a stop may take.
func newSender(ctx context.Context, by examine.Service, of *Resending) (*sender, error) {
	sink, err := endpoint.New(by.Config, by.Version, by.Log)
	if err != nil {
		return nil, err
	}
	if !of.DryRun {
		if err := reachable(ctx, sink); err != nil {
			sink.Close()
			return nil, err
		}
	}
	s := &sender{pace: pace{rate: of.Rate}}
	s.lanes = dispatch.New(dispatch.Config{
		Sink: sink, Metrics: uncounted{}, Log: by.Log, Lanes: 1, MaxPushes: 1, LastOnly: true, Apart: true,
		BatchSize: resendPiece, MaxMemory: resendMemory,
	})
	draining, cut := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error { return s.lanes.Run(draining) })
	s.end = func() {
		s.lanes.Close()
		timer := time.AfterFunc(by.Config.Limits.Shutdown, cut)
		_ = group.Wait() // it has no error
		timer.Stop()
		cut()
		sink.Close()
	}
	return s, nil
}

// stop stops it, once. What became of the lines can still be asked.
func (s *sender) stop() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// reachable asks Loki whether it would take something, as whoever waits wants to know at once of
// what will not pass. One that has too much to do, or is about to start, is waited for later.
func reachable(ctx context.Context, sink *endpoint.Loki) error {
	out := sink.Probe(ctx)
	passes := out.Kind == logs.Retry && !out.Misconfigured && !out.Unreachable
	if out.Kind != logs.Accepted && !passes {
		return fmt.Errorf("cannot send to %s: %w", sink.Name, out.Err)
	}
	return nil
}

// send hands over entries of a container whose log is read by a route, no faster than the rate
// allows. said is called after each piece of them.
func (s *sender) send(ctx context.Context, to *producer.Producer, route logs.RouteKind, all []pastEntry, said func()) error {
	for len(all) > 0 {
		if err := s.chunk.Begin(ctx, to); err != nil {
			return err
		}
		s.chunk.Behind()
		n, size := pieceOf(all, s.pace.piece())
		for _, e := range all[:n] {
			s.chunk.Add(e.Entry)
		}
		s.chunk.End(route, size, logs.Position{Last: all[n-1].done}, nil)
		s.chunk.Flush()
		all = all[n:]
		said()
		if err := s.pace.wait(ctx, size); err != nil {
			return err
		}
	}
	return nil
}

// pieceOf returns how many entries are handed over at once, of about as many bytes as they may have,
// structured metadata included.
func pieceOf(all []pastEntry, most int) (n, size int) {
	for n < len(all) && size < most {
		size += all[n].Size()
		n++
	}
	return n, size
}

// pace bounds the bytes that are sent in a second.
type pace struct {
	// rate is how many; 0 for no bound.
	rate int
	// free is when the rate allows for more.
	free time.Time
}

// piece is how many bytes are handed over at once: a small part of what may be in a second.
func (p *pace) piece() int {
	if p.rate == 0 {
		return resendPiece
	}
	return min(max(p.rate/4, 1), resendPiece)
}

// wait waits until the rate allows for more than was sent just now.
func (p *pace) wait(ctx context.Context, sent int) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(sent) / float64(p.rate) * float64(time.Second)))
	timer := time.NewTimer(p.free.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
