package sink

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that are at most 1/32 wide of their value.
type Histogram struct {
	counts [64 * perDouble]int64
	n      int64
	max    time.Duration
}

const perDouble = 32

// Add counts a duration; negative ones count as none.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// bucket is exact below perDouble nanoseconds; above, it takes the highest bits.
func bucket(v uint64) int {
	if v < perDouble {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(perDouble)
	return shift*perDouble + int(v>>shift)
}

// upper is the largest value of a bucket.
func upper(bucket int) time.Duration {
	if bucket < perDouble {
		return time.Duration(bucket)
	}
	shift := bucket/perDouble - 1
	return time.Duration((bucket-shift*perDouble+1)<<shift - 1)
}

// Quantile returns the duration that a share q of all does not exceed, at most
// 1/32 too much; 0 when there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int64(q * float64(h.n))
	for i, n := range h.counts {
		if rank -= n; rank < 0 && n > 0 {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
