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
	if l.closed {
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
			l.waiting = append(l.waiting, f)
		}
		f.wake = wake
	}
	if f.draft.open || l.roomBeside(f, 0) > 0 {
		l.cramped = true // what is being filled leaves none, not what waits for the sink
		l.mu.Unlock()
		return 0, nil
	}
	l.pressed = l.pressed || !f.aside
	l.mu.Unlock()
	l.signal() // what is held may be a batch that is not full
	return 0, nil
}

// open lets a draft be filled.
func (l *Lane) open(f *feed, d *logs.Draft, room int) {
	f.wake = nil
	f.draft = draft{open: true, reserved: min(room, wholeChunk)}
	l.drafts++
	l.reserved += f.draft.reserved
	p, most := f.open(), full(l.limit)
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
		l.unqueue(f, p.batch.Bytes)
		d.Continue(&p.batch, p.behind, most)
	}
}

// End ends what Begin began, and empties the draft. delivered is called, on the lane's
// goroutine and in order for the container, when everything that was added is delivered; it
// may be nil when nothing was.
func (l *Lane) End(id string, d *logs.Draft, delivered func()) {
	l.mu.Lock()
	f := l.feeds[id]
	added, last := l.gather(f, d)
	if delivered != nil {
		if last == nil {
			last = f.add()
		}
		l.receive(last, delivered)
	}
	f.queued += added
	l.line(f, added)
	ready := l.queued >= full(l.limit)
	if ready {
		l.callHelp()
	}
	l.drafts--
	l.reserved -= f.draft.reserved
	f.draft = draft{}
	var wakes []func()
	if l.cramped {
		l.cramped = false
		wakes = l.wakes()
	}
	ready = ready || l.closed
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
	for i := range d.Parts {
		part := &d.Parts[i]
		size := part.Batch.Bytes
		if part.Batch.Entries == 0 {
			continue
		}
		p := f.open()
		if p == nil || p.behind != part.Behind || p.batch.Entries > 0 && p.batch.Bytes+size > full(l.limit) {
			p = f.add()
			p.behind = part.Behind
		}
		p.batch.Take(&part.Batch)
		added += size
	}
	d.Reset()
	fresh += added
	f.bytes += fresh
	l.bytes += fresh
	return added, f.open()
}

// receive adds a receipt to a parcel.
func (l *Lane) receive(p *parcel, delivered func()) {
	p.receipts = append(p.receipts, delivered)
	p.feed.bytes += receiptSize
	l.bytes += receiptSize
}

// unqueue takes so many bytes out of what waits.
func (l *Lane) unqueue(f *feed, bytes int) {
	f.queued -= bytes
	if !f.aside && !f.flying {
		l.queued -= bytes
	}
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
	p := f.draft.parcel // what was handed over last, if there is one
	if p == nil {
		p = f.open()
	}
	if p == nil {
		p = f.add()
	}
	l.receive(p, delivered)
	l.line(f, 0)
	l.flushed = true
	l.mu.Unlock()
	l.signal()
}
