package dispatch

import (
	"slices"
	"time"
)

// flushAfter is how long a batch waits that its producer has not flushed.
const flushAfter = 5 * time.Millisecond

// take returns what to push next: a parcel of each container whose turn it is, or a
// single one that was set aside. If there is nothing it returns how long there will be
// nothing unless something happens, 0 when nothing waits; or that there will be no more.
func (l *Lane) take() (s *shipment, wait time.Duration, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wait, waits := l.untilBatch(now)
	next, pause := l.queue.nextAside(now)
	switch {
	case waits && wait <= 0 && (next == nil || l.pace.alone):
		return l.depart(), 0, false
	case next != nil:
		l.pace.alone = true
		l.pace.flights++
		return &shipment{Lane: l, parcels: l.queue.try(next), alone: true}, 0, false
	case pause > 0 && (!waits || pause < wait):
		return nil, pause, false
	}
	return nil, wait, l.queue.closed && !waits && len(l.queue.aside) == 0 && l.pace.flights == 0 && l.queue.drafts == 0
}

// takeFull returns a batch to push if there is a full one, for those who help out.
func (l *Lane) takeFull() *shipment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pace.helps(l.queue.queued) {
		l.pace.pushers--
		return nil
	}
	return l.depart()
}

// depart takes the next batch.
func (l *Lane) depart() *shipment {
	l.pace.alone = false
	s := &shipment{Lane: l, parcels: l.queue.load(l.pace.limit)}
	l.pace.flights++
	if slices.ContainsFunc(s.parcels, func(p *parcel) bool { return p.size > 0 }) {
		l.pace.last = time.Now()
	}
	l.callHelp()
	return s
}

// untilBatch returns how long the next batch still has to wait; waits is false
// when there is nothing for it.
func (l *Lane) untilBatch(now time.Time) (wait time.Duration, waits bool) {
	switch {
	case len(l.queue.turn) == 0:
		return 0, false
	case l.queue.closed, l.queue.pressed, l.queue.queued >= full(l.pace.limit):
		return 0, true
	}
	wait = l.config.BatchWait - now.Sub(l.pace.last)
	if !l.queue.flushed {
		// A batch that nobody has flushed yet leaves by itself a little later.
		wait = max(wait, flushAfter)
		l.queue.flushed = true
	}
	return max(wait, 0), true
}

// settle ends a push: receipts of what is delivered are handed out, and what is
// not goes back to its feed, which is set aside.
func (s *shipment) settle() {
	now := time.Now()
	for _, p := range s.parcels {
		if p.pieces = append(p.fresh, p.pieces...); len(p.pieces) > 0 {
			continue
		}
		for _, receipt := range p.receipts {
			receipt()
		}
	}
	if s.config.Settled != nil {
		s.config.Settled()
	}
	s.mu.Lock()
	s.pace.flights--
	for _, p := range s.parcels {
		p.feed.used = now
		p.fresh = nil
		if len(p.pieces) > 0 {
			s.queue.keep(p)
		} else {
			s.queue.release(p)
			s.queue.drop(p.feed)
		}
	}
	if !s.alone {
		s.pace.grow()
	}
	s.queue.prune(now)
	wakes := s.wakes()
	s.mu.Unlock()
	call(wakes)
}
