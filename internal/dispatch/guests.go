package dispatch

import (
	"slices"
	"time"
)

// Where there is little to say, all lanes share a request: what a host costs itself and its Loki
// then does not grow with its processors. The readers of all lanes look at their logs at the
// same moments, the last of them has the lanes pushed, and the lane that begins to push takes along
// what the others have that is due. A batch that is full is a lane's own.

// guestTime is by how much what goes along may be before its time, and how long a reader that
// is about to look at its logs is waited for.
const guestTime = 3 * time.Millisecond

// invite takes along what other lanes have for their next batches.
func (p *push) invite() {
	size := 0
	for _, seg := range p.segments {
		size += seg.size
	}
	if p.config.LeastWait == 0 {
		return
	}
	now, lines := time.Now(), 0
	for _, guest := range p.lanes {
		if guest == p.Lane {
			continue
		}
		segments := guest.along(now, p.config.BatchSize/2-size)
		if len(segments) == 0 {
			continue
		}
		p.guests = append(p.guests, guest)
		p.segments = append(p.segments, segments...)
		for _, seg := range segments {
			size += seg.size
			lines += seg.batch.Entries
		}
	}
	if lines > 0 {
		p.tempo.took(lines, now)
	}
}

// along hands over the next batch, for another lane to push, if it is about to leave and is not
// larger than most. Otherwise the lane has to see to it itself.
func (l *Lane) along(now time.Time, most int) []*segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait, waits := l.untilBatch(now)
	if !waits {
		return nil
	}
	if wait > guestTime || l.queues.closed || l.pace.stuck || l.queues.queued > min(most, l.pace.limit/2) {
		l.signal()
		return nil
	}
	segments := l.queues.load(l.pace.limit)
	l.pace.inFlight++
	l.pace.last = now
	return segments
}

// readers is what is known of the readers of all lanes, each by its lane's number.
type readers struct {
	// due is when a reader looks at its logs next, zero for at no certain time; and told when
	// it has last said that nothing more is about to be added.
	due, told []time.Time
	// held are the lanes that have something to push and wait for another reader.
	held []bool
}

// expect notes when a lane's reader looks at its logs next.
func (t *tempo) expect(lane int, due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers.due[lane] = due
}

// flushed notes that a lane's reader has nothing more to add, and returns the lane that is to
// push: none, which is -1, where there is nothing, or while another reader is about to look at its logs. That one will say
// the same in a moment; if it does not, the next round of this one has it pushed.
func (t *tempo) flushed(lane int, some bool, now time.Time) (next int) {
	if len(t.polled) == 1 || t.least == t.most {
		return lane
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers.told[lane] = now
	t.readers.held[lane] = t.readers.held[lane] || some
	for other, due := range t.readers.due {
		if other != lane && !due.IsZero() && due.Sub(now).Abs() < guestTime && t.readers.told[other].Before(due) {
			return -1
		}
	}
	if next = lane; !some {
		next = slices.Index(t.readers.held, true)
	}
	clear(t.readers.held)
	return next
}
