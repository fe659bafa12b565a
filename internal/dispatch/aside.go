package dispatch

import (
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// A container is set aside when what the sink says of a request concerns it alone:
// one of its streams is over a limit, or some of its entries are refused and have
// to be found by sending less and less. Its parcel is then kept in pieces, which
// are pushed one at a time, each between two batches of the others. What comes
// after the parcel waits in its feed, so the order within the container stays.

// manyAttempts is after how many attempts in vain less is sent at a time: a limit
// may be lower than what was read from the sink's answer.
const manyAttempts = 4

// closingBackoff bounds all pauses while the lane is to end.
const closingBackoff = time.Second

// divide sets a single container's request aside in parts, which are sent soon. A
// single entry that the sink does not take is refused for good.
func (s *shipment) divide(b *logs.Batch, out logs.Outcome, reason string) {
	if b.Entries == 1 {
		s.refuse(b, out, reason)
		return
	}
	s.keepPieces(b, max(out.Parts, 2))
}

// postpone sets a single container's request aside until it is worth trying again.
func (s *shipment) postpone(b *logs.Batch, out logs.Outcome) {
	s.config.Metrics.Retried(retryReason(out))
	p, parts := s.parcelOf(b), 1
	s.mu.Lock()
	f, now := p.feed, time.Now()
	f.again.attempts++
	if f.again.attempts%manyAttempts == 0 && out.RateLimited {
		parts = 2
	}
	f.again.backoff = min(max(2*f.again.backoff, minBackoff), asideBackoff)
	if s.queue.closed {
		f.again.backoff = min(f.again.backoff, closingBackoff)
	}
	f.again.at = now.Add(max(jitter(f.again.backoff), out.Pace+out.Pace/16, min(out.RetryAfter, maxRetryAfter)))
	s.mu.Unlock()
	s.keepPieces(b, parts)
	s.said.throttled(f.id, b.Groups[0].Labels.Container(), out.Err, now)
}

// waits tells that a request is of a single container of which an earlier one has
// just been postponed: it would fail as well, use up what the limit has room for, and
// be ahead of its turn if it did not.
func (s *shipment) waits(b *logs.Batch) bool {
	if !single(b) {
		return false
	}
	if !s.kept(b) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parcelOf(b).feed.again.at.After(time.Now())
}

// kept tells that something of the container of a request has been set aside.
func (s *shipment) kept(b *logs.Batch) bool {
	p := s.parcelOf(b)
	s.keeping.Lock()
	defer s.keeping.Unlock()
	return len(p.fresh) > 0
}

// keepPieces keeps a single container's request in parts of one stream each: what
// is said of the last stream of a request is then said of all of it.
func (s *shipment) keepPieces(b *logs.Batch, parts int) {
	p := s.parcelOf(b)
	if n := len(b.Groups); n > 1 {
		parts = (parts + n - 1) / n
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	for _, g := range b.Groups {
		p.fresh = append(p.fresh, logs.Join(g).Parts(parts)...)
	}
}

// passed notes that the sink has taken or refused something of the feeds set aside.
func (s *shipment) passed() {
	if !s.alone {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.parcels[0].feed
	f.again = again{}
}

// parcelOf finds the parcel that a single container's request is from.
func (s *shipment) parcelOf(b *logs.Batch) *parcel {
	i := slices.IndexFunc(s.parcels, func(p *parcel) bool { return p.feed.id == b.Groups[0].Container })
	return s.parcels[i]
}

// single tells whether a request is of one container only.
func single(b *logs.Batch) bool {
	return !slices.ContainsFunc(b.Groups, func(g *logs.Group) bool { return g.Container != b.Groups[0].Container })
}

// divideBy divides a request into the groups picked and the rest, either of which
// may be empty.
func divideBy(b *logs.Batch, pick func(*logs.Group) bool) (picked, rest *logs.Batch) {
	var in, out []*logs.Group
	for _, g := range b.Groups {
		if pick(g) {
			in = append(in, g)
		} else {
			out = append(out, g)
		}
	}
	return logs.Join(in...), logs.Join(out...)
}
