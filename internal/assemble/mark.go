package assemble

import (
	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// maxHashes bounds how many entries of one timestamp are told apart. Docker's
// clock has nanoseconds and journald's microseconds, so more than a few never
// share one; without a bound a log with a constant timestamp would cost
// quadratic time.
const maxHashes = 64

// mark follows the newest timestamp of a stream and the entries that have it.
type mark struct {
	time   int64
	hashes []uint64
	// last is the newest entry's text, not hashed yet: hashing waits until
	// another entry with the same timestamp or the end of the chunk needs it,
	// which spares all but one entry of a chunk.
	last    []byte
	pending bool
}

func (m *mark) seed(from logs.Mark) {
	m.time = from.Time
	m.hashes = append(m.hashes[:0], from.Hashes...)
}

// add notes an entry and returns the number of equal ones before it that have
// the same timestamp.
func (m *mark) add(e logs.Entry) (repeats int64) {
	if e.Time != m.time {
		m.time = e.Time
		m.hashes = m.hashes[:0]
		m.last, m.pending = e.Line, true
		return 0
	}
	m.seal()
	hash := xxhash.Sum64(e.Line)
	for _, h := range m.hashes {
		if h == hash {
			repeats++
		}
	}
	m.push(hash)
	return repeats
}

func (m *mark) push(hash uint64) {
	if len(m.hashes) == maxHashes {
		m.hashes = append(m.hashes[:0], m.hashes[1:]...)
	}
	m.hashes = append(m.hashes, hash)
}

// seal hashes the newest entry's text, so that its memory may be used again.
func (m *mark) seal() {
	if m.pending {
		m.push(xxhash.Sum64(m.last))
		m.last, m.pending = nil, false
	}
}

func (m *mark) export() logs.Mark {
	m.seal()
	return logs.Mark{Time: m.time, Hashes: append([]uint64(nil), m.hashes...)}
}

// replay recognises entries that were handed over before.
type replay struct {
	time int64
	// left are the hashes of the entries at time that have not come again yet.
	left []uint64
	// begun tells that an entry has come.
	begun bool
}

func newReplay(m logs.Mark) *replay {
	return &replay{time: m.Time, left: m.Hashes}
}

func (r *replay) delivered(e logs.Entry) bool {
	first := !r.begun
	r.begun = true
	if e.Time != r.time {
		return e.Time < r.time
	}
	hash := xxhash.Sum64(e.Line)
	for i, h := range r.left {
		if h == hash {
			r.left = append(r.left[:i], r.left[i+1:]...)
			return true
		}
	}
	// An entry at the mark's own time that was not handed over is new, and
	// those after it may still be old ones: the replay goes on. But where the
	// log now begins in the middle of the line that was handed over last,
	// because rotation took its beginning away, it is the rest of that line.
	return first && len(r.left) > 0
}
