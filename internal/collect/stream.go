package collect

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stream"
)

// streamSource reads one container's log through the API, on a goroutine and a
// connection of its own.
type streamSource struct {
	cancel context.CancelCauseFunc
	// lookAt is when to look whether the stream has stalled, and silence how
	// long to wait then until the next look.
	lookAt  time.Time
	silence time.Duration
	// turn is nil when the container ran when the stream began.
	turn *turn
	// spoke tells that the engine has sent something.
	spoke atomic.Bool
	// looking tells that a look at the stream is under way.
	looking atomic.Bool
	// tails are the places to begin at; see tails.
	tails []int
}

// turn is one of a bounded number.
type turn struct {
	all chan struct{}
	// mu guards has and over.
	mu        sync.Mutex
	has, over bool
	// ended is closed by end.
	ended chan struct{}
}

func newTurn(all chan struct{}) *turn { return &turn{all: all, ended: make(chan struct{})} }

// state tells whether the turn has not come, and whether it is over.
func (t *turn) state() (waits, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.has && !t.over, t.over
}

// await waits for the turn, or until it is not needed any more. It returns false
// when ctx is done before.
func (t *turn) await(ctx context.Context) bool {
	select {
	case t.all <- struct{}{}:
	case <-t.ended:
		return true
	case <-ctx.Done():
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has = !t.over; t.over {
		<-t.all
	}
	return true
}

// end lets others have the turn.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	close(t.ended)
	if t.has {
		<-t.all
	}
}

func (c *Collector) startStream(ctx context.Context, u *unit) {
	ctx, cancel := context.WithCancelCause(ctx)
	u.stream, u.stopping = &streamSource{cancel: cancel, silence: minSilence}, false
	u.stream.lookIn(time.Now(), minSilence)
	u.heard.Store(heard(u.position))
	u.streaming.Store(true)
	u.idle()
	container, position, s := u.container(), u.position, u.stream
	if !container.Running {
		s.turn = newTurn(c.final)
	}
	if s.tails = tails(container, position); u.search > 0 {
		s.tails = []int{0} // the newest engine hangs at the tail of a log that was truncated
	}
	if u.backoff > 0 {
		c.config.Metrics.Reconnected()
	}
	c.streams.Go(func() error {
		defer cancel(nil)
		c.ended <- c.follow(ctx, u, s, container, position)
		return nil
	})
}

// follow reads a log until its stream ends or ctx is done.
func (c *Collector) follow(ctx context.Context, u *unit, source *streamSource, container *logs.Container, from logs.Position) end {
	e := end{unit: u, position: from, run: container.StartedAt, final: !container.Running, began: time.Now()}
	if turn := source.turn; turn != nil {
		defer turn.end()
		if !turn.await(ctx) {
			e.err = ctx.Err()
			return e
		}
		u.idle()
	}
	for _, records := range source.tails {
		e.err = c.read(ctx, u, source, container, records, &e)
		if !errors.Is(e.err, stream.ErrGap) {
			break
		}
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) || errors.Is(cause, errEndless) {
		e.err = cause
	}
	return e
}

// read reads one body, which begins at a number of records before the end or, for 0,
// where e was left.
func (c *Collector) read(ctx context.Context, u *unit, source *streamSource, container *logs.Container, records int, e *end) error {
	body, err := c.open(ctx, u.id, e.position, records)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	source.spoke.Store(false)
	u.heard.Store(heard(e.position)) // not what an attempt in vain has brought
	s := &session{
		collector: c, unit: u, source: source, lane: c.config.Lanes[u.lane], end: e,
		reader: stream.NewReader(body, stream.Config{
			TTY: container.TTY, TimesDiffer: container.Driver == "journald", Tail: records, Heard: &u.heard,
			Resume: e.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics,
		}),
	}
	return s.run(ctx)
}

func (c *Collector) open(ctx context.Context, id string, from logs.Position, records int) (io.ReadCloser, error) {
	if records > 0 {
		return c.config.Engine.Tail(ctx, id, records)
	}
	return c.config.Engine.Logs(ctx, id, stream.Since(from))
}

// session is one connection.
type session struct {
	collector *Collector
	unit      *unit
	source    *streamSource
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
		s.unit.idle()
		end := s.reader.Wait()
		s.unit.idleSince.Store(nil)
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		s.source.spoke.Store(true)
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
	if err := s.lane.Begin(ctx, s.unit.id); err != nil {
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
		s.unit.wakeNext()
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
