package dispatch

import (
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// rejectedStreams are those that the sink refuses for their labels. What comes of them is
// refused without a request, except that the sink is asked again now and then: its limits may
// have been raised. All lanes share it.
type rejectedStreams struct {
	mu      sync.Mutex // guards streams
	streams map[string]*rejection
}

// rejection is what the sink has said of a stream, of which container, and until when that counts.
type rejection struct {
	container       string
	reason, message string
	until           time.Time
}

const (
	// rejectedFor is how long a stream is refused without a request.
	rejectedFor = 5 * time.Minute
	// maxRejected bounds the memory. Of more streams some cost a request again.
	maxRejected = 10_000
)

// add notes that the sink has refused streams, and returns how many of them are new.
func (r *rejectedStreams) add(reject *logs.Reject, now time.Time) (fresh int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range reject.Streams {
		key := streamKey(g)
		if r.streams[key] == nil {
			fresh++
			r.makeRoom()
		}
		r.streams[key] = &rejection{container: g.Container, reason: reject.Reason, message: reject.Message, until: now.Add(rejectedFor)}
	}
	return fresh
}

// makeRoom makes room for one more; the lock is held.
func (r *rejectedStreams) makeRoom() {
	if r.streams == nil {
		r.streams = make(map[string]*rejection)
	}
	for key := range r.streams {
		if len(r.streams) < maxRejected {
			break
		}
		delete(r.streams, key)
	}
}

// of returns what the sink has said of a stream, nil if it is to be asked.
func (r *rejectedStreams) of(g *logs.Group, now time.Time) *rejection {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.streams) == 0 {
		return nil
	}
	if one := r.streams[streamKey(g)]; one != nil && now.Before(one.until) {
		return one
	}
	return nil
}

// taken notes that the sink has taken a request.
func (r *rejectedStreams) taken(batch *logs.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range batch.Groups {
		if len(r.streams) == 0 {
			return
		}
		delete(r.streams, streamKey(g))
	}
}

// forget forgets the streams of a container that was removed.
func (r *rejectedStreams) forget(container string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, one := range r.streams {
		if one.container == container {
			delete(r.streams, key)
		}
	}
}

// withoutRejected refuses what a request has of streams that the sink refuses for their labels,
// and returns the rest.
func (p *push) withoutRejected(b *logs.Batch) *logs.Batch {
	now := time.Now()
	said := make(map[*logs.Group]*rejection)
	for _, g := range b.Groups {
		if one := p.rejected.of(g, now); one != nil {
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
