package collect

import (
	"context"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// reader reads the files of one lane on one goroutine, a chunk at a time, in turns
// such that a noisy container cannot starve the others.
//
// A file is asleep with its watch armed, or awake. Awake, it is in the queue,
// unless its container has no room in the lane: then it waits outside the queue
// until the lane wakes it, and does not keep the others waiting. Once drained it
// is polled at every tick, until patience polls in a row have found nothing: then its watch
// is armed again.
type reader struct {
	lane Lane
	// draft is filled by the source that is read.
	draft logs.Draft
	// buf is for whole chunks, and small for containers with less room.
	buf, small *tail.Buffer
	// scratch is for what is read of the journal.
	scratch *journal.Scratch
	poll    time.Duration
	failed  chan<- failure
	// number tells it from other readers; marks keep what it reads.
	number int
	marks  *checkpoint.Marks
	wake   chan struct{}

	// mu guards what other goroutines hand to the reader's.
	mu    sync.Mutex
	queue turns
	tasks []func(context.Context)

	// The rest belongs to the reader's goroutine.

	// hot are the files that the next tick puts into the queue, slow those
	// without a watch.
	hot, slow []*fileSource
	// putOff tells that the tick to come was put off.
	putOff bool
}

// A chunk is read as a whole if its container has as much room as that, else a
// small one.
const (
	wholeChunk = 256 << 10
	smallChunk = 32 << 10
)

// flushBusy is how long a reader may find something to read until the lane is told that
// what it has may leave.
const flushBusy = 50 * time.Millisecond

// slowPoll is how often a file is looked at that cannot be watched.
const slowPoll = time.Second

func newReader(lane Lane, poll time.Duration, failed chan<- failure) *reader {
	return &reader{lane: lane, buf: tail.NewBuffer(), small: tail.NewBufferSize(smallChunk), scratch: journal.NewScratch(), poll: poll, failed: failed, wake: make(chan struct{}, 1)}
}

// do runs task on the reader's goroutine.
func (r *reader) do(task func(context.Context)) {
	r.mu.Lock()
	r.tasks = append(r.tasks, task)
	r.mu.Unlock()
	r.signal()
}

// enqueue makes a source be read soon. It may be called from any goroutine.
func (r *reader) enqueue(s *fileSource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.queued {
		return
	}
	s.queued = true
	r.queue.add(s)
	r.signal()
}

func (r *reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// add hands a source to the reader.
func (r *reader) add(s *fileSource) { r.enqueue(s) }

// update tells a source what has become of its container.
func (r *reader) update(s *fileSource, c *logs.Container, removed bool) {
	asked := s.asks.Load() && c.AsOf.After(s.told.AsOf)
	if !asked && s.told.Running == c.Running && s.toldRemoved == removed && s.told.StartedAt.Equal(c.StartedAt) {
		return
	}
	s.told, s.toldRemoved = c, removed
	r.do(func(context.Context) {
		s.over, s.asOf, s.removed = isOver(c), c.AsOf, removed
		s.asks.Store(false)
		r.enqueue(s)
	})
}

// remove ends a source; its end comes through failed.
func (r *reader) remove(s *fileSource) {
	r.do(func(ctx context.Context) { r.end(ctx, s, nil) })
}

// run reads until ctx is done.
func (r *reader) run(ctx context.Context) error {
	// The timer runs only while there is something to poll.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	var due time.Time
	flushed := time.Now()
	for ctx.Err() == nil {
		task, s := r.next()
		switch {
		case task != nil:
			task(ctx)
			continue
		case s != nil:
			r.read(ctx, s)
			if due.IsZero() {
				due = r.nextTick()
			}
			now := time.Now()
			if now.Sub(flushed) > flushBusy {
				// What others have written must not wait for a file without end that
				// holds no entries.
				r.lane.Flush()
				flushed = now
			}
			if !due.IsZero() && now.After(due) {
				due = r.pulse()
			}
			continue
		}
		r.lane.Flush()
		flushed = time.Now()
		if due.IsZero() {
			due = r.nextTick()
		}
		if !due.IsZero() {
			timer.Reset(time.Until(due))
		}
		select {
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
			due = r.pulse()
		case <-ctx.Done():
		}
	}
	return nil
}

// next takes a task, or the next source in turn.
func (r *reader) next() (func(context.Context), *fileSource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tasks) > 0 {
		task := r.tasks[0]
		r.tasks = r.tasks[1:]
		return task, nil
	}
	s := r.queue.next()
	if s != nil {
		s.queued = false
	}
	return nil, s
}

// putBack makes a source that may not be read yet be looked at again.
func (r *reader) putBack(s *fileSource) {
	if s.waited++; s.waited < patience && r.poll > 0 {
		r.hot = append(r.hot, s)
	} else if !s.slow {
		s.slow = true
		r.slow = append(r.slow, s)
	}
}

// note tells what a chunk of a source has shown. One that is in the queue again has its
// place by what was known before.
func (r *reader) note(s *fileSource, p tail.Progress) {
	var at time.Time
	if p.Full && !s.backlog.behind {
		at = s.written()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.queued {
		r.queue.read(s, p, at)
	}
}

// drop takes a source that has ended out of the queue.
func (r *reader) drop(s *fileSource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.remove(s)
}

// nextTick returns when sources have to be polled; zero when none has to.
func (r *reader) nextTick() time.Time {
	switch {
	case len(r.hot) > 0:
		return together(time.Now(), r.poll)
	case len(r.slow) > 0:
		return time.Now().Add(slowPoll)
	}
	return time.Time{}
}

// pulseZero is a moment from which on all readers count the intervals of their polls.
var pulseZero = time.Now()

// together returns when to poll next, about an interval from now: such that all readers
// come to poll at the same moments, the multiples of the interval. Then one wake-up of
// the process serves all lanes, whose number is no reason to wake up more often. What
// one poll can be moved by is little, so that no line waits noticeably longer for it.
func together(now time.Time, interval time.Duration) time.Time {
	most := interval / 8
	earliest := now.Add(interval - most)
	past := earliest.Sub(pulseZero) % interval
	if past < 0 {
		past += interval
	}
	if left := (interval - past) % interval; left <= 2*most {
		return earliest.Add(left)
	}
	return earliest.Add(2 * most)
}

// before is how long before a batch leaves the files are polled for it: time enough to
// read them.
const before = 5 * time.Millisecond

// pulse ticks, unless the lane's next batch leaves only later, since a stream of the
// API has had one sent in between: what is read now would wait for it. It returns when
// to tick then. It puts off once, so that streams cannot put off for ever.
func (r *reader) pulse() (due time.Time) {
	if at := r.lane.Due().Add(-before); !r.putOff && len(r.slow) == 0 && time.Until(at) > 0 {
		r.putOff = true
		return at
	}
	r.putOff = false
	r.tick()
	return time.Time{}
}

// tick puts the sources to be polled into the queue.
func (r *reader) tick() {
	hot, slow := r.hot, r.slow
	r.hot, r.slow = nil, nil
	for _, s := range hot {
		r.enqueue(s)
	}
	for _, s := range slow {
		s.slow = false
		r.enqueue(s)
	}
}
