package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Over a far link a container's lines would take a journey for each batch, as one waits for the
// answer to the one before. Where nothing else is to be pushed, several go at once instead: Loki
// takes entries in any order as long as none is far behind the newest of its stream, half of
// max_chunk_age, an hour by default. So what is under way spans flowSpan at most, and what was
// not taken is sent again before anything later than that is. Acks are handed out in order: of
// what was taken after something that was not, none is before that is.
//
// An operator may have told Loki to refuse what is out of order (unordered_writes). So it is asked
// first, with an entry that it has: it refuses a copy that is older than the newest, and nothing is
// lost. Another sink than Loki has no such rules, and one batch at a time.

// flowSpan is the time that entries under way of a stream may span.
const flowSpan = 5 * time.Minute

// leg is one segment of a flow: a push of its own, but that it is the flow that settles it.
type leg struct {
	push
	parts []*logs.Batch
	// oldest and newest are the times of its entries.
	oldest, newest int64
	// ended is told whether it came to an end.
	ended chan bool
}

// flows tells that a push is of a single container, whose next segments may go meanwhile.
func (p *push) flows() bool {
	if p.alone || len(p.segments) != 1 || !p.config.LastOnly || p.streams == nil {
		return false
	}
	pace := p.paced()
	return pace.slow() && p.sent.order.of(p.tenant()) != inOrder
}

// tenant is whose the first entries of a push are.
func (p *push) tenant() string {
	if groups := p.segments[0].batch.Groups; len(groups) > 0 {
		return groups[0].Tenant
	}
	return ""
}

// flow delivers a segment and those that follow it in its queue. It returns false when ctx is done
// before; otherwise what is left to be settled is the push's only segment.
func (p *push) flow(ctx context.Context, parts []*logs.Batch) bool {
	tenant, one := p.tenant(), p.older()
	legs := []*leg{p.begin(ctx, p.segments[0], parts)}
	newest := legs[0].newest
	for {
		for p.mayFlow(tenant, len(legs)) {
			next := p.follow(ctx, legs, newest)
			if next == nil {
				break
			}
			newest = max(newest, next.newest)
			legs = append(legs, next)
		}
		front := legs[0]
		if !<-front.ended {
			for _, other := range legs[1:] {
				<-other.ended // ctx is done for them, too
			}
			return false
		}
		if kept := len(front.segments[0].fresh) > 0; kept || len(legs) == 1 && !p.goesOn(ctx, tenant, one) {
			return p.gatherLegs(legs)
		}
		if len(legs) == 1 {
			if next := p.follow(ctx, legs, newest); next != nil {
				newest = max(newest, next.newest)
				legs = append(legs, next)
			} else {
				return p.gatherLegs(legs)
			}
		}
		p.settleFront(front)
		legs = legs[1:]
	}
}

// mayFlow tells whether another leg may begin beside so many.
func (p *push) mayFlow(tenant string, legs int) bool {
	pace := p.paced()
	return p.sent.order.of(tenant) == anyOrder && pace.slow() && legs < min(2*pace.mostPushers, maxPushers, pace.requests)
}

// goesOn tells whether a flow goes on after its only leg: not if Loki wants entries in order, which
// it is asked where that is not known.
func (p *push) goesOn(ctx context.Context, tenant string, one *logs.Batch) bool {
	if p.sent.order.of(tenant) != unknownOrder {
		return p.sent.order.of(tenant) == anyOrder
	}
	if one == nil {
		return false
	}
	answer := inOrder
	switch p.send(ctx, one).Kind {
	case logs.Accepted:
		answer = anyOrder
	case logs.Retry:
		return false // it is asked another time
	}
	p.sent.order.set(tenant, answer)
	return answer == anyOrder
}

// older is a copy of an entry of the push which is older than another of its stream; nil where
// there is none.
func (p *push) older() *logs.Batch {
	for _, g := range p.segments[0].batch.Groups {
		oldest := slices.Min(g.Times)
		if oldest == slices.Max(g.Times) {
			continue
		}
		one := &logs.Batch{}
		one.Add(g.Labels, g.Entry(slices.Index(g.Times, oldest)))
		one.Groups[0].Container = g.Container
		return one
	}
	return nil
}

// begin sends a segment's requests.
func (p *push) begin(ctx context.Context, seg *segment, parts []*logs.Batch) *leg {
	l := &leg{push: push{Lane: p.Lane, segments: []*segment{seg}}, parts: parts, ended: make(chan bool, 1)}
	l.oldest, l.newest = span(seg)
	go func() { l.ended <- l.deliverAll(ctx) }()
	return l
}

func (l *leg) deliverAll(ctx context.Context) bool {
	if len(l.parts) > 1 && separate(l.parts) {
		return l.deliverAtOnce(ctx, l.parts)
	}
	for _, part := range l.parts {
		if !l.deliver(ctx, part) {
			return false
		}
	}
	return true
}

// span returns the times of a segment's oldest and newest entries.
func span(seg *segment) (oldest, newest int64) {
	for i, g := range seg.batch.Groups {
		if first := slices.Min(g.Times); i == 0 || first < oldest {
			oldest = first
		}
		newest = max(newest, slices.Max(g.Times))
	}
	return oldest, newest
}

// follow begins with the next segment of the queue; nil where there is none that may go: others
// wait, it is still small, it has other streams, or it is of another time.
func (p *push) follow(ctx context.Context, legs []*leg, newest int64) *leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.segments[0].queue
	if len(p.queues.ready) > 0 || len(p.queues.aside) > 0 || len(q.segments) == 0 || p.pace.stuck {
		return nil
	}
	seg := q.segments[0]
	if seg.batch.Entries == 0 || seg.batch.Bytes < full(p.pace.limit)*3/4 {
		return nil
	}
	oldest, last := span(seg)
	for _, l := range legs {
		oldest = min(oldest, l.oldest)
	}
	if max(newest, last)-oldest > int64(flowSpan) {
		return nil
	}
	for _, g := range seg.batch.Groups {
		g.Container, g.Behind = q.id, seg.behind
	}
	parts, ok := p.sent.goOn(&seg.batch, p.streams, time.Now())
	if !ok {
		return nil
	}
	q.segments = slices.Delete(q.segments, 0, 1)
	seg.size = seg.batch.Bytes
	q.queued -= seg.size
	return p.begin(ctx, seg, parts)
}

// settleFront settles a leg of which nothing is left, while others go on.
func (p *push) settleFront(front *leg) {
	seg, now := front.segments[0], time.Now()
	for _, ack := range seg.acks {
		ack()
	}
	p.tellSettled(now)
	p.mu.Lock()
	p.queues.free(seg)
	seg.queue.used = now
	p.pace.grow()
	wakes := p.wakes()
	p.mu.Unlock()
	call(wakes)
}

// gatherLegs waits for all legs, and leaves what is not settled of them in one segment.
func (p *push) gatherLegs(legs []*leg) bool {
	first := legs[0].segments[0]
	p.segments = []*segment{first}
	for _, l := range legs[1:] {
		if !<-l.ended {
			return false
		}
		seg := l.segments[0]
		first.fresh = append(first.fresh, seg.fresh...)
		first.acks = append(first.acks, seg.acks...)
		first.size += seg.size
	}
	return true
}

// goOn is plan for entries of streams that are under way already; ok is false for others.
func (s *streams) goOn(b *logs.Batch, own []*streamState, now time.Time) (parts []*logs.Batch, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting > 0 {
		return nil, false // it may be for one of these
	}
	for _, g := range b.Groups {
		if state := s.known[streamKey(g)]; state == nil || !slices.Contains(own, state) {
			return nil, false
		}
	}
	whole := &logs.Batch{Groups: slices.Clone(b.Groups), Entries: b.Entries, Bytes: b.Bytes}
	for _, part := range byTenant(whole) {
		parts = append(parts, s.divide(part, now)...)
	}
	return parts, true
}

// order is what is known of the order in which a tenant's entries may come.
type order uint8

const (
	unknownOrder order = iota
	anyOrder
	inOrder
)

// orders are those of all tenants.
type orders struct{ known sync.Map }

func (o *orders) of(tenant string) order {
	if known, ok := o.known.Load(tenant); ok {
		return known.(order) //nolint:forcetypeassert // nothing else is stored
	}
	return unknownOrder
}

func (o *orders) set(tenant string, answer order) { o.known.Store(tenant, answer) }
