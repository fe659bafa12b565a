package dispatch

import (
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// feed is what a lane holds of one container. It is guarded by the lane's mu.
type feed struct {
	id string
	// parcels wait in order; the last one is being filled. The first one of a
	// feed that is set aside stays here while it is pushed.
	parcels []*parcel
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those in parcels that were not pushed yet.
	bytes, queued int
	// inTurn and aside tell in which of the lane's lists the feed is, and flying that
	// a parcel of it is being pushed: no other is meanwhile, so that the order stays.
	inTurn, aside, flying bool
	// proven tells that the sink has taken or refused something of it.
	proven bool
	// until is when a feed that is set aside is tried again, after attempts in
	// vain with pauses of backoff.
	until    time.Time
	backoff  time.Duration
	attempts int
	// wake is called when there may be room; nil when nobody waits.
	wake func()
	used time.Time
	// forgotten tells that the container was removed.
	forgotten bool
	draft     draft
}

// draft is what a lane knows of the draft that is being filled for a feed.
type draft struct {
	open bool
	// reserved is the room that it was given, in bytes.
	reserved int
	// parcel is the feed's last one where the draft goes on with what that had, of which size
	// that was.
	parcel *parcel
	size   int
}

// parcel is a container's part of a batch, and what is to be done when it is
// delivered.
type parcel struct {
	feed     *feed
	batch    logs.Batch
	receipts []func()
	// behind tells that the log it is of had not been caught up with.
	behind bool
	// size is what the parcel counts as held until all of it is delivered.
	size int
	// pieces is what is left of a parcel that was set aside, each to be pushed
	// by itself; fresh are those that the push under way has made.
	pieces, fresh []*logs.Batch
}

const (
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

// feed finds or makes the feed of a container.
func (l *Lane) feed(id string) *feed {
	f := l.feeds[id]
	if f == nil {
		f = &feed{id: id, proven: !l.config.LastOnly}
		l.feeds[id] = f
	}
	f.forgotten = false
	return f
}

// open returns the parcel that is being filled, nil when there is none. A parcel
// that is set aside is not filled any more.
func (f *feed) open() *parcel {
	n := len(f.parcels)
	if n == 0 || f.aside && n == 1 {
		return nil
	}
	return f.parcels[n-1]
}

// isNext tells whether an open parcel is what will be pushed next of the feed.
func (f *feed) isNext(open *parcel) bool {
	return !f.flying && !f.aside && f.parcels[0] == open
}

func (f *feed) add() *parcel {
	p := &parcel{feed: f}
	f.parcels = append(f.parcels, p)
	return p
}

// room is how many bytes a feed may take more: nothing while a draft is filled for it, as its
// entries have to come in order.
func (l *Lane) room(f *feed) int {
	if f.draft.open {
		return 0
	}
	return l.roomBeside(f, l.reserved)
}

// roomBeside is how many bytes a feed may take more when so many are reserved. No feed may
// hold more than what is still free: however many are full, an empty one finds room, and is
// not kept waiting by those that wait for the sink.
func (l *Lane) roomBeside(f *feed, reserved int) int {
	budget := l.budget
	if l.stuck {
		budget = min(budget, stuckBatches*l.config.BatchSize)
	}
	room := budget - l.bytes - reserved - f.bytes
	if f.aside {
		room = min(room, l.limit-f.bytes)
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
	rest := l.waiting[:0]
	for _, f := range l.waiting {
		switch {
		case f.wake == nil:
		case l.closed || l.room(f) > 0:
			out = append(out, f.wake)
			f.wake = nil
			l.drop(f)
		default:
			rest = append(rest, f)
			l.cramped = l.cramped || l.drafts > 0 // there may be room when these are handed over
		}
	}
	clear(l.waiting[len(rest):])
	l.waiting = rest
	return out
}

func call(wakes []func()) {
	for _, wake := range wakes {
		wake()
	}
}

// Forget forgets what is known of a container that was removed: its streams at once, and
// the rest when what is held of it is delivered.
func (l *Lane) Forget(id string) {
	l.sent.forget(id)
	l.refused.forget(id)
	l.barred.forget(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.feeds[id]; f != nil {
		f.forgotten = true
		l.drop(f)
	}
}

// drop lets go of a feed that was forgotten, if it is idle.
func (l *Lane) drop(f *feed) {
	if f.forgotten && l.idle(f) {
		delete(l.feeds, f.id)
	}
}

// idle tells whether a feed has nothing, and nobody who waits.
func (l *Lane) idle(f *feed) bool {
	return len(f.parcels) == 0 && f.bytes == 0 && f.wake == nil && !f.draft.open
}

// prune forgets the feeds of containers that have been silent for a while.
func (l *Lane) prune(now time.Time) {
	if now.Sub(l.pruned) < feedIdle {
		return
	}
	l.pruned = now
	for id, f := range l.feeds {
		if l.idle(f) && now.Sub(f.used) > feedIdle {
			delete(l.feeds, id)
		}
	}
}
