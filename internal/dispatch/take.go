package dispatch

import (
	"slices"
	"time"
)

// flushAfter is how long a batch waits that its producer has not flushed.
const flushAfter = 5 * time.Millisecond

// take returns what to push next: a segment of each container whose turn it is, or a
// single one that was set aside. If there is nothing it returns how long there will be
// nothing unless something happens, 0 when nothing waits; or that there will be no more.
func (l *Lane) take() (p *push, wait time.Duration, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wait, waits := l.untilBatch(now)
	next, pause := l.queues.nextAside(now)
	switch {
	case waits && wait <= 0 && (next == nil || l.pace.alone):
		return l.takeBatch(), 0, false
	case next != nil:
		l.pace.alone = true
		l.pace.inFlight++
		return &push{Lane: l, segments: l.queues.try(next), alone: true}, 0, false
	case pause > 0 && (!waits || pause < wait):
		return nil, pause, false
	}
	return nil, wait, l.queues.closed && !waits && len(l.queues.aside) == 0 && l.pace.inFlight == 0 && l.queues.drafts == 0
}

// takeFull returns a batch to push if there is a full one, for those who help out.
func (l *Lane) takeFull() *push {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pace.helps(l.queues.queued) {
		l.pace.pushers--
		return nil
	}
	return l.takeBatch()
}

// takeBatch takes the next batch.
func (l *Lane) takeBatch() *push {
	l.pace.alone = false
	p := &push{Lane: l, segments: l.queues.load(l.pace.limit)}
	l.pace.inFlight++
	if slices.ContainsFunc(p.segments, func(seg *segment) bool { return seg.size > 0 }) {
		l.pace.last = time.Now()
		lines := 0
		for _, seg := range p.segments {
			lines += seg.batch.Entries
		}
		l.tempo.took(lines, l.pace.last)
	}
	l.callHelp()
	return p
}

// untilBatch returns how long the next batch still has to wait; waits is false
// when there is nothing for it.
func (l *Lane) untilBatch(now time.Time) (wait time.Duration, waits bool) {
	switch {
	case len(l.queues.ready) == 0:
		return 0, false
	case l.queues.closed, l.queues.pressed, l.queues.queued >= full(l.pace.limit):
		return 0, true
	}
	wait = l.wait() - now.Sub(l.pace.last)
	if !l.queues.flushed {
		// A batch that nobody has flushed yet leaves by itself a little later.
		wait = max(wait, flushAfter)
		l.queues.flushed = true
	}
	return max(wait, 0), true
}

// settle ends a push: acks of what is delivered are handed out, and what is
// not goes back to its queue, which is set aside.
func (p *push) settle() {
	now := time.Now()
	for _, seg := range p.segments {
		if seg.pieces = append(seg.fresh, seg.pieces...); len(seg.pieces) > 0 {
			continue
		}
		for _, ack := range seg.acks {
			ack()
		}
	}
	p.tellSettled()
	p.mu.Lock()
	p.pace.inFlight--
	for _, seg := range p.segments {
		seg.queue.used = now
		seg.fresh = nil
		if len(seg.pieces) > 0 {
			p.queues.keep(seg)
		} else {
			p.queues.release(seg)
			p.queues.drop(seg.queue)
		}
	}
	if !p.alone {
		p.pace.grow()
	}
	p.queues.prune(now)
	wakes := p.wakes()
	p.mu.Unlock()
	call(wakes)
}

// tellSettled tells that acks were handed out.
func (l *Lane) tellSettled() {
	if l.config.Settled != nil {
		l.config.Settled()
	}
}
