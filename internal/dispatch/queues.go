package dispatch

import (
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// queues is what a lane holds: a queue of each container. The lane's mu guards it.
type queues struct {
	all map[string]*queue
	// ready are the queues that have something to push, the next one first, and
	// aside those that are set aside; waiting those whose producer wants room.
	ready, aside, waiting []*queue
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those that wait for their turn.
	bytes, queued int
	// apart is what of bytes is of queues that are set aside.
	apart int
	// drafts is the number of drafts being filled, and reserved the room that they were given,
	// in bytes. cramped tells that somebody got none because of that.
	drafts, reserved int
	cramped          bool
	// flushed tells that nothing more is about to be added, pressed that a
	// producer waits for what is held to leave.
	flushed, pressed bool
	closed           bool
	// ahead tells that what is written now was loaded last, without the backlogs that waited.
	ahead  bool
	pruned time.Time
}

const (
	// ackSize is what an ack counts when memory is measured, in bytes: it
	// holds a position. Many short lines that come one by one have more of it than of
	// text.
	ackSize = 512
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
	// queueIdle is how long an unused queue is remembered.
	queueIdle = toldFor
)

// receive adds an ack to a segment.
func (qs *queues) receive(seg *segment, delivered func()) {
	seg.acks = append(seg.acks, delivered)
	qs.hold(seg.queue, ackSize)
}

// hold notes that a queue holds so many bytes more, or less.
func (qs *queues) hold(q *queue, bytes int) {
	q.bytes += bytes
	qs.bytes += bytes
	if q.isAside() {
		qs.apart += bytes
	}
}

// line gives a queue to which as much was added a place among the others.
func (qs *queues) line(q *queue, added int) {
	q.queued += added
	if q.waits() {
		qs.enter(q, added)
	}
}

// enter gives a queue that waits a place among the others, in which so many bytes of it have not
// been counted.
func (qs *queues) enter(q *queue, bytes int) {
	qs.queued += bytes
	if q.state == idle && len(q.segments) > 0 {
		q.on(filled)
		qs.ready = append(qs.ready, q)
	}
}

// unline takes so many bytes out of what waits.
func (qs *queues) unline(q *queue, bytes int) {
	q.queued -= bytes
	if q.waits() {
		qs.queued -= bytes
	}
}

// load takes the first segment of each queue as far as they fit into a batch: the small ones
// before the others, so that containers with little to say do not wait until one
// with much has had its turn. Where only backlogs are large, what is written now leaves by
// itself every other time: a large request takes the sink long, and longer when many are
// under way.
func (qs *queues) load(limit int) (segments []*segment) {
	pressed := qs.pressed
	qs.flushed, qs.pressed = false, false
	queues := qs.ready
	qs.ready = make([]*queue, 0, len(queues))
	total := 0
	var large []*queue
	live, backlogs := false, true
	pick := func(q *queue) {
		total += q.segments[0].batch.Bytes
		segments = append(segments, qs.pop(q))
	}
	for _, q := range queues {
		if size, behind := q.segments[0].batch.Bytes, q.segments[0].behind; total+size <= small(limit) {
			pick(q)
			live = live || size > 0 && !behind
		} else {
			large = append(large, q)
			backlogs = backlogs && behind
		}
	}
	if qs.ahead = live && backlogs && len(large) > 0 && !qs.ahead; qs.ahead {
		qs.ready, qs.pressed = append(qs.ready, large...), pressed
		return segments
	}
	for i, q := range large {
		if i == 0 || total+q.segments[0].batch.Bytes <= limit {
			pick(q)
		} else {
			qs.ready = append(qs.ready, q)
		}
	}
	return segments
}

// pop takes the first segment out of a queue, which is not ready until that is pushed.
func (qs *queues) pop(q *queue) *segment {
	seg := q.segments[0]
	q.segments = slices.Delete(q.segments, 0, 1)
	seg.size = seg.batch.Bytes
	qs.queued -= q.queued
	q.queued -= seg.size
	q.on(sent)
	for _, g := range seg.batch.Groups {
		g.Container, g.Behind = q.id, seg.behind
	}
	return seg
}

// keep sets a segment's queue aside, unless it is.
func (qs *queues) keep(seg *segment) {
	q, is := seg.queue, seg.queue.state == retrying
	if q.on(kept); is {
		return
	}
	qs.apart += q.bytes
	seg.batch.Groups, seg.batch.Entries = nil, 0 // what is delivered of it may go
	q.segments = slices.Insert(q.segments, 0, seg)
	qs.aside = append(qs.aside, q)
}

// release lets go of a segment that is delivered. Its queue gets in line again, after those
// that have not been served.
func (qs *queues) release(seg *segment) {
	q := seg.queue
	qs.free(seg)
	if q.isAside() {
		qs.apart -= q.bytes
		q.segments = slices.Delete(q.segments, 0, 1)
		qs.aside = slices.DeleteFunc(qs.aside, func(other *queue) bool { return other == q })
	}
	q.on(delivered)
	qs.enter(q, q.queued)
}

// free lets go of what a segment that is delivered has held.
func (qs *queues) free(seg *segment) {
	qs.hold(seg.queue, -seg.size-len(seg.acks)*ackSize)
	seg.queue.proven = true
	seg.batch.Recycle()
}

// nextAside returns the queue set aside whose piece is to be pushed next, or how long
// there will be none; 0 when none is set aside.
func (qs *queues) nextAside(now time.Time) (next *queue, pause time.Duration) {
	for _, q := range qs.aside {
		if q.state == retrying {
			continue
		}
		left := q.again.at.Sub(now)
		if left <= 0 {
			return q, 0
		}
		if pause == 0 || left < pause {
			pause = left
		}
	}
	return nil, pause
}

// try begins to push the next piece of a queue that is set aside. Those that are set aside
// with it come first the next time.
func (qs *queues) try(q *queue) []*segment {
	q.on(sent)
	i := slices.Index(qs.aside, q)
	qs.aside = append(slices.Delete(qs.aside, i, i+1), q)
	return q.segments[:1:1]
}

// waitingGroups returns the first entry of each of some containers whose turn has not come:
// copies, as producers go on.
func (qs *queues) waitingGroups() []*logs.Group {
	const most = 16
	var out logs.Batch
	for _, q := range qs.all { // in any order, another each time
		if q.state != ready || q.segments[0].batch.Entries == 0 {
			continue
		}
		g := q.segments[0].batch.Groups[0]
		out.Add(g.Labels, g.Entry(slices.Index(g.Times, slices.Min(g.Times))))
		if len(out.Groups) == most {
			break
		}
	}
	return out.Groups
}

// drop lets go of a queue that was forgotten, if it is not used.
func (qs *queues) drop(q *queue) {
	if q.forgotten && q.unused() {
		delete(qs.all, q.id)
	}
}

// prune forgets the queues of containers that have been silent for a while.
func (qs *queues) prune(now time.Time) {
	if now.Sub(qs.pruned) < queueIdle {
		return
	}
	qs.pruned = now
	for id, q := range qs.all {
		if q.unused() && now.Sub(q.used) > queueIdle {
			delete(qs.all, id)
		}
	}
}
