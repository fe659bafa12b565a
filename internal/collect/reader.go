package collect

import (
	"context"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// reader reads the files of one lane on one goroutine, a chunk of each in turn,
// so that a noisy container cannot starve the others.
//
// A file is asleep with its watch armed, or awake. Awake, it is in the queue;
// once drained it is polled at the next tick, as long as each poll finds
// something. The poll that finds nothing arms the watch again.
type reader struct {
	lane   Lane
	buf    *tail.Buffer
	poll   time.Duration
	failed chan<- failure
	wake   chan struct{}

	// mu guards what other goroutines hand to the reader's.
	mu    sync.Mutex
	queue []*fileSource
	tasks []func(context.Context)

	// The rest belongs to the reader's goroutine.

	// hot are the files that the next tick puts into the queue, slow those
	// without a watch.
	hot, slow []*fileSource
}

// slowPoll is how often a file is looked at that cannot be watched.
const slowPoll = time.Second

func newReader(lane Lane, poll time.Duration, failed chan<- failure) *reader {
	return &reader{lane: lane, buf: tail.NewBuffer(), poll: poll, failed: failed, wake: make(chan struct{}, 1)}
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
	r.queue = append(r.queue, s)
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
func (r *reader) update(s *fileSource, running, removed bool, run time.Time) {
	if s.toldRunning == running && s.toldRemoved == removed && s.toldRun.Equal(run) {
		return
	}
	s.toldRunning, s.toldRemoved, s.toldRun = running, removed, run
	r.do(func(context.Context) {
		s.flush, s.removed = !running && !run.IsZero(), removed
		r.enqueue(s)
	})
}

// remove ends a source; its end comes through failed.
func (r *reader) remove(s *fileSource) {
	r.do(func(ctx context.Context) { r.end(ctx, s, nil) })
}

// receipt calls delivered when everything handed over so far is delivered.
func (r *reader) receipt(delivered func()) {
	r.do(func(ctx context.Context) {
		if r.lane.Begin(ctx) == nil {
			r.lane.End(delivered)
			r.lane.Flush()
		}
	})
}

// run reads until ctx is done.
func (r *reader) run(ctx context.Context) error {
	// The timer runs only while there is something to poll.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	var due time.Time
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
			if !due.IsZero() && time.Now().After(due) {
				due = time.Time{}
				r.tick()
			}
			continue
		}
		r.lane.Flush()
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
			due = time.Time{}
			r.tick()
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
	if len(r.queue) > 0 {
		s := r.queue[0]
		r.queue = r.queue[1:]
		s.queued = false
		return nil, s
	}
	return nil, nil
}

// nextTick returns when sources have to be polled; zero when none has to.
func (r *reader) nextTick() time.Time {
	switch {
	case len(r.hot) > 0:
		return time.Now().Add(r.poll)
	case len(r.slow) > 0:
		return time.Now().Add(slowPoll)
	}
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
		r.enqueue(s)
	}
}
