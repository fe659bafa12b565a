package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Lane gathers the entries of its containers into batches and pushes one batch
// at a time. A producer brackets what belongs together with Begin and End:
//
//	lane.Begin(ctx)        // waits until there is room
//	lane.Add(labels, e)    // any number of times
//	lane.End(delivered)    // delivered is called when all of it is delivered
//	lane.Flush()           // nothing more to add for now
type Lane struct {
	config *Config
	sent   *streams
	budget int
	// wake tells the pushing goroutine that there may be something to push.
	wake chan struct{}

	// mu guards the fields below. A producer holds it between Begin and End:
	// that is decoding work, without I/O to wait for.
	mu sync.Mutex
	// filling is the batch being filled; full are those that wait, in order.
	filling *parcel
	full    []*parcel
	// limit is the size of a full batch. It shrinks when the sink finds
	// batches too large.
	limit int
	// bytes is the size of all entries held, those being pushed included.
	bytes int
	// room is closed when bytes shrinks.
	room   chan struct{}
	closed bool

	// rejects belongs to the lane's goroutine.
	rejects rejectLog
}

// parcel is a batch and what is to be done when it is delivered.
type parcel struct {
	batch    logs.Batch
	receipts []func()
	// flushed tells that nothing more is about to be added.
	flushed bool
}

// errClosed is returned by Begin when the lane delivers no more.
var errClosed = errors.New("the dispatcher is closed")

func newLane(config *Config, sent *streams, budget int) *Lane {
	return &Lane{
		config:  config,
		sent:    sent,
		budget:  budget,
		limit:   config.BatchSize,
		wake:    make(chan struct{}, 1),
		room:    make(chan struct{}),
		filling: &parcel{},
	}
}

// Begin waits until there is room for more entries. Its error is ctx's, or says
// that the dispatcher is closed; otherwise End must follow.
func (l *Lane) Begin(ctx context.Context) error {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return errClosed
		}
		if l.bytes < l.budget {
			return nil
		}
		room := l.room
		l.mu.Unlock()
		l.signal() // what is held may be a batch that is not full
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Add copies an entry into the batch.
func (l *Lane) Add(labels *logs.Labels, e logs.Entry) {
	size := len(e.Line) + logs.EntryOverhead
	if l.filling.batch.Entries > 0 && l.filling.batch.Bytes+size > l.limit {
		l.seal()
	}
	l.filling.batch.Add(labels, e)
	l.bytes += size
}

// seal puts the batch being filled into the queue.
func (l *Lane) seal() {
	l.full = append(l.full, l.filling)
	l.filling = &parcel{}
}

// End ends what Begin began. delivered is called, on the lane's goroutine and
// in order, when everything that was added is delivered; it may be nil when
// nothing was.
func (l *Lane) End(delivered func()) {
	if delivered != nil {
		l.filling.receipts = append(l.filling.receipts, delivered)
	}
	ready := len(l.full) > 0
	l.mu.Unlock()
	if ready {
		l.signal()
	}
}

// Flush says that nothing more is about to be added: the batch may leave as
// soon as the interval has passed.
func (l *Lane) Flush() {
	l.mu.Lock()
	l.filling.flushed = true
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

func (l *Lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
}

// run pushes parcels until the lane is closed and empty, or ctx is done.
func (l *Lane) run(ctx context.Context) {
	defer l.close() // nobody may wait for room that will not come
	// The timer runs only while a batch waits for its interval to pass.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	var last time.Time
	for {
		p, wait, done := l.take(last)
		switch {
		case done:
			return
		case p != nil:
			if p.batch.Entries > 0 {
				last = time.Now()
			}
			if !l.deliverAll(ctx, &p.batch) {
				return
			}
			l.delivered(p)
			continue
		case wait > 0:
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

// take returns the next parcel to push; or how long the one being filled still
// has to wait, 0 when it is empty; or that there will be no more.
func (l *Lane) take(last time.Time) (p *parcel, wait time.Duration, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.full) > 0 {
		p, l.full = l.full[0], l.full[1:]
		return p, 0, false
	}
	if len(l.filling.receipts) == 0 && l.filling.batch.Entries == 0 {
		return nil, 0, l.closed
	}
	if !l.closed {
		// A batch that nobody has flushed yet leaves by itself a little later.
		wait = l.config.BatchWait - time.Since(last)
		if !l.filling.flushed {
			wait = max(wait, flushAfter)
			l.filling.flushed = true
		}
		if wait > 0 && l.bytes < l.budget {
			return nil, wait, false
		}
	}
	p = l.filling
	l.filling = &parcel{}
	return p, 0, false
}

// flushAfter is how long a batch waits that its producer has not flushed.
const flushAfter = 5 * time.Millisecond

// delivered hands out the receipts and makes room.
func (l *Lane) delivered(p *parcel) {
	for _, receipt := range p.receipts {
		receipt()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= p.batch.Bytes
	// Batches that were found too large grow again little by little.
	l.limit = min(l.limit+l.limit/8, l.config.BatchSize)
	close(l.room)
	l.room = make(chan struct{})
}

// shrink makes future batches smaller than one that was too large.
func (l *Lane) shrink(size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = max(min(l.limit, size/2), minBatch)
}

// minBatch is the size below which batches are not made smaller, in bytes.
const minBatch = 16 << 10
