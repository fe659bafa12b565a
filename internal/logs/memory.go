package logs

import (
	"math/bits"
	"sync"
)

// shelf keeps the memory of slices to be used again, by size, so that no line and
// hardly any batch makes garbage: growing anew for each batch cost as much as
// decoding. The collector takes what is not used for a while. It may be used by
// several goroutines.
type shelf[T any] struct {
	// sizes hold slices of capacity smallest<<i.
	sizes [16]sync.Pool
}

// smallest is the least capacity that is kept, in elements.
const smallest = 256

// kept is a slice on a shelf.
type kept[T any] struct{ memory []T }

// class returns the index of the least size that holds n elements.
func class(n int) int { return bits.Len(uint(max(n-1, 0) / smallest)) }

// large and huge are between which sizes slices grow faster, in elements.
const large, huge = 64 << 10, 1 << 20

// larger is the capacity that follows one: twice as much at least, so that what is copied
// stays in proportion. The text of a stream with a backlog grows from nothing to a batch
// again and again: doubled each time it was copied once more as a whole, 4 % of all that
// carrying it cost, where now it is a third of that.
func larger(n int) int {
	if n >= large && n < huge {
		return 4 * n
	}
	return 2 * n
}

// grow returns a slice with old's content and room for more elements, and takes
// old back.
func (s *shelf[T]) grow(old []T, more int) []T {
	if len(old)+more <= cap(old) {
		return old
	}
	need := max(len(old)+more, larger(cap(old)))
	at := class(need)
	if at >= len(s.sizes) {
		return append(make([]T, 0, need), old...)
	}
	fresh, ok := s.sizes[at].Get().(*kept[T])
	if !ok {
		fresh = &kept[T]{make([]T, 0, smallest<<at)}
	}
	out := fresh.memory[:len(old)]
	copy(out, old)
	s.give(old)
	return out
}

// give puts memory back, unless it has another size than those kept.
func (s *shelf[T]) give(old []T) {
	if at := class(cap(old)); cap(old) >= smallest && at < len(s.sizes) && cap(old) == smallest<<at {
		s.sizes[at].Put(&kept[T]{old[:0]})
	}
}

// keepSmall empties a slice of the smallest size, and gives any other back.
func (s *shelf[T]) keepSmall(old []T) []T {
	if cap(old) == smallest {
		return old[:0]
	}
	s.give(old)
	return nil
}

var (
	texts shelf[byte]
	times shelf[int64]
	ends  shelf[int]
)

// groups keeps those that are empty, with what memory they have that is of no size.
var groups sync.Pool

func newGroup() *Group {
	if g, ok := groups.Get().(*Group); ok {
		return g
	}
	return &Group{}
}

// Recycle empties a batch that was filled by Add, and lets its memory be used for
// others. Nothing may refer to its groups or their text any more.
func (b *Batch) Recycle() {
	for i, g := range b.Groups {
		if g != nil {
			texts.give(g.Metadata)
			ends.give(g.MetadataEnds)
			*g = Group{Times: times.keepSmall(g.Times), Ends: ends.keepSmall(g.Ends), Text: texts.keepSmall(g.Text)}
			groups.Put(g)
		}
		b.Groups[i] = nil
	}
	*b = Batch{Groups: b.Groups[:0]}
}
