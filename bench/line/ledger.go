package line

import "github.com/cespare/xxhash/v2"

// Tally sums up lines of one container so that their order does not matter.
type Tally struct {
	Lines int
	// Content is the sum of the texts' hashes, Times that of hashes of each text
	// together with the timestamp of its record.
	Content uint64
	Times   uint64
}

// Add adds a line, without line feed, that has a timestamp in Unix nanoseconds.
func (t *Tally) Add(text []byte, nano int64) {
	hash := xxhash.Sum64(text)
	t.Lines++
	t.Content += hash
	t.Times += mix(hash ^ uint64(nano))
}

// mix spreads a change of any bit over all (splitmix64's finish).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Ledger holds what was written, by the number of the container.
type Ledger map[int]*Tally

// Of returns the tally of a container, which is made at first.
func (l Ledger) Of(container int) *Tally {
	t := l[container]
	if t == nil {
		t = &Tally{}
		l[container] = t
	}
	return t
}

// Lines is the number of lines of all containers.
func (l Ledger) Lines() (n int) {
	for _, t := range l {
		n += t.Lines
	}
	return n
}
