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
	if l.queue.closed {
		l.mu.Unlock()
		return 0, errClosed
	}
	f := l.feed(id)
	if room = l.room(f); room > 0 {
		l.open(f, d, room)
		l.mu.Unlock()
		return room, nil
	}
	if wake != nil {
		if f.wake == nil {
			l.queue.waiting = append(l.queue.waiting, f)
		}
		f.wake = wake
	}
	if f.draft.open || l.roomBeside(f, 0) > 0 {
		l.queue.cramped = true // what is being filled leaves none, not what waits for the sink
		l.mu.Unlock()
		return 0, nil
	}
	l.queue.pressed = l.queue.pressed || !f.isAside()
	l.mu.Unlock()
	l.signal() // what is held may be a batch that is not full
	return 0, nil
}

// open lets a draft be filled.
func (l *Lane) open(f *feed, d *logs.Draft, room int) {
	f.wake = nil
	f.draft = draft{open: true, reserved: min(room, wholeChunk)}
	l.queue.drafts++
	l.queue.reserved += f.draft.reserved
	p, most := f.open(), full(l.pace.limit)
	switch {
	case p == nil:
		d.Open(most, most)
	case f.isNext(p):
		d.Open(most-p.batch.Bytes, most)
	default:
		// It is not its turn yet: the draft goes on with it, as copying all that is added to
		// it would be 4 % of all that carrying a backlog costs.
		f.parcels = f.parcels[:len(f.parcels)-1]
		f.draft.parcel, f.draft.size = p, p.batch.Bytes
		l.queue.unline(f, p.batch.Bytes)
		d.Continue(&p.batch, p.behind, most)
	}
}

// End ends what Begin began, and empties the draft. delivered is called, on the lane's
// goroutine and in order for the container, when everything that was added is delivered; it
// may be nil when nothing was.
func (l *Lane) End(id string, d *logs.Draft, delivered func()) {
	l.mu.Lock()
	f := l.queue.feeds[id]
	added, last := l.gather(f, d)
	if delivered != nil {
		if last == nil {
			last = f.add()
		}
		l.queue.receive(last, delivered)
	}
	l.queue.line(f, added)
	ready := l.queue.queued >= full(l.pace.limit)
	if ready {
		l.callHelp()
	}
	l.queue.drafts--
	l.queue.reserved -= f.draft.reserved
	f.draft = draft{}
	var wakes []func()
	if l.queue.cramped {
		l.queue.cramped = false
		wakes = l.wakes()
	}
	ready = ready || l.queue.closed
	l.mu.Unlock()
	call(wakes)
	if ready {
		l.signal()
	}
}

// gather adds what a draft holds to the parcels of its feed. It returns the size of what was
// not queued before, and the parcel that is filled next, nil for none.
func (l *Lane) gather(f *feed, d *logs.Draft) (added int, last *parcel) {
	fresh := 0
	if p := f.draft.parcel; p != nil {
		f.parcels = append(f.parcels, p)
		fresh -= f.draft.size
	}
	d.HandOver(func(part *logs.Part) {
		size := part.Batch.Bytes
		p := f.open()
		if p == nil || p.behind != part.Behind || p.batch.Entries > 0 && p.batch.Bytes+size > full(l.pace.limit) {
			p = f.add()
			p.behind = part.Behind
		}
		p.batch.Take(&part.Batch)
		added += size
	})
	fresh += added
	f.bytes += fresh
	l.queue.bytes += fresh
	return added, f.open()
}

// After calls delivered when everything of a container that was handed over so far
// is delivered. It does not wait for room.
func (l *Lane) After(id string, delivered func()) {
	l.mu.Lock()
	f := l.feed(id)
	p := f.draft.parcel // what was handed over last, if there is one
	if p == nil {
		p = f.open()
	}
	if p == nil {
		p = f.add()
	}
	l.queue.receive(p, delivered)
	l.queue.line(f, 0)
	l.queue.flushed = true
	l.mu.Unlock()
	l.signal()
}

// feed finds or makes the feed of a container.
func (l *Lane) feed(id string) *feed {
	f := l.queue.feeds[id]
	if f == nil {
		f = &feed{id: id, proven: !l.config.LastOnly}
		l.queue.feeds[id] = f
	}
	f.forgotten = false
	return f
}

// room is how many bytes a feed may take more: nothing while a draft is filled for it, as its
// entries have to come in order.
func (l *Lane) room(f *feed) int {
	if f.draft.open {
		return 0
	}
	return l.roomBeside(f, l.queue.reserved)
}

// roomBeside is how many bytes a feed may take more when so many are reserved. No feed may
// hold more than what is still free: however many are full, an empty one finds room, and is
// not kept waiting by those that wait for the sink.
func (l *Lane) roomBeside(f *feed, reserved int) int {
	budget := l.budget
	if l.pace.stuck {
		budget = min(budget, stuckBatches*l.config.BatchSize)
	}
	room := budget - l.queue.bytes - reserved - f.bytes
	if f.isAside() {
		room = min(room, l.pace.limit-f.bytes)
	}
	if f.bytes > 0 && room < min(wholeChunk, l.budget/8) {
		return 0
	}
	if !f.proven {
		// A read may be larger than the room that is left.
		if room = min(room, firstRoom-f.bytes); f.bytes > 0 && room < firstRoom/4 {
			return 0
		}
	}
	return max(room, 0)
}

// wakes returns what has to be called, without the lock, because there is room.
func (l *Lane) wakes() (out []func()) {
	rest := l.queue.waiting[:0]
	for _, f := range l.queue.waiting {
		switch {
		case f.wake == nil:
		case l.queue.closed || l.room(f) > 0:
			out = append(out, f.wake)
			f.wake = nil
			l.queue.drop(f)
		default:
			rest = append(rest, f)
			l.queue.cramped = l.queue.cramped || l.queue.drafts > 0 // there may be room when these are handed over
		}
	}
	clear(l.queue.waiting[len(rest):])
	l.queue.waiting = rest
	return out
}

func call(wakes []func()) {
	for _, wake := range wakes {
		wake()
	}
}
