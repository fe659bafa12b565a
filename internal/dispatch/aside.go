package dispatch

import (
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// A container is set aside when what the sink says of a request concerns it alone:
// one of its streams is over a limit, or some of its entries are refused and have
// to be found by sending less and less. Its segment is then kept in pieces, which
// are pushed one at a time, each between two batches of the others. What comes
// after the segment waits in its queue, so the order within the container stays.

// manyAttempts is after how many attempts in vain less is sent at a time: a limit
// may be lower than what was read from the sink's answer.
const manyAttempts = 4

// closingBackoff bounds all pauses while the lane is to end.
const closingBackoff = time.Second

// divide sets a single container's request aside in parts, which are sent soon. A
// single entry that the sink does not take is refused for good.
func (p *push) divide(b *logs.Batch, out logs.Outcome, reason string) {
	if b.Entries == 1 {
		p.refuse(b, out, reason)
		return
	}
	p.keepPieces(b, max(out.Parts, 2))
}

// postpone sets a single container's request aside until it is worth trying again.
func (p *push) postpone(b *logs.Batch, out logs.Outcome) {
	p.config.Metrics.Retried(retryReason(out))
	seg, parts := p.segmentOf(b), 1
	p.mu.Lock()
	q, now := seg.queue, time.Now()
	if !q.again.at.After(now) { // otherwise another push of it that was under way has just said so
		q.again.attempts++
		q.again.backoff = min(max(2*q.again.backoff, minBackoff), asideBackoff)
	}
	if q.again.attempts%manyAttempts == 0 && out.RateLimited {
		parts = 2
	}
	if p.queues.closed {
		q.again.backoff = min(q.again.backoff, closingBackoff)
	}
	q.again.at = now.Add(max(jitter(q.again.backoff), out.Pace+out.Pace/16, min(out.RetryAfter, maxRetryAfter)))
	p.mu.Unlock()
	p.keepPieces(b, parts)
	p.said.throttled(q.id, b.Groups[0].Labels.Container(), out.Err, now)
}

// waits tells that a request is of a single container of which an earlier one has
// just been postponed: it would fail as well, use up what the limit has room for, and
// be ahead of its turn if it did not.
func (p *push) waits(b *logs.Batch) bool {
	if !single(b) {
		return false
	}
	if !p.kept(b) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.segmentOf(b).queue.again.at.After(time.Now())
}

// kept tells that something of the container of a request has been set aside.
func (p *push) kept(b *logs.Batch) bool {
	seg := p.segmentOf(b)
	p.keeping.Lock()
	defer p.keeping.Unlock()
	return len(seg.fresh) > 0
}

// keepPieces keeps a single container's request in parts of one stream each: what
// is said of the last stream of a request is then said of all of it.
func (p *push) keepPieces(b *logs.Batch, parts int) {
	seg := p.segmentOf(b)
	if n := len(b.Groups); n > 1 {
		parts = (parts + n - 1) / n
	}
	p.keeping.Lock()
	defer p.keeping.Unlock()
	for _, g := range b.Groups {
		seg.fresh = append(seg.fresh, logs.Join(g).Parts(parts)...)
	}
}

// passed notes that the sink has taken or refused something of the queues set aside.
func (p *push) passed() {
	if !p.alone {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.segments[0].queue
	q.again = again{}
}

// segmentOf finds the segment that a single container's request is from.
func (p *push) segmentOf(b *logs.Batch) *segment {
	i := slices.IndexFunc(p.segments, func(seg *segment) bool { return seg.queue.id == b.Groups[0].Container })
	return p.segments[i]
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
