package dispatch

import (
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// feed is what a lane holds of one container. It is guarded by the lane's mu.
type feed struct {
	id    string
	state feedState
	// parcels wait in order; the last one is being filled. The first one of a
	// feed that is set aside stays here while it is pushed.
	parcels []*parcel
	// bytes is the size of all entries held, those being pushed included, and
	// queued of those in parcels that were not pushed yet.
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

// again is when a feed that is set aside is tried again, after attempts in vain with
// pauses of backoff.
type again struct {
	at       time.Time
	backoff  time.Duration
	attempts int
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

// feedState is where a feed stands. At most one parcel of a feed is being pushed, so that the
// order stays.
type feedState uint8

const (
	// resting: there is nothing to push that does not wait for something else.
	resting feedState = iota
	// inTurn: it is in the queue's turn.
	inTurn
	// flying: a parcel of it is being pushed.
	flying
	// aside: it is in the queue's aside, and its first parcel is to be pushed in pieces.
	aside
	// trying: it is set aside, and a piece is being pushed.
	trying
)

// feedEvent is what happens to a feed.
type feedEvent uint8

const (
	// filled: it has a parcel.
	filled feedEvent = iota
	// departed: a push of it begins.
	departed
	// delivered: a push has ended, and nothing is left of the parcel.
	delivered
	// kept: a push has ended, and what is left of the parcel has to wait.
	kept
)

// never is what must not happen.
const never = feedState(0xff)

// transitions says for each state what becomes of it.
var transitions = [...][kept + 1]feedState{
	//         filled, departed, delivered, kept
	resting: {inTurn, never, never, never},
	inTurn:  {inTurn, flying, never, never},
	flying:  {flying, never, resting, aside},
	aside:   {aside, trying, never, never},
	trying:  {trying, never, resting, aside},
}

// on changes the state of a feed.
func (f *feed) on(event feedEvent) {
	next := transitions[f.state][event]
	if next == never {
		panic(fmt.Sprintf("dispatch: event %d in state %d of a feed", event, f.state))
	}
	f.state = next
}

// isAside tells whether a feed is set aside.
func (f *feed) isAside() bool { return f.state == aside || f.state == trying }

// waits tells whether what a feed has in its parcels counts as queued.
func (f *feed) waits() bool { return f.state == resting || f.state == inTurn }

// open returns the parcel that is being filled, nil when there is none. A parcel
// that is set aside is not filled any more.
func (f *feed) open() *parcel {
	n := len(f.parcels)
	if n == 0 || f.isAside() && n == 1 {
		return nil
	}
	return f.parcels[n-1]
}

// isNext tells whether an open parcel is what will be pushed next of the feed.
func (f *feed) isNext(open *parcel) bool { return f.waits() && f.parcels[0] == open }

func (f *feed) add() *parcel {
	p := &parcel{feed: f}
	f.parcels = append(f.parcels, p)
	return p
}

// unused tells whether a feed has nothing, and nobody who waits.
func (f *feed) unused() bool {
	return len(f.parcels) == 0 && f.bytes == 0 && f.wake == nil && !f.draft.open
}
