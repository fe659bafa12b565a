package dispatch

import (
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// queue is what a lane holds of one container. It is guarded by the lane's mu.
type queue struct {
	id    string
	state queueState
	// segments wait in order; the last one is being filled. The first one of a
	// queue that is set aside stays here while it is pushed.
	segments []*segment
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those in segments that were not pushed yet.
	bytes, queued int
	// proven tells that the sink has taken or refused something of it.
	proven bool
	again  again
	// wake is called when there may be room; nil when nobody waits.
	wake func()
	used time.Time
	// forgotten tells that the container was removed.
	forgotten bool
	draft     draft
}

// again is when a queue that is set aside is tried again, after attempts in vain with
// pauses of backoff.
type again struct {
	at       time.Time
	backoff  time.Duration
	attempts int
}

// draft is what a lane knows of the draft that is being filled for a queue.
type draft struct {
	open bool
	// reserved is the room that it was given, in bytes.
	reserved int
	// segment is the queue's last one where the draft goes on with what that had, of which size
	// that was.
	segment *segment
	size    int
}

// segment is a container's part of a batch, and what is to be done when it is
// delivered.
type segment struct {
	queue *queue
	batch logs.Batch
	acks  []func()
	// behind tells that the log it is of had not been caught up with.
	behind bool
	// size is what the segment counts as held until all of it is delivered.
	size int
	// pieces is what is left of a segment that was set aside, each to be pushed
	// by itself; fresh are those that the push under way has made.
	pieces, fresh []*logs.Batch
}

// queueState is where a queue stands. At most one segment of a queue is being pushed, so that the
// order stays.
type queueState uint8

const (
	// idle: there is nothing to push that does not wait for something else.
	idle queueState = iota
	// ready: it is in the lane's list of those.
	ready
	// inFlight: a segment of it is being pushed.
	inFlight
	// aside: it is in the lane's list of those, and its first segment is to be pushed in pieces.
	aside
	// retrying: it is set aside, and a piece is being pushed.
	retrying
)

// queueEvent is what happens to a queue.
type queueEvent uint8

const (
	// filled: it has a segment.
	filled queueEvent = iota
	// sent: a push of it begins.
	sent
	// delivered: a push has ended, and nothing is left of the segment.
	delivered
	// kept: a push has ended, and what is left of the segment has to wait.
	kept
)

// never is what must not happen.
const never = queueState(0xff)

// transitions says for each state what becomes of it.
var transitions = [...][kept + 1]queueState{
	//         filled, sent, delivered, kept
	idle:     {ready, never, never, never},
	ready:    {ready, inFlight, never, never},
	inFlight: {inFlight, never, idle, aside},
	aside:    {aside, retrying, never, never},
	retrying: {retrying, never, idle, aside},
}

// on changes the state of a queue.
func (q *queue) on(event queueEvent) {
	next := transitions[q.state][event]
	if next == never {
		panic(fmt.Sprintf("dispatch: event %d in state %d of a queue", event, q.state))
	}
	q.state = next
}

// isAside tells whether a queue is set aside.
func (q *queue) isAside() bool { return q.state == aside || q.state == retrying }

// waits tells whether what a queue has in its segments counts as queued.
func (q *queue) waits() bool { return q.state == idle || q.state == ready }

// open returns the segment that is being filled, nil when there is none. A segment
// that is set aside is not filled any more.
func (q *queue) open() *segment {
	n := len(q.segments)
	if n == 0 || q.isAside() && n == 1 {
		return nil
	}
	return q.segments[n-1]
}

// isNext tells whether an open segment is what will be pushed next of the queue.
func (q *queue) isNext(open *segment) bool { return q.waits() && q.segments[0] == open }

func (q *queue) add() *segment {
	seg := &segment{queue: q}
	q.segments = append(q.segments, seg)
	return seg
}

// unused tells whether a queue has nothing, and nobody who waits.
func (q *queue) unused() bool {
	return len(q.segments) == 0 && q.bytes == 0 && q.wake == nil && !q.draft.open
}
