package assemble

import (
	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// maxTexts bounds how many different texts of one timestamp are told apart one
// by one. Docker's clock has nanoseconds and journald's microseconds, so more
// than a few never share one; a clock that stands still must not cost memory.
const maxTexts = 64

// mark follows the newest timestamp of a stream, the texts that have it, and
// the timestamps that they were sent with.
//
// Loki keeps one entry of equal labels, timestamp and text. So an entry is sent
// with the first timestamp, from its own on, that its text was not sent with
// yet: the n-th of n equal lines n-1 ns later, and further where lines that are
// really later have the same text. Once there are more than maxTexts, a text
// that is not among them is sent later than everything of its kind, which is
// always free. What that needs to know is bounded and stands in the position,
// so a line that is read again is sent with the timestamp of the first time.
type mark struct {
	time  int64
	texts []text
	// free is the timestamp from which on nothing was sent.
	free int64
	// more is the number of entries at time that are not among texts, and top
	// the newest timestamp that such an entry was sent with, 0 when none was
	// that matters any more.
	more, top int64
	// last is the newest entry's text, not hashed yet: hashing waits until
	// another entry with the same timestamp or the end of the chunk needs it,
	// which spares all but one entry of a chunk.
	last    []byte
	pending bool
}

// text is one that was sent at the mark's time or later.
type text struct {
	hash uint64
	// count is the number of entries that have the mark's time, and next the
	// first timestamp that the text was not sent with.
	count, next int64
}

// find returns the text with a hash, or nil.
func find(texts []text, hash uint64) *text {
	for i := range texts {
		if texts[i].hash == hash {
			return &texts[i]
		}
	}
	return nil
}

// add notes an entry and returns the timestamp to send it with. again tells
// that an equal entry with the same timestamp came before; with drop such an
// entry is not to be sent, and is not noted either.
func (m *mark) add(e logs.Entry, drop bool) (at int64, again bool) {
	if e.Time < m.free && e.Time >= m.time {
		return m.repeat(e, drop)
	}
	// A new timestamp is beyond all that was sent before, and that is forgotten.
	// Where the clock was set back it is not, but no memory could hold what was
	// sent then.
	m.time, m.free = e.Time, e.Time+1
	m.texts = m.texts[:0]
	m.more, m.top = 0, 0
	m.last, m.pending = e.Line, true
	return e.Time, false
}

// forget makes the mark one that has seen nothing, and keeps its time: it still is that
// of the newest entry.
func (m *mark) forget() {
	m.seal()
	m.texts, m.free, m.more, m.top = m.texts[:0], m.time, 0, 0
}

// repeat is add for a timestamp that something was sent with already.
func (m *mark) repeat(e logs.Entry, drop bool) (at int64, again bool) {
	m.seal()
	if e.Time != m.time {
		m.move(e.Time)
	}
	hash := xxhash.Sum64(e.Line)
	known := find(m.texts, hash)
	at = e.Time
	switch {
	case known != nil && known.count > 0 && drop:
		return at, true
	case known != nil:
		at, again = max(at, known.next), known.count > 0
	case m.top != 0 && m.top >= at && !drop:
		at = m.top + 1
	}
	m.note(known, hash, at)
	return at, again
}

// move goes on to a timestamp that something was sent with already.
func (m *mark) move(time int64) {
	kept := m.texts[:0]
	for _, t := range m.texts {
		if t.next > time {
			kept = append(kept, text{hash: t.hash, next: t.next})
		}
	}
	m.time, m.texts, m.more = time, kept, 0
	if m.top < time {
		m.top = 0
	}
}

// note remembers that a text was sent at a timestamp.
func (m *mark) note(known *text, hash uint64, at int64) {
	switch {
	case known != nil:
		known.count++
		known.next = at + 1
	case len(m.texts) < maxTexts:
		m.texts = append(m.texts, text{hash: hash, count: 1, next: at + 1})
	default:
		m.more++
		m.top = max(m.top, at)
	}
	m.free = max(m.free, at+1)
}

// seal hashes the newest entry's text, so that its memory may be used again.
func (m *mark) seal() {
	if m.pending {
		m.texts = append(m.texts, text{hash: xxhash.Sum64(m.last), count: 1, next: m.time + 1})
		m.last, m.pending = nil, false
	}
}

// seed makes the mark the one that was exported.
func (m *mark) seed(from logs.Mark) {
	*m = mark{time: from.Time, free: from.Time, more: max(0, from.More), top: from.Top}
	if m.top != 0 {
		m.free = max(m.free, m.top+1)
	}
	for i, hash := range from.Hashes[:min(len(from.Hashes), maxTexts)] {
		t := text{hash: hash, count: 1}
		if i < len(from.Counts) {
			t.count = max(0, from.Counts[i])
		}
		t.next = from.Time + t.count
		if i < len(from.Ahead) {
			t.next += max(0, from.Ahead[i])
		}
		m.texts = append(m.texts, t)
		m.free = max(m.free, t.next)
	}
}

// export returns the mark in the form that positions have.
func (m *mark) export() logs.Mark {
	m.seal()
	out := logs.Mark{Time: m.time, More: m.more, Top: m.top}
	plain, ahead := true, false
	for _, t := range m.texts {
		out.Hashes = append(out.Hashes, t.hash)
		plain = plain && t.count == 1
		ahead = ahead || t.next != m.time+t.count
	}
	for _, t := range m.texts {
		if !plain {
			out.Counts = append(out.Counts, t.count)
		}
		if ahead {
			out.Ahead = append(out.Ahead, t.next-m.time-t.count)
		}
	}
	return out
}

// replay recognises entries that were handed over before.
type replay struct {
	time int64
	// left are the texts at time with the number of entries that have not come
	// again yet, and more is the number of those with other texts.
	left []text
	more int64
	// begun tells that an entry has come, and ends that the mark has entries by
	// which its own place in the log can be recognised.
	begun, ends bool
}

func newReplay(m *mark) *replay {
	m.seal()
	r := &replay{time: m.time, left: append([]text(nil), m.texts...), more: m.more}
	r.ends = r.waits()
	return r
}

// over tells that the entries at the mark's time have come again. Those after
// them in the log are new, whatever their time: the clock may have been set back.
func (r *replay) over() bool { return r.ends && !r.waits() }

func (r *replay) delivered(e logs.Entry) bool {
	first := !r.begun
	r.begun = true
	if e.Time != r.time {
		return e.Time < r.time
	}
	// An entry at the mark's own time that was not handed over is new, and
	// those after it may still be old ones: the replay goes on.
	known := find(r.left, xxhash.Sum64(e.Line))
	switch {
	case known != nil && known.count > 0:
		known.count--
		return true
	case known == nil && r.more > 0:
		r.more--
		return true
	}
	// But where the log now begins in the middle of the line that was handed
	// over last, because rotation took its beginning away, it is the rest of
	// that line.
	return first && r.waits()
}

// waits tells that entries at the mark's time have not come again.
func (r *replay) waits() bool {
	for _, t := range r.left {
		if t.count > 0 {
			return true
		}
	}
	return r.more > 0
}
