package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Lane gathers the entries of its containers and pushes them, one request at a time or,
// where answers take long, several (inflight.go). A producer brackets what belongs together with
// Begin and End, and fills a draft of its own in between, however long that takes:
//
//	lane.Begin(ctx, id, draft)       // waits until there is room; or TryBegin, which does not
//	draft.Behind = true              // where a backlog is read
//	draft.Add(labels, e)             // any number of times
//	lane.End(id, draft, delivered)   // delivered is called when all of it is delivered
//	lane.Flush()                     // nothing more to add for now
//
// Every container has a queue of its own, and a batch takes from each in turn, one segment
// until that is delivered. What
// concerns one container alone, a limit or a refusal that has to be searched for,
// sets its queue aside (aside.go), and the lane goes on with the others.
type Lane struct {
	config *Config
	*shared
	number int
	// budget bounds the bytes held.
	budget int
	// wake tells the pushing goroutine that there may be something to push.
	wake chan struct{}
	// closing is closed with the lane: pauses end.
	closing chan struct{}
	// slots has one element for each request under way.
	slots chan struct{}
	// pausesUntil is when the last pause after a push in vain ends, or would have; nil for
	// none.
	pausesUntil atomic.Pointer[time.Time]

	// mu guards the next three. Nobody holds it while reading or pushing.
	mu     sync.Mutex
	queues queues
	pace   pace
	// help starts another pusher; it is nil while the lane does not run.
	help func()

	// said is what was logged of pushes.
	said *said
}

// shared is what the lanes share.
type shared struct {
	// sent is what was sent of every stream.
	sent *streams
	// refused is what the sink has refused for good, and rejected the streams that it
	// refuses for their labels.
	refused  *refusals
	rejected *rejectedStreams
	tempo    *tempo
}

// errClosed is returned by Begin when the lane delivers no more.
var errClosed = errors.New("the dispatcher is closed")

func newLane(config *Config, shared *shared, number, budget int) *Lane {
	return &Lane{
		config:  config,
		shared:  shared,
		number:  number,
		budget:  budget,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		slots:   make(chan struct{}, config.pushes()),
		said:    newSaid(config.Log),
		queues:  queues{all: make(map[string]*queue)},
		pace:    pace{limit: config.BatchSize, most: config.BatchSize, mostPushers: 1, requests: config.pushes()},
	}
}

// Flush says that nothing more is about to be added: a batch may leave as soon as
// the interval has passed.
func (l *Lane) Flush() {
	l.mu.Lock()
	l.queues.flushed = true
	l.mu.Unlock()
	l.signal()
}

func (l *Lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Lane) held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queues.bytes
}

// setAside returns the number of containers that are set aside.
func (l *Lane) setAside() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queues.aside)
}

// close says that no more entries will come. Queues that are set aside are tried
// once more at once.
func (l *Lane) close() {
	l.mu.Lock()
	if !l.queues.closed {
		close(l.closing)
	}
	l.queues.closed = true
	for _, q := range l.queues.aside {
		q.again.at, q.again.backoff = time.Time{}, 0
	}
	wakes := l.wakes()
	l.mu.Unlock()
	call(wakes)
	l.signal()
}

// Forget forgets what is known of a container that was removed: its streams at once, and
// the rest when what is held of it is delivered.
func (l *Lane) Forget(id string) {
	l.sent.forget(id)
	l.refused.forget(id)
	l.rejected.forget(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.queues.all[id]; q != nil {
		q.forgotten = true
		l.queues.drop(q)
	}
}

// run pushes until the lane is closed and empty, or ctx is done.
func (l *Lane) run(ctx context.Context) {
	var helpers errgroup.Group
	l.employ(func() {
		helpers.Go(func() error {
			l.helpOut(ctx)
			return nil
		})
	})
	l.lead(ctx)
	l.employ(nil)
	l.close() // nobody may wait for room that will not come
	_ = helpers.Wait()
	l.said.tellAll(time.Now())
}

// lead pushes whatever there is to push.
func (l *Lane) lead(ctx context.Context) {
	// The timer runs only while something has to be done later.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		next, wait, done := l.take()
		switch {
		case done:
			return
		case next != nil:
			if !next.run(ctx) {
				return
			}
			continue
		}
		if told := l.said.tell(time.Now()); told > 0 && (wait <= 0 || told < wait) {
			wait = told
		}
		if wait > 0 {
			timer.Reset(wait)
		}
		select {
		case <-l.wake:
			timer.Stop()
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// Due is when the next batch may leave that is not full: what is added before that
// leaves with it. It is in the past for a lane that has been silent.
func (l *Lane) Due() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pace.last.Add(l.wait())
}

// wait is the least time between two batches that are not full.
func (l *Lane) wait() time.Duration {
	if l.config.LeastWait == 0 {
		return l.config.BatchWait
	}
	return early(l.tempo.current())
}

// Round notes how many logs are looked at once in each round, and returns how long a round is; 0
// where that is the reader's to say.
func (l *Lane) Round(logs int) time.Duration {
	if l.config.LeastWait == 0 {
		return 0
	}
	return l.tempo.round(l.number, logs)
}

// tune changes what is known of the sink's pace.
func (l *Lane) tune(f func(*pace)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.pace)
}

// paced is what is known of the sink's pace, at present.
func (l *Lane) paced() pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pace
}
