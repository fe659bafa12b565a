package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Lane gathers the entries of its containers and pushes them, one request at a time or,
// where answers take long, several (help.go). A producer brackets what belongs together with Begin and End:
//
//	lane.Begin(ctx, id)    // waits until there is room; or TryBegin, which does not
//	lane.Behind()          // where a backlog is read
//	lane.Add(labels, e)    // any number of times
//	lane.End(delivered)    // delivered is called when all of it is delivered
//	lane.Flush()           // nothing more to add for now
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

	// mu guards the fields below. A producer holds it between Begin and End:
	// that is decoding work, without I/O to wait for.
	mu    sync.Mutex
	feeds map[string]*feed
	// turn holds the feeds that have something to push, the next one first, and
	// aside those that are set aside; waiting those whose producer wants room.
	turn, aside, waiting []*feed
	// current is the feed that a producer adds to, filling its parcel, if there
	// is one yet, and added the size of what was added, in bytes.
	current *feed
	filling *parcel
	added   int
	// behind tells that what is added comes from a log that is being caught up with.
	behind bool
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

// Begin waits until there is room for more entries of a container. Its error is
// ctx's, or says that the dispatcher is closed; otherwise End must follow.
func (l *Lane) Begin(ctx context.Context, id string) error {
	for {
		// Nothing is made for waiting where there is no need to wait.
		if room, err := l.TryBegin(id, nil); room > 0 || err != nil {
			return err
		}
		free := make(chan struct{})
		if room, err := l.TryBegin(id, func() { close(free) }); room > 0 || err != nil {
			return err
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TryBegin is Begin without waiting. It returns about how many bytes may be added,
// and End must follow; or 0, and wake will be called once when it is worth trying
// again, unless it is nil or another has taken its place. wake must not block.
func (l *Lane) TryBegin(id string, wake func()) (room int, err error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0, errClosed
	}
	f := l.feed(id)
	if room = l.room(f); room > 0 {
		f.wake = nil
		l.current, l.filling, l.added, l.behind = f, f.open(), 0, false
		return room, nil
	}
	if wake != nil {
		if f.wake == nil {
			l.waiting = append(l.waiting, f)
		}
		f.wake = wake
	}
	l.pressed = l.pressed || !f.aside
	l.mu.Unlock()
	l.signal() // what is held may be a batch that is not full
	return 0, nil
}

// Add copies an entry.
func (l *Lane) Add(labels *logs.Labels, e logs.Entry) {
	size := len(e.Line) + logs.EntryOverhead
	if l.filling == nil || l.filling.behind != l.behind || l.filling.batch.Entries > 0 && l.filling.batch.Bytes+size > full(l.limit) {
		l.filling = l.current.add()
		l.filling.behind = l.behind
	}
	l.filling.batch.Add(labels, e)
	l.added += size
}

// Behind says that what is added until End comes from a log that is being caught up with:
// the time that its delivery takes says nothing of that of what is written now.
func (l *Lane) Behind() { l.behind = true }

// full is the size up to which a container's part of a batch is filled. The rest
// is for the containers that have little to say.
func full(limit int) int { return limit - small(limit) }

// small is the size of a part of a batch that does not have to wait its turn.
func small(limit int) int { return limit / 8 }

// End ends what Begin began. delivered is called, on the lane's goroutine and in
// order for the container, when everything that was added is delivered; it may be
// nil when nothing was.
func (l *Lane) End(delivered func()) {
	f := l.current
	if delivered != nil {
		if l.filling == nil {
			l.filling = f.add()
		}
		l.receive(l.filling, delivered)
	}
	f.bytes += l.added
	f.queued += l.added
	l.bytes += l.added
	l.line(f, l.added)
	ready := l.queued >= full(l.limit)
	if ready {
		l.callHelp()
	}
	l.current, l.filling = nil, nil
	l.mu.Unlock()
	if ready {
		l.signal()
	}
}

// receive adds a receipt to a parcel.
func (l *Lane) receive(p *parcel, delivered func()) {
	p.receipts = append(p.receipts, delivered)
	p.feed.bytes += receiptSize
	l.bytes += receiptSize
}

// line gives a feed to which as much was added a place in the queue.
func (l *Lane) line(f *feed, added int) {
	if f.aside || f.flying {
		return
	}
	l.queued += added
	if !f.inTurn && len(f.parcels) > 0 {
		f.inTurn = true
		l.turn = append(l.turn, f)
	}
}

// After calls delivered when everything of a container that was handed over so far
// is delivered. It does not wait for room.
func (l *Lane) After(id string, delivered func()) {
	l.mu.Lock()
	f := l.feed(id)
	p := f.open()
	if p == nil {
		p = f.add()
	}
	l.receive(p, delivered)
	l.line(f, 0)
	l.flushed = true
	l.mu.Unlock()
	l.signal()
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

// minBatch is the size below which batches are not made smaller, in bytes.
const minBatch = 16 << 10
