package dispatch

import (
	"context"

	"github.com/lighterman/lighterman/internal/logs"
)

// What producers do: they ask for room, fill a draft, and hand it over.

// Begin waits until there is room for more entries of a container. Its error is
// ctx's, or says that the dispatcher is closed; otherwise End must follow.
func (l *Lane) Begin(ctx context.Context, id string, d *logs.Draft) error {
	for {
		// Nothing is made for waiting where there is no need to wait.
		if room, err := l.TryBegin(id, d, nil); room > 0 || err != nil {
			return err
		}
		free := make(chan struct{})
		if room, err := l.TryBegin(id, d, func() { close(free) }); room > 0 || err != nil {
			return err
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TryBegin is Begin without waiting. It returns about how many bytes may be added
// to the draft, and End must follow; or 0, and wake will be called once when it is worth
// trying again, unless it is nil or another has taken its place. wake must not block.
func (l *Lane) TryBegin(id string, d *logs.Draft, wake func()) (room int, err error) {
	l.mu.Lock()
	if l.queues.closed {
		l.mu.Unlock()
		return 0, errClosed
	}
	q := l.queueOf(id)
	if room = l.room(q); room > 0 {
		l.open(q, d, room)
		l.mu.Unlock()
		return room, nil
	}
	if wake != nil {
		if q.wake == nil {
			l.queues.waiting = append(l.queues.waiting, q)
		}
		q.wake = wake
	}
	if q.draft.open || l.roomBeside(q, 0) > 0 {
		l.queues.cramped = true // what is being filled leaves none, not what waits for the sink
		l.mu.Unlock()
		return 0, nil
	}
	l.queues.pressed = l.queues.pressed || !q.isAside()
	l.mu.Unlock()
	l.signal() // what is held may be a batch that is not full
	return 0, nil
}

// open lets a draft be filled.
func (l *Lane) open(q *queue, d *logs.Draft, room int) {
	q.wake = nil
	q.draft = draft{open: true, reserved: min(room, wholeChunk)}
	l.queues.drafts++
	l.queues.reserved += q.draft.reserved
	seg, most := q.open(), full(l.pace.limit)
	switch {
	case seg == nil:
		d.Open(most, most)
	case q.isNext(seg):
		d.Open(most-seg.batch.Bytes, most)
	default:
		// It is not its turn yet: the draft goes on with it, as copying all that is added to
		// it would be 4 % of all that carrying a backlog costs.
		q.segments = q.segments[:len(q.segments)-1]
		q.draft.segment, q.draft.size = seg, seg.batch.Bytes
		l.queues.unline(q, seg.batch.Bytes)
		d.Continue(&seg.batch, seg.behind, most)
	}
}

// End ends what Begin began, and empties the draft. delivered is called, on the lane's
// goroutine and in order for the container, when everything that was added is delivered; it
// may be nil when nothing was.
func (l *Lane) End(id string, d *logs.Draft, delivered func()) {
	l.mu.Lock()
	q := l.queues.all[id]
	added, last := l.gather(q, d)
	if delivered != nil {
		if last == nil {
			last = q.add()
		}
		l.queues.receive(last, delivered)
	}
	l.queues.line(q, added)
	ready := l.queues.queued >= full(l.pace.limit)
	if ready {
		l.callHelp()
	}
	l.queues.drafts--
	l.queues.reserved -= q.draft.reserved
	q.draft = draft{}
	var wakes []func()
	if l.queues.cramped {
		l.queues.cramped = false
		wakes = l.wakes()
	}
	ready = ready || l.queues.closed
	l.mu.Unlock()
	call(wakes)
	if ready {
		l.signal()
	}
}

// gather adds what a draft holds to the segments of its queue. It returns the size of what was
// not queued before, and the segment that is filled next, nil for none.
func (l *Lane) gather(q *queue, d *logs.Draft) (added int, last *segment) {
	fresh := 0
	if seg := q.draft.segment; seg != nil {
		q.segments = append(q.segments, seg)
		fresh -= q.draft.size
	}
	d.HandOver(func(part *logs.Part) {
		size := part.Batch.Bytes
		seg := q.open()
		if seg == nil || seg.behind != part.Behind || seg.batch.Entries > 0 && seg.batch.Bytes+size > full(l.pace.limit) {
			seg = q.add()
			seg.behind = part.Behind
		}
		seg.batch.Take(&part.Batch)
		added += size
	})
	fresh += added
	l.queues.hold(q, fresh)
	return added, q.open()
}

// After calls delivered when everything of a container that was handed over so far
// is delivered. It does not wait for room.
func (l *Lane) After(id string, delivered func()) {
	l.mu.Lock()
	q := l.queueOf(id)
	seg := q.draft.segment // what was handed over last, if there is one
	if seg == nil {
		seg = q.open()
	}
	if seg == nil {
		seg = q.add()
	}
	l.queues.receive(seg, delivered)
	l.queues.line(q, 0)
	l.queues.flushed = true
	l.mu.Unlock()
	l.signal()
}

// queueOf finds or makes the queue of a container.
func (l *Lane) queueOf(id string) *queue {
	q := l.queues.all[id]
	if q == nil {
		q = &queue{id: id, proven: !l.config.LastOnly}
		l.queues.all[id] = q
	}
	q.forgotten = false
	return q
}

// room is how many bytes a queue may take more: nothing while a draft is filled for it, as its
// entries have to come in order.
func (l *Lane) room(q *queue) int {
	if q.draft.open {
		return 0
	}
	return l.roomBeside(q, l.queues.reserved)
}

// roomBeside is how many bytes a queue may take more when so many are reserved. No queue may
// hold more than what is still free: however many are full, an empty one finds room, and is
// not kept waiting by those that wait for the sink.
func (l *Lane) roomBeside(q *queue, reserved int) int {
	budget := l.budget
	if l.pace.stuck {
		budget = min(budget, stuckBatches*l.config.BatchSize)
	}
	room := budget - l.queues.bytes - reserved - q.bytes
	if q.isAside() {
		room = min(room, l.pace.limit-q.bytes)
	} else {
		room = min(room, l.pace.ahead()-(l.queues.bytes-l.queues.apart)-reserved-q.bytes, l.queueAhead()*l.pace.unit()-q.bytes)
	}
	if q.bytes > 0 && room < min(wholeChunk, l.budget/8) {
		return 0
	}
	if !q.proven {
		// A read may be larger than the room that is left.
		if room = min(room, firstRoom-q.bytes); q.bytes > 0 && room < firstRoom/4 {
			return 0
		}
	}
	return max(room, 0)
}

// queueAhead is how many batches a queue may hold.
func (l *Lane) queueAhead() int {
	if l.config.OutOfOrder == 0 {
		return queueAhead
	}
	return max(queueAhead, l.pace.mostPushers+1)
}

// wakes returns what has to be called, without the lock, because there is room.
func (l *Lane) wakes() (out []func()) {
	rest := l.queues.waiting[:0]
	for _, q := range l.queues.waiting {
		switch {
		case q.wake == nil:
		case l.queues.closed || l.room(q) > 0:
			out = append(out, q.wake)
			q.wake = nil
			l.queues.drop(q)
		default:
			rest = append(rest, q)
			l.queues.cramped = l.queues.cramped || l.queues.drafts > 0 // there may be room when these are handed over
			l.queues.pressed = l.queues.pressed || !q.isAside() && !q.draft.open && l.roomBeside(q, 0) <= 0
		}
	}
	clear(l.queues.waiting[len(rest):])
	l.queues.waiting = rest
	return out
}

func call(wakes []func()) {
	for _, wake := range wakes {
		wake()
	}
}
