package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Over a far link a container's lines would take a journey for each batch, as one waits for the
// answer to the one before. Where nothing else is to be pushed, several may go at once instead: Loki
// takes entries in any order as long as none is far behind the newest of its stream, half of
// max_chunk_age, an hour by default. So what is under way spans OutOfOrder at most, and what was
// not taken is sent again before anything later than that is. Acks are handed out in order: of
// what was taken after something that was not, none is before that is.
//
// A Loki may be told to refuse what is out of order, or have a shorter chunk's age, and what it
// refuses is lost. Nobody but its operator knows: so it is a setting, and off.

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
	if p.config.OutOfOrder == 0 || p.alone || len(p.segments) != 1 || !p.config.LastOnly || p.streams == nil {
		return false
	}
	pace := p.paced()
	return pace.slow()
}

// flow delivers a segment and those that follow it in its queue. It returns false when ctx is done
// before; otherwise what is left to be settled is the push's only segment.
func (p *push) flow(ctx context.Context, parts []*logs.Batch) bool {
	legs := []*leg{p.begin(ctx, p.segments[0], parts)}
	for {
		for p.mayFlow(len(legs)) {
			next := p.follow(ctx, legs)
			if next == nil {
				break
			}
			legs = append(legs, next)
		}
		front := legs[0]
		ended := <-front.ended
		if !ended || len(legs) == 1 || len(front.segments[0].fresh) > 0 {
			return p.gatherLegs(ended, legs)
		}
		p.settleFront(front)
		legs = legs[1:]
	}
}

// mayFlow tells whether another leg may begin beside so many.
func (p *push) mayFlow(legs int) bool {
	pace := p.paced()
	return pace.slow() && legs < min(2*pace.mostPushers, maxPushers, pace.requests)
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
func (p *push) follow(ctx context.Context, legs []*leg) *leg {
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
	oldest, newest := span(seg)
	for _, l := range legs {
		oldest, newest = min(oldest, l.oldest), max(newest, l.newest)
	}
	if newest-oldest > int64(p.config.OutOfOrder) {
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
	p.tellSettled()
	p.mu.Lock()
	p.queues.free(seg)
	seg.queue.used = now
	p.pace.grow()
	wakes := p.wakes()
	p.mu.Unlock()
	call(wakes)
}

// gatherLegs waits for all legs, of which the first has ended, and leaves what is not settled of
// them in one segment. It returns false when one of them has not come to its end, as ctx is done.
func (p *push) gatherLegs(ended bool, legs []*leg) bool {
	first := legs[0].segments[0]
	p.segments = []*segment{first}
	for _, l := range legs[1:] {
		ended = <-l.ended && ended
		seg := l.segments[0]
		first.fresh = append(first.fresh, seg.fresh...)
		first.acks = append(first.acks, seg.acks...)
		first.size += seg.size
	}
	return ended
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
