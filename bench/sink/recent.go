package sink

import "time"

// Merge adds all that another histogram has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// Count is the number of durations.
func (h *Histogram) Count() int64 { return h.n }

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Recent returns the latencies of the lines that have arrived since the last call,
// as Report has them of all, and begins anew. Only one caller gets each.
func (s *Sink) Recent() *Histogram {
	fresh := &Histogram{}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.recent
	s.recent = fresh
	return out
}
