package dispatch

import (
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// queue is what a lane holds: a feed of each container. The lane's mu guards it.
type queue struct {
	feeds map[string]*feed
	// turn holds the feeds that have something to push, the next one first, and
	// aside those that are set aside; waiting those whose producer wants room.
	turn, aside, waiting []*feed
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those that wait for their turn.
	bytes, queued int
	// drafts is the number of drafts being filled, and reserved the room that they were given,
	// in bytes. cramped tells that somebody got none because of that.
	drafts, reserved int
	cramped          bool
	// flushed tells that nothing more is about to be added, pressed that a
	// producer waits for what is in the queue to leave.
	flushed, pressed bool
	closed           bool
	pruned           time.Time
}

const (
	// receiptSize is what a receipt counts when memory is measured, in bytes: it
	// holds a position. Many short lines that come one by one have more of it than of
	// text.
	receiptSize = 512
	// wholeChunk is what a producer reads at once if it can. One that holds
	// something waits until there is that much room.
	wholeChunk = 256 << 10
	// firstRoom is the room of a container that the sink has not answered for:
	// any number of them may be over the limit of streams.
	firstRoom = 32 << 10
	// stuckBatches is how much a lane holds while the sink takes nothing, in
	// batches: enough to begin with afterwards. What is not read is safe with
	// Docker, and costs no memory.
	stuckBatches = 4
	// feedIdle is how long an unused feed is remembered.
	feedIdle = toldFor
)

// receive adds a receipt to a parcel.
func (q *queue) receive(p *parcel, delivered func()) {
	p.receipts = append(p.receipts, delivered)
	p.feed.bytes += receiptSize
	q.bytes += receiptSize
}

// line gives a feed to which as much was added a place in the queue.
func (q *queue) line(f *feed, added int) {
	f.queued += added
	if f.waits() {
		q.enter(f, added)
	}
}

// enter gives a feed that waits a place in the queue, in which so many bytes of it have not
// been counted.
func (q *queue) enter(f *feed, bytes int) {
	q.queued += bytes
	if f.state == resting && len(f.parcels) > 0 {
		f.on(filled)
		q.turn = append(q.turn, f)
	}
}

// unline takes so many bytes out of what waits.
func (q *queue) unline(f *feed, bytes int) {
	f.queued -= bytes
	if f.waits() {
		q.queued -= bytes
	}
}

// load takes the first parcel of each feed as far as they fit into a batch: the small ones
// before the others, so that containers with little to say do not wait until one
// with much has had its turn.
func (q *queue) load(limit int) (parcels []*parcel) {
	q.flushed, q.pressed = false, false
	feeds := q.turn
	q.turn = make([]*feed, 0, len(feeds))
	total := 0
	var large []*feed
	pick := func(f *feed) {
		total += f.parcels[0].batch.Bytes
		parcels = append(parcels, q.pop(f))
	}
	for _, f := range feeds {
		if size := f.parcels[0].batch.Bytes; total+size <= small(limit) {
			pick(f)
		} else {
			large = append(large, f)
		}
	}
	for i, f := range large {
		if i == 0 || total+f.parcels[0].batch.Bytes <= limit {
			pick(f)
		} else {
			q.turn = append(q.turn, f)
		}
	}
	return parcels
}

// pop takes the first parcel out of a feed, which is not in turn until that is pushed.
func (q *queue) pop(f *feed) *parcel {
	p := f.parcels[0]
	f.parcels = slices.Delete(f.parcels, 0, 1)
	p.size = p.batch.Bytes
	q.queued -= f.queued
	f.queued -= p.size
	f.on(departed)
	for _, g := range p.batch.Groups {
		g.Container, g.Behind = f.id, p.behind
	}
	return p
}

// keep sets a parcel's feed aside, unless it is.
func (q *queue) keep(p *parcel) {
	f, is := p.feed, p.feed.state == trying
	if f.on(kept); is {
		return
	}
	p.batch.Groups, p.batch.Entries = nil, 0 // what is delivered of it may go
	f.parcels = slices.Insert(f.parcels, 0, p)
	q.aside = append(q.aside, f)
}

// release lets go of a parcel that is delivered. Its feed gets in line again, after those
// that have not been served.
func (q *queue) release(p *parcel) {
	f := p.feed
	size := p.size + len(p.receipts)*receiptSize
	f.bytes -= size
	q.bytes -= size
	f.proven = true
	p.batch.Recycle()
	if f.isAside() {
		f.parcels = slices.Delete(f.parcels, 0, 1)
		q.aside = slices.DeleteFunc(q.aside, func(other *feed) bool { return other == f })
	}
	f.on(delivered)
	q.enter(f, f.queued)
}

// nextAside returns the feed set aside whose piece is to be pushed next, or how long
// there will be none; 0 when none is set aside.
func (q *queue) nextAside(now time.Time) (next *feed, pause time.Duration) {
	for _, f := range q.aside {
		if f.state == trying {
			continue
		}
		left := f.again.at.Sub(now)
		if left <= 0 {
			return f, 0
		}
		if pause == 0 || left < pause {
			pause = left
		}
	}
	return nil, pause
}

// try begins to push the next piece of a feed that is set aside. Those that are set aside
// with it come first the next time.
func (q *queue) try(f *feed) []*parcel {
	f.on(departed)
	i := slices.Index(q.aside, f)
	q.aside = append(slices.Delete(q.aside, i, i+1), f)
	return f.parcels[:1:1]
}

// waitingGroups returns the first entry of each of some containers whose turn has not come:
// copies, as producers go on.
func (q *queue) waitingGroups() []*logs.Group {
	const most = 16
	var out logs.Batch
	for _, f := range q.feeds { // in any order, another each time
		if f.state != inTurn || f.parcels[0].batch.Entries == 0 {
			continue
		}
		g := f.parcels[0].batch.Groups[0]
		out.Add(g.Labels, g.Entry(slices.Index(g.Times, slices.Min(g.Times))))
		if len(out.Groups) == most {
			break
		}
	}
	return out.Groups
}

// drop lets go of a feed that was forgotten, if it is not used.
func (q *queue) drop(f *feed) {
	if f.forgotten && f.unused() {
		delete(q.feeds, f.id)
	}
}

// prune forgets the feeds of containers that have been silent for a while.
func (q *queue) prune(now time.Time) {
	if now.Sub(q.pruned) < feedIdle {
		return
	}
	q.pruned = now
	for id, f := range q.feeds {
		if f.unused() && now.Sub(f.used) > feedIdle {
			delete(q.feeds, id)
		}
	}
}
