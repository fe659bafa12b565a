package dispatch

import (
	"context"
	"sync"
)

// push is one that is under way: a segment of each of some queues, or the next piece of
// one that is set aside. It belongs to one goroutine.
type push struct {
	*Lane
	segments []*segment
	alone    bool
	// keeping guards what is kept of the segments: several requests of a push may be
	// under way.
	keeping sync.Mutex
	// streams are those that no other push has entries of meanwhile.
	streams []*streamState
}

// employ sets what starts another pusher, beside the one that leads.
func (l *Lane) employ(help func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace.pushers, l.help = 1, help
}

// callHelp starts another pusher if that is worth while. mu is held.
func (l *Lane) callHelp() {
	if l.help != nil && l.pace.wantsHelp(l.queues.queued) {
		l.pace.pushers++
		l.help()
	}
}

// helpOut pushes full batches as long as there are any.
func (l *Lane) helpOut(ctx context.Context) {
	defer l.signal() // the leader looks after the rest
	for next := l.takeFull(); next != nil; next = l.takeFull() {
		if !next.run(ctx) {
			return
		}
		l.signal() // what was set aside, and when it is tried again, is the leader's business
	}
}
