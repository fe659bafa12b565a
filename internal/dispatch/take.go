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
	next, pause := l.nextAside(now)
	switch {
	case waits && wait <= 0 && (next == nil || l.alone):
		return l.depart(), 0, false
	case next != nil:
		l.alone = true
		l.served(next)
		next.flying = true
		l.flights++
		return &shipment{Lane: l, parcels: next.parcels[:1:1], alone: true}, 0, false
	case pause > 0 && (!waits || pause < wait):
		return nil, pause, false
	}
	return nil, wait, l.closed && !waits && len(l.aside) == 0 && l.flights == 0 && l.drafts == 0
}

// takeFull returns a batch to push if there is a full one, for those who help out.
func (l *Lane) takeFull() *shipment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued < full(l.limit) || l.stuck || l.pushers > l.mostPushers {
		l.pushers--
		return nil
	}
	return l.depart()
}

// depart takes the next batch.
func (l *Lane) depart() *shipment {
	l.alone = false
	s := &shipment{Lane: l, parcels: l.load()}
	l.flights++
	if slices.ContainsFunc(s.parcels, func(p *parcel) bool { return p.size > 0 }) {
		l.last = time.Now()
	}
	l.callHelp()
	return s
}

// untilBatch returns how long the next batch still has to wait; waits is false
// when there is nothing for it.
func (l *Lane) untilBatch(now time.Time) (wait time.Duration, waits bool) {
	switch {
	case len(l.turn) == 0:
		return 0, false
	case l.closed, l.pressed, l.queued >= full(l.limit):
		return 0, true
	}
	wait = l.config.BatchWait - now.Sub(l.last)
	if !l.flushed {
		// A batch that nobody has flushed yet leaves by itself a little later.
		wait = max(wait, flushAfter)
		l.flushed = true
	}
	return max(wait, 0), true
}

// load takes the first parcel of each feed as far as they fit: the small ones
// before the others, so that containers with little to say do not wait until one
// with much has had its turn.
func (l *Lane) load() (parcels []*parcel) {
	l.flushed, l.pressed = false, false
	feeds := l.turn
	l.turn = make([]*feed, 0, len(feeds))
	total := 0
	var large []*feed
	pick := func(f *feed) {
		total += f.parcels[0].batch.Bytes
		parcels = append(parcels, l.pop(f))
	}
	for _, f := range feeds {
		if size := f.parcels[0].batch.Bytes; total+size <= small(l.limit) {
			pick(f)
		} else {
			large = append(large, f)
		}
	}
	for i, f := range large {
		if i == 0 || total+f.parcels[0].batch.Bytes <= l.limit {
			pick(f)
		} else {
			l.turn = append(l.turn, f)
		}
	}
	return parcels
}

// pop takes the first parcel out of a feed, which is not in turn until that is pushed.
func (l *Lane) pop(f *feed) *parcel {
	p := f.parcels[0]
	f.parcels = slices.Delete(f.parcels, 0, 1)
	p.size = p.batch.Bytes
	l.queued -= f.queued
	f.queued -= p.size
	f.inTurn, f.flying = false, true
	for _, g := range p.batch.Groups {
		g.Container, g.Behind = f.id, p.behind
	}
	return p
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
	s.flights--
	for _, p := range s.parcels {
		p.feed.used = now
		p.feed.flying = false
		p.fresh = nil
		if len(p.pieces) > 0 {
			s.keep(p)
		} else {
			s.release(p)
			s.drop(p.feed)
		}
	}
	if !s.alone && s.tooLate == 0 {
		// Batches that were found too large grow again little by little.
		s.limit = min(s.limit+s.limit/8, s.config.BatchSize)
	}
	s.prune(now)
	wakes := s.wakes()
	s.mu.Unlock()
	call(wakes)
}

// keep sets a parcel's feed aside, unless it is.
func (l *Lane) keep(p *parcel) {
	f := p.feed
	if f.aside {
		return
	}
	p.batch.Groups, p.batch.Entries = nil, 0 // what is delivered of it may go
	f.parcels = slices.Insert(f.parcels, 0, p)
	f.aside = true
	l.aside = append(l.aside, f)
}

// release lets go of a parcel that is delivered. Its feed gets in line again, after those
// that have not been served.
func (l *Lane) release(p *parcel) {
	f := p.feed
	size := p.size + len(p.receipts)*receiptSize
	f.bytes -= size
	l.bytes -= size
	f.proven = true
	p.batch.Recycle()
	if f.aside {
		f.parcels = slices.Delete(f.parcels, 0, 1)
		f.aside = false
		l.aside = slices.DeleteFunc(l.aside, func(other *feed) bool { return other == f })
	}
	l.line(f, f.queued)
}
