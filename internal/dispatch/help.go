package dispatch

import (
	"context"
	"sync"
	"time"
)

// shipment is a push under way: a parcel of each of some feeds, or the next piece of
// one that is set aside. It belongs to one goroutine.
type shipment struct {
	*Lane
	parcels []*parcel
	alone   bool
	// keeping guards what is kept of the parcels: several requests of a shipment may be
	// under way.
	keeping sync.Mutex
	// streams are those that no other shipment has entries of meanwhile.
	streams []*streamState
}

// While the sink answers at once, one push at a time is as quick as several. A sink that
// is far away, or takes its time, is then waited for most of the time: when a full batch
// waits and all pushers of the lane wait for an answer, another is started, and it ends
// when there is no full batch any more. Each pushes what is of other containers. Where a
// batch makes several requests, as its streams may be refused, they leave together.
const (
	// maxPushers bounds the batches of a lane that are under way, and maxPushes the
	// requests, where they are not bounded for all lanes.
	maxPushers, maxPushes = 8, 8
	// slowAnswer is the time to an answer from which on it is worth while. Where there is
	// one processor a near sink's takes up to 20 ms, as reading goes on meanwhile.
	slowAnswer = 40 * time.Millisecond
	// soonAnswer is the time within which nothing is too late for being too much.
	soonAnswer = time.Second
)

// employ sets what starts another pusher, beside the one that leads.
func (l *Lane) employ(help func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pushers, l.help = 1, help
}

// callHelp starts another pusher if that is worth while. mu is held.
func (l *Lane) callHelp() {
	if l.help == nil || l.stuck || l.answer < slowAnswer || l.queued < full(l.limit) || l.flights < l.pushers || l.pushers >= l.mostPushers {
		return
	}
	l.pushers++
	l.help()
}

// helpOut pushes full batches as long as there are any.
func (l *Lane) helpOut(ctx context.Context) {
	defer l.signal() // the leader looks after the rest
	for next := l.takeFull(); next != nil; next = l.takeFull() {
		if !next.ship(ctx) {
			return
		}
		l.signal() // what was set aside, and when it is tried again, is the leader's business
	}
}

// answeredAfter notes how long an answer took, or that there was none in time. Over a
// line that is full, more requests at once only share it, and take longer each until none
// is answered in time. Once that has happened, one pusher more for each answer, and half
// of them when answers take half of that time, comes to rest near what the line carries.
//
// So do batches: twice as much takes twice as long at most.
func (l *Lane) answeredAfter(took time.Duration, bytes int, timedOut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = took
	if most := l.tooLate * 3 / 4; !timedOut && took < most && 2*bytes > l.limit {
		l.limit = min(int(float64(l.limit)*min(2, float64(most)/float64(took+1))), l.config.BatchSize)
	}
	switch {
	case timedOut:
		l.tooLate, l.mostPushers = took, 1
	case l.crowded():
		l.mostPushers = max(l.mostPushers/2, 1)
	case took >= slowAnswer:
		l.mostPushers = min(l.mostPushers+1, maxPushers, cap(l.slots))
	}
}

// inTime notes that batches are made smaller for another reason than time.
func (l *Lane) inTime() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tooLate = 0
}

// crowded tells that answers take so long that more at once would be too much. mu is
// held.
func (l *Lane) crowded() bool { return l.tooLate > 0 && l.answer >= l.tooLate/2 }

// slow tells that answers take long, and that several requests at once help.
func (l *Lane) slow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answer >= slowAnswer && !l.crowded() && !l.stuck
}
