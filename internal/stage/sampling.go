package stage

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// sampling keeps a part of the entries, which their time and text decide: a second
// reading keeps the same ones.
type sampling struct {
	rule  int
	below uint64
}

func newSampling(b *builder, f *fields) step {
	f.read("rate", "drop_counter_reason")
	rate := f.number("rate", 0)
	if !f.given("rate") {
		f.at("rate", "rate is missing: the part that is kept, from 0 to 1")
	} else if rate < 0 || rate > 1 {
		f.at("rate", "expected a number from 0 to 1, found %q", f.text("rate"))
		rate = 0
	}
	return b.sampling(rate, f.reason("sampling_stage"))
}

// sampling keeps a part of the entries, from 0 to 1. It drops by a rule.
func (b *builder) sampling(rate float64, reason string) *sampling {
	s := &sampling{rule: b.rule(reason)}
	if s.below = uint64(rate * (1 << 63) * 2 * (1 - 1e-16)); rate == 1 {
		s.below = math.MaxUint64
	}
	return s
}

func (s *sampling) run(r *Run, e *Entry, n *node) *node {
	// FNV's prime spreads the time over all bits.
	var time [8]byte
	binary.LittleEndian.PutUint64(time[:], uint64(e.docker)) //nolint:gosec // all bits of it
	h := xxhash.Sum64(time[:])*1099511628211 ^ xxhash.Sum64(e.Line)
	if h^h>>32 <= s.below && s.below > 0 {
		return n.next
	}
	return r.drop(s.rule)
}
