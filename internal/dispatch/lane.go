package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Lane gathers the entries of its containers and pushes them, one request at a time or,
// where answers take long, several (help.go). A producer brackets what belongs together with
// Begin and End, and fills a draft of its own in between, however long that takes:
//
//	lane.Begin(ctx, id, draft)       // waits until there is room; or TryBegin, which does not
//	draft.Behind = true              // where a backlog is read
//	draft.Add(labels, e)             // any number of times
//	lane.End(id, draft, delivered)   // delivered is called when all of it is delivered
//	lane.Flush()                     // nothing more to add for now
//
// Every container has a feed of its own, and a batch takes from each in turn, one parcel
// until that is delivered. What
// concerns one container alone, a limit or a refusal that has to be searched for,
// sets its feed aside (aside.go), and the lane goes on with the others.
type Lane struct {
	config *Config
	sent   *streams
	budget int
	// refused and barred are shared by the lanes, too.
	refused *refusals
	barred  *barred
	// wake tells the pushing goroutine that there may be something to push.
	wake chan struct{}
	// closing is closed with the lane: pauses end.
	closing chan struct{}

	// mu guards the fields below. Nobody holds it while reading or pushing.
	mu    sync.Mutex
	feeds map[string]*feed
	// turn holds the feeds that have something to push, the next one first, and
	// aside those that are set aside; waiting those whose producer wants room.
	turn, aside, waiting []*feed
	// drafts is the number of drafts being filled, and reserved the room that they were given,
	// in bytes. cramped tells that somebody got none because of that.
	drafts, reserved int
	cramped          bool
	// limit is the size of a batch, in bytes. It shrinks when the sink finds
	// batches too large.
	limit int
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those that wait for their turn.
	bytes, queued int
	// flushed tells that nothing more is about to be added, pressed that a
	// producer waits for what is in the queue to leave.
	flushed, pressed bool
	// stuck tells that the sink takes nothing at all.
	stuck bool
	// alone tells that the last push was of a feed that is set aside.
	alone  bool
	pruned time.Time
	closed bool
	// last is when the last batch left.
	last time.Time
	// flights is the number of pushes under way, and pushers that of the goroutines
	// which push. help starts another; it is nil while the lane does not run.
	flights, pushers int
	help             func()
	// answer is how long the sink took for its last answer, and tooLate how long a push
	// took that was given up; 0 when none was. mostPushers is how many pushers it has
	// been found to serve.
	answer, tooLate time.Duration
	mostPushers     int

	// slots has one element for each request under way.
	slots chan struct{}

	rejects rejectLog
	limits  limitLog
	trouble trouble
}

// receiptSize is what a receipt counts when memory is measured, in bytes: it
// holds a position. Many short lines that come one by one have more of it than of
// text.
const receiptSize = 512

// errClosed is returned by Begin when the lane delivers no more.
var errClosed = errors.New("the dispatcher is closed")

func newLane(config *Config, sent *streams, refused *refusals, barred *barred, budget int) *Lane {
	return &Lane{
		config:  config,
		sent:    sent,
		refused: refused,
		barred:  barred,
		budget:  budget,
		limit:   config.BatchSize,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		feeds:   make(map[string]*feed),
		slots:   make(chan struct{}, config.pushes()),

		mostPushers: 1,
	}
}

// Flush says that nothing more is about to be added: a batch may leave as soon as
// the interval has passed.
func (l *Lane) Flush() {
	l.mu.Lock()
	l.flushed = true
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
	return l.bytes
}

// setAside returns the number of containers that are set aside.
func (l *Lane) setAside() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.aside)
}

// close says that no more entries will come. Feeds that are set aside are tried
// once more at once.
func (l *Lane) close() {
	l.mu.Lock()
	if !l.closed {
		close(l.closing)
	}
	l.closed = true
	for _, f := range l.aside {
		f.until, f.backoff = time.Time{}, 0
	}
	wakes := l.wakes()
	l.mu.Unlock()
	call(wakes)
	l.signal()
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
	l.rejects.tellAll(l.config.Log, time.Now())
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
			if !next.ship(ctx) {
				return
			}
			continue
		}
		if told := l.rejects.tell(l.config.Log, time.Now()); told > 0 && (wait <= 0 || told < wait) {
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
	return l.last.Add(l.config.BatchWait)
}

// shrink makes future batches smaller than one that was too large.
func (l *Lane) shrink(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = max(min(l.limit, size/2), minBatch)
}

// mostBytes is the size of a batch, at present.
func (l *Lane) mostBytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit
}

// full is the size up to which a container's part of a batch is filled. The rest
// is for the containers that have little to say.
func full(limit int) int { return limit - small(limit) }

// small is the size of a part of a batch that does not have to wait its turn.
func small(limit int) int { return limit / 8 }

// minBatch is the size below which batches are not made smaller, in bytes.
const minBatch = 16 << 10
