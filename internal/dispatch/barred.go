package dispatch

import (
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// barred are the streams that the sink refuses for their labels. What comes of them is
// refused without a request, except that the sink is asked again now and then: its limits may
// have been raised. All lanes share it.
type barred struct {
	mu      sync.Mutex // guards streams
	streams map[string]*bar
}

// bar is what the sink has said of a stream, of which container, and until when that counts.
type bar struct {
	container       string
	reason, message string
	until           time.Time
}

const (
	// barredFor is how long a stream is refused without a request.
	barredFor = 5 * time.Minute
	// maxBarred bounds the memory. Of more streams some cost a request again.
	maxBarred = 10_000
)

// add notes that the sink has refused streams, and returns how many of them are new.
func (b *barred) add(reject *logs.Reject, now time.Time) (fresh int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range reject.Streams {
		key := streamKey(g)
		if b.streams[key] == nil {
			fresh++
			b.makeRoom()
		}
		b.streams[key] = &bar{container: g.Container, reason: reject.Reason, message: reject.Message, until: now.Add(barredFor)}
	}
	return fresh
}

// makeRoom makes room for one more; the lock is held.
func (b *barred) makeRoom() {
	if b.streams == nil {
		b.streams = make(map[string]*bar)
	}
	for key := range b.streams {
		if len(b.streams) < maxBarred {
			break
		}
		delete(b.streams, key)
	}
}

// of returns what the sink has said of a stream, nil if it is to be asked.
func (b *barred) of(g *logs.Group, now time.Time) *bar {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.streams) == 0 {
		return nil
	}
	if one := b.streams[streamKey(g)]; one != nil && now.Before(one.until) {
		return one
	}
	return nil
}

// taken notes that the sink has taken a request.
func (b *barred) taken(batch *logs.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range batch.Groups {
		if len(b.streams) == 0 {
			return
		}
		delete(b.streams, streamKey(g))
	}
}

// forget forgets the streams of a container that was removed.
func (b *barred) forget(container string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, one := range b.streams {
		if one.container == container {
			delete(b.streams, key)
		}
	}
}

// withoutBarred refuses what a request has of streams that the sink refuses for their labels,
// and returns the rest.
func (p *push) withoutBarred(b *logs.Batch) *logs.Batch {
	now := time.Now()
	said := make(map[*logs.Group]*bar)
	for _, g := range b.Groups {
		if one := p.barred.of(g, now); one != nil {
			said[g] = one
		}
	}
	if len(said) == 0 {
		return b
	}
	out, rest := divideBy(b, func(g *logs.Group) bool { return said[g] != nil })
	for _, g := range out.Groups {
		p.reject([]logs.Reject{{
			Container: g.Labels.Container(), ID: g.Container, Reason: said[g].reason, Count: g.Len(), Message: said[g].message,
		}}, logs.Join(g))
	}
	return rest
}
