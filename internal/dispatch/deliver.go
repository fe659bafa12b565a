package dispatch

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// Backoff between attempts to push a batch.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 10 * time.Second
	// unreachableBackoff is maxBackoff for a sink that is not there. After an
	// outage the rest of a pause is what catching up begins with.
	unreachableBackoff = 2 * time.Second
	// asideBackoff is maxBackoff for a container that is set aside: there may be
	// any number of them.
	asideBackoff = 30 * time.Second
	// maxRetryAfter bounds what a sink may ask for.
	maxRetryAfter = 10 * time.Minute
)

// ship pushes the segments that were taken, in as many requests as they need. It
// returns false when ctx is done before.
func (p *push) run(ctx context.Context) bool {
	parts := p.plan()
	defer p.sent.arrived(p.streams)
	if len(parts) > 0 && p.flows() {
		if !p.flow(ctx, parts) {
			return false
		}
		parts = nil
	}
	if pace := p.paced(); len(parts) > 1 && pace.slow() && separate(parts) {
		if !p.deliverAtOnce(ctx, parts) {
			return false
		}
		parts = nil
	}
	for _, part := range parts {
		if !p.deliver(ctx, part) {
			return false
		}
	}
	p.settle()
	return true
}

// deliverAtOnce is deliver for several requests, none of which has to wait for another.
func (p *push) deliverAtOnce(ctx context.Context, parts []*logs.Batch) bool {
	var group errgroup.Group
	group.SetLimit(maxPushes)
	var ended atomic.Bool
	for _, part := range parts {
		group.Go(func() error {
			if !p.deliver(ctx, part) {
				ended.Store(true)
			}
			return nil
		})
	}
	_ = group.Wait()
	return !ended.Load()
}

// separate tells that no two requests have entries of one stream, whose order would be
// gone.
func separate(parts []*logs.Batch) bool {
	seen := make(map[string]bool)
	for _, part := range parts {
		for _, g := range part.Groups {
			key := streamKey(g)
			if seen[key] {
				return false
			}
			seen[key] = true
		}
	}
	return true
}

// plan returns the requests to send: the next piece of a segment that is set aside,
// or those of a batch.
func (p *push) plan() []*logs.Batch {
	if seg := p.segments[0]; p.alone {
		piece := seg.pieces[0]
		seg.pieces = seg.pieces[1:]
		return []*logs.Batch{piece}
	}
	b := &logs.Batch{}
	for _, seg := range p.segments {
		b.Groups = append(b.Groups, seg.batch.Groups...)
		b.Entries += seg.batch.Entries
		b.Bytes += seg.batch.Bytes
	}
	switch {
	case b.Entries == 0:
		return nil
	case p.config.LastOnly:
		parts, streams := p.sent.plan(b, time.Now())
		p.streams = streams
		return parts
	}
	return byTenant(b)
}

// byTenant divides a batch into requests of one tenant each.
func byTenant(b *logs.Batch) (out []*logs.Batch) {
	tenants := b.Tenants()
	if len(tenants) == 1 {
		return []*logs.Batch{b}
	}
	for _, tenant := range tenants {
		part, _ := divideBy(b, func(g *logs.Group) bool { return g.Tenant == tenant })
		out = append(out, part)
	}
	return out
}

// request is a batch to be pushed.
type request struct {
	*logs.Batch
	// second tells that it is the rest of a container's part, whose first half comes before
	// it, and must not be ahead of that.
	second bool
}

// deliver pushes a request until the sink has taken or refused all of it, or what
// is left of it is set aside. What it is divided into meanwhile is pushed in its place, each
// as a request of its own, in order. It returns false when ctx is done before.
func (p *push) deliver(ctx context.Context, b *logs.Batch) bool {
	todo := []request{{Batch: b}} // the next one last
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if next.second && p.kept(next.Batch) {
			p.keepPieces(next.Batch, 1)
			continue
		}
		parts, ok := p.try(ctx, next.Batch)
		if !ok {
			return false
		}
		for _, part := range slices.Backward(parts) {
			todo = append(todo, part)
		}
	}
	return true
}

// try pushes a request until it is known what becomes of it. It returns what is to be
// pushed instead, in order, and false when ctx is done before.
func (p *push) try(ctx context.Context, b *logs.Batch) (parts []request, ok bool) {
	switch b = p.withoutRejected(b); {
	case b.Entries == 0:
		return nil, true
	case p.waits(b):
		p.keepPieces(b, 1)
		return nil, true
	case b.Bytes > 2*p.paced().limit && b.Entries > 1:
		return halves(b), true // it was gathered before batches were found to be too large
	}
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		out := p.send(ctx, b)
		if ctx.Err() != nil && out.Kind != logs.Accepted {
			return nil, false
		}
		if out.Kind != logs.Retry {
			p.tune(func(of *pace) { of.stuck = false }) // that there is room again shows when the push has been settled
			p.said.works()
		}
		switch {
		case out.Kind == logs.Accepted:
			p.observe(b)
			p.rejected.taken(b)
			p.answered(b)
			return nil, true
		case out.Kind == logs.Refused && out.Exact:
			p.reject(out.Rejects, b)
			p.answered(b)
			return nil, true
		case out.Kind == logs.Refused, out.Kind == logs.TooLarge:
			return p.less(b, out), true
		}
		if some, rest := p.concerned(b, out); some.Entries > 0 {
			p.said.works()
			p.each(some, func(part *logs.Batch) { p.postpone(part, out) })
			return []request{{Batch: rest}}, true
		}
		p.tune(func(of *pace) { of.stuck = true })
		p.said.failed(out, time.Now())
		p.config.Metrics.Retried(retryReason(out))
		if out.Unproven && p.tryOne(ctx) {
			continue // it is the sink after all: what it refuses is searched for
		}
		if out.Unreachable {
			backoff = min(backoff, unreachableBackoff)
		}
		if !p.pause(ctx, max(jitter(backoff), spread(min(out.RetryAfter, maxRetryAfter)))) {
			return nil, false
		}
		p.said.tell(time.Now())
		if out.TimedOut && b.Entries > 1 && b.Bytes > minBatch {
			// Over a slow line it would take as long again and again, and nothing
			// would ever arrive.
			p.tune(func(of *pace) {
				if 2*b.Bytes > of.limit { // it is not those beside it that are too much
					of.shrink(b.Bytes)
				}
			})
			return halves(b), true
		}
	}
}

// halves divides a request in two.
func halves(b *logs.Batch) []request {
	first, second := b.Split()
	return []request{{Batch: first}, {Batch: second, second: single(b)}}
}

// tryOne pushes a single entry, and tells whether it was accepted. A sink that has not
// accepted anything yet is known by that only, and its first request may be one that it
// refuses in words that are not known: so it is an entry of any container that has some. It
// is one of the oldest of its stream: none that follows is too far behind it.
func (p *push) tryOne(ctx context.Context) bool {
	var groups []*logs.Group
	for _, seg := range p.segments {
		groups = append(groups, seg.batch.Groups...)
	}
	p.mu.Lock()
	others := p.queues.waitingGroups()
	p.mu.Unlock()
	if len(others) > 0 && (len(groups) == 0 || rand.IntN(2) == 0) {
		groups = others
	}
	if len(groups) == 0 {
		return false
	}
	g := groups[rand.IntN(len(groups))]
	oldest, i := slices.Min(g.Times), rand.IntN(g.Len())
	if g.Times[i] > oldest+int64(behind) {
		i = slices.Index(g.Times, oldest)
	}
	one := &logs.Batch{}
	one.Add(g.Labels, g.Entry(i))
	return p.send(ctx, one).Kind == logs.Accepted
}

// answered notes that the sink has said what became of a request.
func (p *push) answered(b *logs.Batch) {
	p.passed()
	if p.config.LastOnly {
		p.sent.told(b, time.Now())
	}
}

// concerned divides a request to be repeated into what has to wait and what can
// go on without it. Only in the first is the reason: the stream that the sink
// names; or, when the sink limits the rate of all, those who have much to say,
// so that the others get what is left of the limit.
func (p *push) concerned(b *logs.Batch, out logs.Outcome) (some, rest *logs.Batch) {
	switch {
	case out.Group != nil:
		p.sent.limited(out.Group, time.Now())
		return divideBy(b, func(g *logs.Group) bool { return g == out.Group })
	case p.alone && out.RateLimited && out.RetryAfter == 0:
		return b, &logs.Batch{}
	case out.RateLimited && out.RetryAfter == 0:
		much := small(p.paced().limit)
		bytes := make(map[string]int)
		for _, g := range b.Groups {
			bytes[g.Container] += g.Bytes()
		}
		return divideBy(b, func(g *logs.Group) bool { return bytes[g.Container] > much })
	}
	return &logs.Batch{}, b
}

// less returns what of a request goes on that the sink does not take as a whole, and does not
// say what of it is the reason. It is halved until only single containers are left
// that are not taken: these are set aside, so that the search does not hold up the
// others. Sending entries again that the sink took already does no harm.
func (p *push) less(b *logs.Batch, out logs.Outcome) []request {
	reason := "refused"
	if out.Kind == logs.TooLarge {
		reason = "too_large"
		if out.Group == nil {
			p.tune(func(of *pace) {
				of.shrink(b.Bytes)
				of.tooLate = 0 // batches are made smaller for another reason than time
			})
		}
	}
	switch {
	case single(b):
		p.divide(b, out, reason)
		return nil
	case out.Group != nil:
		p.sent.limited(out.Group, time.Now())
		some, rest := divideBy(b, func(g *logs.Group) bool { return g == out.Group })
		p.divide(some, out, reason)
		return []request{{Batch: rest}}
	}
	return halves(b)
}

// each calls f for the part of every container.
func (l *Lane) each(b *logs.Batch, f func(part *logs.Batch)) {
	for b.Entries > 0 {
		id := b.Groups[0].Container
		var part *logs.Batch
		part, b = divideBy(b, func(g *logs.Group) bool { return g.Container == id })
		f(part)
	}
}

func (l *Lane) send(ctx context.Context, b *logs.Batch) logs.Outcome {
	l.slots <- struct{}{} // others give theirs back when ctx is done
	defer func() { <-l.slots }()
	began := time.Now()
	out := l.config.Sink.Push(ctx, b)
	took := time.Since(began)
	l.config.Metrics.Pushed(outcomeName(out), took, b.Bytes)
	out.TimedOut = out.TimedOut && took >= soonAnswer
	if out.Kind == logs.Accepted || out.TimedOut {
		l.tune(func(p *pace) { p.answered(took, b.Bytes, out.TimedOut) })
	}
	return out
}

// observeEach is up to how many entries of a group are measured one by one; of
// more, which is a backlog, the oldest stands for all.
const observeEach = 64

// observe measures the time from Docker's timestamp to the acknowledgement.
func (l *Lane) observe(b *logs.Batch) {
	now := time.Now().UnixNano()
	for _, g := range b.Groups {
		if g.Len() > observeEach {
			l.config.Metrics.Delivered(time.Duration(now-g.Times[0]), g.Len(), g.Behind)
			continue
		}
		for _, at := range g.Times {
			l.config.Metrics.Delivered(time.Duration(now-at), 1, g.Behind)
		}
	}
}

// pause waits; it returns false when ctx is done before. When the lane is to end
// there is little time left: what is delivered now is not lost with its container.
func (l *Lane) pause(ctx context.Context, d time.Duration) bool {
	closing := l.closing
	select {
	case <-closing:
		d, closing = min(d, closingBackoff), nil
	default:
	}
	until := time.Now().Add(d)
	l.pausesUntil.Store(&until)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-closing:
		return true
	case <-ctx.Done():
		return false
	}
}
