package status

import (
	"math"
	"sort"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// histogram is a histogram that takes many equal observations at the price of
// one: a batch has thousands of entries of the same age. It allocates and locks
// nothing.
type histogram struct {
	desc   *prometheus.Desc
	bounds []float64
	// counts has one element per bound and a last one for what is above; they
	// are not cumulative.
	counts []atomic.Uint64
	// sum is the bits of a float64.
	sum atomic.Uint64
}

func newHistogram(desc *prometheus.Desc, bounds []float64) *histogram {
	return &histogram{desc: desc, bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// observe counts n observations of v. What is no positive number, as after a
// jump of the clock, counts as 0.
func (h *histogram) observe(v float64, n int) {
	if n <= 0 {
		return
	}
	if !(v > 0) || math.IsInf(v, 1) {
		v = 0
	}
	h.counts[sort.SearchFloat64s(h.bounds, v)].Add(uint64(n))
	for {
		old := h.sum.Load()
		sum := math.Float64bits(math.Float64frombits(old) + v*float64(n))
		if h.sum.CompareAndSwap(old, sum) {
			return
		}
	}
}

// Describe implements prometheus.Collector.
func (h *histogram) Describe(ch chan<- *prometheus.Desc) { ch <- h.desc }

// Collect implements prometheus.Collector. The count is made from the buckets,
// so they always agree; the sum may be a moment ahead or behind.
func (h *histogram) Collect(ch chan<- prometheus.Metric) {
	total := uint64(0)
	buckets := make(map[float64]uint64, len(h.bounds))
	for i, bound := range h.bounds {
		total += h.counts[i].Load()
		buckets[bound] = total
	}
	total += h.counts[len(h.bounds)].Load()
	ch <- prometheus.MustNewConstHistogram(h.desc, total, math.Float64frombits(h.sum.Load()), buckets)
}

// perBucket are the observations by bound, and a last element for what is above.
func (h *histogram) perBucket() []uint64 {
	out := make([]uint64, len(h.counts))
	for i := range h.counts {
		out[i] = h.counts[i].Load()
	}
	return out
}
