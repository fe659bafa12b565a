package sink

import (
	"bytes"

	"github.com/lighterman/lighterman/bench/line"
)

// account is what is known of a container.
type account struct {
	tally line.Tally
	seen  []uint64 // a bit per number
	// repeated counts lines whose number was there before, foreign numbers
	// that no container reaches.
	repeated, foreign int
}

// maxNumber bounds the numbers of lines, and the memory to remember them.
const maxNumber = 1 << 30

// add enters a line; it tells whether the line is new.
func (a *account) add(h line.Header, text []byte, nano int64) bool {
	if h.Number >= maxNumber {
		a.foreign++
		return false
	}
	for h.Number/64 >= len(a.seen) {
		a.seen = append(a.seen, 0)
	}
	bit := uint64(1) << (h.Number % 64)
	if a.seen[h.Number/64]&bit != 0 {
		a.repeated++
		return false
	}
	a.seen[h.Number/64] |= bit
	a.tally.Add(text, nano)
	return true
}

// stream is what is known of a label set: how far its containers have come.
type stream struct {
	container, newest int
	others            map[int]int
}

// follows notes a line and tells whether it is later than the container's lines
// in this stream before it.
func (s *stream) follows(h line.Header) bool {
	if h.Container != s.container {
		if s.others == nil {
			s.others = make(map[int]int)
		}
		s.others[s.container] = s.newest
		newest, ok := s.others[h.Container]
		if !ok {
			newest = -1
		}
		s.container, s.newest = h.Container, newest
	}
	ok := h.Number > s.newest
	s.newest = max(s.newest, h.Number)
	return ok
}

// trim takes the line feed off that some agents leave.
func trim(text []byte) []byte { return bytes.TrimSuffix(text, []byte("\n")) }
