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
	// spoke tells that the engine has sent something, and end the time of what the log
	// ended with when it was opened; nil while that is not known.
	spoke atomic.Bool
	end   atomic.Pointer[int64]
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
	c.unpark(u)
	c.room -= streamFiles
	u.startedAt = time.Now()
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
	if n := c.config.Tail; n > 0 && position.Last == 0 && position.Latest() == 0 {
		s.tails = []int{n}
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
	config := stream.Config{
		TTY: container.TTY, TimesDiffer: container.Driver == "journald", Heard: &u.heard,
		Resume: e.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics,
	}
	since := c.look(ctx, u, records, &config)
	if config.Newest.Known {
		source.end.Store(&config.Newest.Time)
	}
	body, err := c.open(ctx, u.id, since, records)
	if err != nil {
		return err
	}
	u.log.Debug("opened a log stream", "since", since, "tail", records, "from", e.position, "newest", config.Newest, "leave_out", config.LeaveOut)
	defer func() { _ = body.Close() }()
	source.spoke.Store(false)
	if config.Tail = records; e.position.Last == 0 && (!fresh(e.position) || c.config.Tail > 0) {
		config.Tail = 0 // there is no place to be found
	}
	u.heard.Store(heard(e.position)) // not what an attempt in vain has brought
	s := &session{
		collector: c, unit: u, source: source, lane: c.config.Lanes[u.lane], end: e,
		reader: stream.NewReader(body, config),
	}
	defer u.stats.held.Store(nil)
	if fresh(e.position) {
		// What is written from here on was not there when the log was opened, also if we
		// are killed before the first line.
		if err := s.handOver(ctx, false); err != nil {
			return err
		}
	}
	return s.run(ctx)
}

func (c *Collector) open(ctx context.Context, id string, since int64, records int) (io.ReadCloser, error) {
	if records > 0 {
		return c.config.Engine.Tail(ctx, id, records)
	}
	return c.config.Engine.Logs(ctx, id, since)
}

// lastPatience is how long the engine may take to find the last record of a log.
const lastPatience = 3 * time.Second

// look finds out where the log ends now, up to where lines may be left out by their time,
// and returns the time to ask for. The engine is asked for none where it would leave out
// what is written with an older one.
func (c *Collector) look(ctx context.Context, u *unit, records int, config *stream.Config) (since int64) {
	from := &config.Resume
	since = stream.Since(*from)
	config.Opened = time.Now().UnixNano()
	config.First = from.Seen
	if u.search == 0 && (records == 0 || from.Last == 0) { // the newest engine hangs at the end of some logs
		config.Newest = c.last(ctx, u.id, config.TTY)
	}
	whole := fresh(*from)
	if newest := config.Newest; newest.Known && newest.Time < since {
		whole = true // the clock was set back, or all that was read is gone
	}
	if whole {
		since = 0
	}
	config.LeaveOut = whole || !from.Seen.Past || from.Seen.Time >= since // it may come again
	if !config.First.Known {
		config.First = config.Newest
	}
	return since
}

// last returns the last record of a log, as far as the engine tells.
func (c *Collector) last(ctx context.Context, id string, tty bool) logs.Seen {
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	body, err := c.config.Engine.Last(ctx, id)
	if err != nil {
		return logs.Seen{} // whatever it is, the stream will meet it
	}
	defer func() { _ = body.Close() }()
	last, err := stream.Last(body, tty)
	if err != nil {
		return logs.Seen{}
	}
	return last
}

// session is one connection.
type session struct {
	collector *Collector
	unit      *unit
	source    *streamSource
	lane      Lane
	// draft is what is handed over next.
	draft  logs.Draft
	reader *stream.Reader
	end    *end
	// lines and bytes count what is being handed over, and first is the
	// timestamp of the first of it.
	lines, bytes int
	first        int64
	// held is what was held back last, and pending the timestamp of its first part.
	held    *heldBack
	pending int64
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
	if err := s.lane.Begin(ctx, s.unit.id, &s.draft); err != nil {
		return err
	}
	s.lines, s.bytes, s.first = 0, 0, 0
	s.reader.Take(s.add)
	if last {
		s.reader.Flush(s.add)
	}
	position := s.reader.Position()
	s.lookAtHeld(position.Pending)
	if last {
		position.Drained = s.end.run.UnixNano()
	}
	s.end.position = position
	s.end.lines = s.end.lines || s.lines > 0
	s.unit.stats.lines.Add(int64(s.lines))
	s.collector.config.Metrics.Lines(logs.API.String(), s.lines, s.bytes)
	bytes := s.bytes
	s.unit.stats.handed(bytes, s.first)
	s.lane.End(s.unit.id, &s.draft, func() {
		s.collector.config.Store.Commit(s.unit.id, position)
		s.unit.stats.delivered(bytes, position)
		s.unit.wakeNext()
	})
	s.lane.Flush()
	return nil
}

// lookAtHeld notes since when a line is held back, and how much of it.
func (s *session) lookAtHeld(pending int64) {
	switch bytes := s.reader.HeldBytes(); {
	case bytes == 0:
		s.held = nil
	case s.held == nil || s.pending != pending:
		s.held = &heldBack{since: time.Now(), bytes: bytes, line: true}
	default:
		s.held = &heldBack{since: s.held.since, bytes: bytes, line: true}
	}
	s.pending = pending
	s.unit.stats.held.Store(s.held)
}

func (s *session) add(e logs.Entry) {
	s.draft.Add(s.unit.labels.Load().at(e.Time), e)
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
