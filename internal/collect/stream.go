package collect

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stream"
)

// streamSource reads one container's log through the API, on a goroutine and a
// connection of its own.
type streamSource struct {
	cancel context.CancelFunc
}

func (c *Collector) startStream(ctx context.Context, u *unit) {
	ctx, cancel := context.WithCancel(ctx)
	u.stream, u.stopping = &streamSource{cancel: cancel}, false
	u.streaming.Store(true)
	u.idleSince.Store(time.Now().UnixNano())
	container, position := u.container(), u.position
	if u.backoff > 0 {
		c.config.Metrics.Reconnected()
	}
	c.streams.Go(func() error {
		defer cancel()
		c.ended <- c.follow(ctx, u, container, position)
		return nil
	})
}

// follow reads a log until its stream ends or ctx is done.
func (c *Collector) follow(ctx context.Context, u *unit, container *logs.Container, from logs.Position) end {
	e := end{unit: u, position: from, run: container.StartedAt, final: !container.Running, began: time.Now()}
	if e.final {
		select {
		case c.final <- struct{}{}:
			defer func() { <-c.final }()
		case <-ctx.Done():
			e.err = ctx.Err()
			return e
		}
	}
	body, err := c.config.Engine.Logs(ctx, u.id, stream.Since(from))
	if err != nil {
		e.err = err
		return e
	}
	defer func() { _ = body.Close() }()
	s := &session{
		collector: c, unit: u, lane: c.config.Lanes[u.lane], end: &e,
		reader: stream.NewReader(body, stream.Config{
			TTY: container.TTY, TimesDiffer: container.Driver == "journald",
			Resume: from, MaxLine: c.config.MaxLine, Events: c.config.Metrics,
		}),
	}
	e.err = s.run(ctx)
	return e
}

// session is one connection.
type session struct {
	collector *Collector
	unit      *unit
	lane      Lane
	reader    *stream.Reader
	end       *end
	// lines and bytes count what is being handed over, and first is the
	// timestamp of the first of it.
	lines, bytes int
	first        int64
}

// run hands entries over until the stream ends. It returns io.EOF when the
// engine ended it in order.
func (s *session) run(ctx context.Context) error {
	for {
		s.unit.idleSince.Store(time.Now().UnixNano())
		end := s.reader.Wait()
		s.unit.idleSince.Store(0)
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		if err := s.handOver(ctx, end != nil && s.end.final); err != nil {
			return err
		}
		if end != nil {
			return end
		}
	}
}

// handOver passes on what has arrived, and at the end of a run that is over the
// lines that were held back.
func (s *session) handOver(ctx context.Context, last bool) error {
	if err := s.lane.Begin(ctx); err != nil {
		return err
	}
	s.lines, s.bytes, s.first = 0, 0, 0
	s.reader.Take(s.add)
	if last {
		s.reader.Flush(s.add)
	}
	position := s.reader.Position()
	if last {
		position.Drained = s.end.run.UnixNano()
	}
	s.end.position = position
	s.end.lines = s.end.lines || s.lines > 0
	s.unit.stats.lines.Add(int64(s.lines))
	s.collector.config.Metrics.Lines(logs.API.String(), s.lines, s.bytes)
	bytes := s.bytes
	s.unit.stats.handed(bytes, s.first)
	s.lane.End(func() {
		s.collector.config.Store.Commit(s.unit.id, position)
		s.unit.stats.delivered(bytes, position)
	})
	s.lane.Flush()
	return nil
}

func (s *session) add(e logs.Entry) {
	s.lane.Add(s.unit.labels.Load().at(e.Time), e)
	if s.lines == 0 {
		s.first = e.Time
	}
	s.lines++
	s.bytes += len(e.Line)
}

// age returns how long ago a timestamp was, in seconds; 0 for none.
func age(nano int64, now time.Time) float64 {
	if nano == 0 {
		return 0
	}
	return max(0, now.Sub(time.Unix(0, nano)).Seconds())
}
