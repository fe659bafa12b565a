package history

import (
	"sync"
	"time"
)

// Sample is how lighterman stood at one moment.
type Sample struct {
	At time.Time
	// These only ever rise: lines read and bytes of their text, pushes that were repeated,
	// lines that were refused.
	Lines, Bytes, Retries, Refused float64
	// Latency counts lines by how long their delivery took, one element per bound and a last
	// one for what is above.
	Latency []uint64
	// LagSeconds is that of the container furthest behind. Memory is what the process takes,
	// Held what was read and not delivered, in bytes.
	LagSeconds, Memory, Held, FDs, Goroutines float64
}

// Ring keeps the newest samples. Its methods may be called from any goroutine.
type Ring struct {
	mu sync.Mutex // guards the fields below
	// samples grow up to their capacity; then next is the oldest.
	samples []Sample
	next    int
}

// NewRing makes a ring of so many samples.
func NewRing(size int) *Ring { return &Ring{samples: make([]Sample, 0, size)} }

// Add adds a sample.
func (r *Ring) Add(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.samples) < cap(r.samples) {
		r.samples = append(r.samples, s)
		return
	}
	r.samples[r.next] = s
	r.next = (r.next + 1) % len(r.samples)
}

// All returns the samples, oldest first.
func (r *Ring) All() []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append(make([]Sample, 0, len(r.samples)), r.samples[r.next:]...), r.samples[:r.next]...)
}
