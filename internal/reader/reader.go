package reader

import (
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// Lane is what a reader asks of its lane; see package dispatch for the rules.
type Lane interface {
	Flush()
	Due() time.Time
	Round(logs int) time.Duration
}

// Config says how the sources of one lane are read.
type Config struct {
	Lane Lane
	// Poll is how often a file is looked at while it is being written, where the lane does not
	// say it; 0 to be woken for every change instead.
	Poll time.Duration
	// Number is the reader's among others; Breadcrumbs keep what it reads, nil for nothing.
	Number      int
	Breadcrumbs *checkpoint.Breadcrumbs
	// Watch watches the file at a path, and its directory; nil for looking at them. An
	// error other than that there is no such directory means that this file is looked at.
	Watch func(path string, waker watch.Waker) (*watch.Watch, error)
	// AfterSave calls f when all positions so far are on disk.
	AfterSave func(f func())
	// Refresh has the engine asked for a container's state.
	Refresh func(id string)
}

// Reader reads the sources of one lane on one goroutine.
//
// A file is asleep with its watch armed, or awake. Awake, it is in the queue,
// unless its container has no room in the lane: then it waits outside the queue
// until the lane wakes it, and does not keep the others waiting. Once it is at its end it
// is polled at every tick, until patience polls in a row have found nothing: then its watch
// is armed again.
type Reader struct {
	config Config
	// chunk is that of the source being read, and emit adds to it.
	chunk producer.Chunk
	emit  func(logs.Entry)
	// buf is for whole chunks, and small for containers with less room.
	buf, small *tail.Buffer
	// scratch is for what is read of the journal.
	scratch *journal.Scratch
	wake    chan struct{}

	// mu guards what other goroutines hand to the reader's.
	mu    sync.Mutex
	queue turns
	tasks []func()

	// The rest belongs to the reader's goroutine.

	ticks ticks
	// polled is how many sources were read at the last tick.
	polled int
	// patience is how many polls in a row may find nothing, at present.
	patience int
}

// New makes a reader without sources. It starts nothing.
func New(config Config) *Reader {
	r := &Reader{
		config: config, buf: tail.NewBuffer(), small: tail.NewBufferSize(smallChunk), scratch: journal.NewScratch(), wake: make(chan struct{}, 1),
		patience: patience,
	}
	r.emit = r.chunk.Add
	return r
}

// do runs task on the reader's goroutine.
func (r *Reader) do(task func()) {
	r.mu.Lock()
	r.tasks = append(r.tasks, task)
	r.mu.Unlock()
	r.signal()
}

// enqueue makes a source be read soon. It may be called from any goroutine.
func (r *Reader) enqueue(s *Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.slot.queued {
		return
	}
	s.slot.queued = true
	r.queue.add(s)
	r.signal()
}

func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// next takes a task, or the next source in turn.
func (r *Reader) next() (func(), *Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tasks) > 0 {
		task := r.tasks[0]
		r.tasks = r.tasks[1:]
		return task, nil
	}
	s := r.queue.next()
	if s != nil {
		s.slot.queued = false
	}
	return nil, s
}

// note notes what a chunk of a source has shown. One that is in the queue again has its
// place by what was known before.
func (r *Reader) note(s *Source, p tail.Progress) {
	var at time.Time
	var left int64
	if behind := s.slot.backlog.behind; behind || p.Full { // which only this goroutine sets, once the source is known to it
		left = s.log.Lag()
		if !behind {
			at = s.written()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.slot.queued {
		r.queue.read(s, p, left, at)
	}
}

// expect notes that a source which has not begun is behind, if it is, so that it does not
// keep those waiting that have a little.
func (r *Reader) expect(s *Source) {
	left := s.log.Lag()
	if left <= wholeChunk {
		return
	}
	at := s.written()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.slot.queued {
		r.queue.found(s, left, at)
	}
}

// drop takes a source that has ended out of the queue.
func (r *Reader) drop(s *Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.remove(s)
}
