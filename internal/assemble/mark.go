package assemble

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// mark is what is known of a stream's newest entries: what was seen of the log, by the
// stored text, and what was sent, by the text that was sent.
type mark struct {
	seen  seen
	apart apart
	// raw is the newest entry's stored text, not hashed yet: hashing waits until another
	// entry with the same timestamp or the end of the chunk needs it, which spares all
	// but one entry of a chunk. pending says whether there is one, and same whether it
	// was sent as it was stored.
	raw           []byte
	pending, same bool
}

// again reports whether an equal entry with the same timestamp was seen.
func (m *mark) again(e logs.Entry) bool {
	if e.Time != m.seen.time {
		return false
	}
	m.seal()
	return m.seen.has(xxhash.Sum64(e.Line))
}

// note notes an entry as it was stored. all is set where it may not be sent: what is
// known of the entry before it is then kept in any case.
func (m *mark) note(e logs.Entry, all bool) {
	if e.Time == m.seen.time || all || !m.apart.fresh(e.Time) {
		m.seal()
	}
	if e.Time != m.seen.time {
		m.seen.begin(e.Time)
	}
	m.raw, m.pending, m.same = e.Line, true, false
}

// send returns the timestamp to send the entry with that was noted last, as it is to be
// sent. same says whether it has the stored text; shift is as for apart.at.
func (m *mark) send(e logs.Entry, same, shift bool) int64 {
	if m.apart.fresh(e.Time) {
		m.apart.begin(e.Time)
		if m.same = same; !same {
			m.apart.texts = append(m.apart.texts, sent{xxhash.Sum64(e.Line), e.Time + 1})
		}
		return e.Time
	}
	hash := m.seal()
	if !same {
		hash = xxhash.Sum64(e.Line)
	}
	return m.apart.at(e.Time, hash, shift)
}

// seal hashes the newest entry's text, so that its memory may be used again. It returns
// the hash of one that was pending.
func (m *mark) seal() (hash uint64) {
	if !m.pending {
		return 0
	}
	hash = xxhash.Sum64(m.raw)
	m.seen.note(hash)
	if m.same {
		m.apart.texts = append(m.apart.texts, sent{hash, m.apart.time + 1})
	}
	m.raw, m.pending, m.same = nil, false, false
	return hash
}

// forget makes the mark one that has seen nothing, and keeps its time: it still is that
// of the newest entry.
func (m *mark) forget() {
	m.seal()
	m.seen.begin(m.seen.time)
	m.apart = apart{time: m.apart.time, free: m.apart.time, texts: m.apart.texts[:0]}
}

// seed makes the mark the one that was exported.
func (m *mark) seed(from logs.Mark) {
	*m = mark{
		seen:  seen{time: from.Time, more: max(0, from.More), span: max(0, from.Span)},
		apart: apart{time: from.Time + from.At, free: from.Time + from.At, top: from.Top},
	}
	for i, hash := range from.Hashes[:min(len(from.Hashes), maxTexts)] {
		r := repeated{hash, 1}
		if i < len(from.Counts) {
			r.count = max(0, from.Counts[i])
		}
		m.seen.texts = append(m.seen.texts, r)
	}
	if m.apart.top != 0 {
		m.apart.free = max(m.apart.free, m.apart.top+1)
	}
	for _, t := range sentTexts(from, m.seen.texts) {
		m.apart.texts = append(m.apart.texts, t)
		m.apart.free = max(m.apart.free, t.next)
	}
}

// sentTexts returns the texts that were sent. Where nothing was said of them they are
// those that were seen, each sent as often, from its own timestamp on.
func sentTexts(from logs.Mark, stored []repeated) (out []sent) {
	if len(from.Sent) == 0 {
		return asStored(from.Time, stored)
	}
	for i, hash := range from.Sent[:min(len(from.Sent), maxTexts)] {
		t := sent{hash: hash, next: from.Time + from.At}
		if i < len(from.Ahead) {
			t.next += from.Ahead[i]
		}
		out = append(out, t)
	}
	return out
}

func asStored(time int64, stored []repeated) (out []sent) {
	for _, t := range stored {
		out = append(out, sent{t.hash, time + t.count})
	}
	return out
}

// export returns the mark in the form that positions have.
func (m *mark) export() logs.Mark {
	m.seal()
	out := logs.Mark{Time: m.seen.time, More: m.seen.more, Span: m.seen.span, At: m.apart.time - m.seen.time, Top: m.apart.top}
	once := true
	for _, t := range m.seen.texts {
		out.Hashes = append(out.Hashes, t.hash)
		once = once && t.count == 1
	}
	if !once {
		for _, t := range m.seen.texts {
			out.Counts = append(out.Counts, t.count)
		}
	}
	if out.At == 0 && slices.Equal(m.apart.texts, asStored(m.seen.time, m.seen.texts)) {
		return out
	}
	for _, t := range m.apart.texts {
		out.Sent = append(out.Sent, t.hash)
		out.Ahead = append(out.Ahead, t.next-m.apart.time)
	}
	if len(out.Sent) == 0 { // nothing was sent: a text that ends before the mark says so
		out.Sent, out.Ahead = []uint64{0}, []int64{0}
	}
	return out
}
