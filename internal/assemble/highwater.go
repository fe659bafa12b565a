package assemble

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// highWater is a stream's high-water mark: what is known of its newest entries. That is what
// was seen of the log, by the stored text, and what was sent, by the text that was sent.
type highWater struct {
	seen  seen
	apart apart
	// raw is the newest entry's stored text, not hashed yet: hashing waits until another
	// entry with the same timestamp or the end of the chunk needs it, which spares all
	// but one entry of a chunk. pending says whether there is one, and same whether it
	// was sent as it was stored.
	raw           []byte
	pending, same bool
	// before is the text of the entry before the one in hand, where that was sent as it was
	// stored and is not hashed yet: that is needed only if the one in hand is not sent.
	before    []byte
	hasBefore bool
}

// again reports whether an equal entry with the same timestamp was seen.
func (h *highWater) again(e logs.Entry) bool {
	if e.Time != h.seen.time {
		return false
	}
	h.seal()
	return h.seen.has(xxhash.Sum64(e.Line))
}

// note notes an entry as it was stored; send must follow. Where all is set it may be unsent
// instead.
func (h *highWater) note(e logs.Entry, all bool) {
	switch {
	case e.Time == h.seen.time || !h.apart.fresh(e.Time):
		h.seal()
	case all && h.pending && h.same:
		h.before, h.hasBefore = h.raw, true
	}
	if e.Time != h.seen.time {
		h.seen.begin(e.Time)
	}
	h.raw, h.pending, h.same = e.Line, true, false
}

// unsent says that the entry that was noted last is not sent, so that what was sent before it
// still counts.
func (h *highWater) unsent() {
	if h.hasBefore {
		h.apart.texts = append(h.apart.texts, sent{xxhash.Sum64(h.before), h.apart.time + 1})
		h.before, h.hasBefore = nil, false
	}
}

// send returns the timestamp to send the entry with that was noted last, as it is to be
// sent. same says whether it has the stored text; shift is as for apart.at.
func (h *highWater) send(e logs.Entry, same, shift bool) int64 {
	if h.apart.fresh(e.Time) {
		if h.hasBefore {
			h.before, h.hasBefore = nil, false
		}
		h.apart.begin(e.Time)
		if h.same = same; !same {
			h.apart.texts = append(h.apart.texts, sent{xxhash.Sum64(e.Line), e.Time + 1})
		}
		return e.Time
	}
	h.unsent() // a stage has moved it to where something was sent
	hash := h.seal()
	if !same {
		hash = xxhash.Sum64(e.Line)
	}
	return h.apart.at(e.Time, hash, shift)
}

// seal hashes the newest entry's text, so that its memory may be used again. It returns
// the hash of one that was pending.
func (h *highWater) seal() (hash uint64) {
	if !h.pending {
		return 0
	}
	hash = xxhash.Sum64(h.raw)
	h.seen.note(hash)
	if h.same {
		h.apart.texts = append(h.apart.texts, sent{hash, h.apart.time + 1})
	}
	h.raw, h.pending, h.same = nil, false, false
	return hash
}

// forget makes the high-water mark one that has seen nothing, and keeps its time: it still is that
// of the newest entry.
func (h *highWater) forget() {
	h.seal()
	h.seen.begin(h.seen.time)
	h.apart = apart{time: h.apart.time, free: h.apart.time, texts: h.apart.texts[:0]}
}

// seed makes the high-water mark the one that was exported.
func (h *highWater) seed(from logs.HighWaterMark) {
	*h = highWater{
		seen:  seen{time: from.Time, more: max(0, from.More), span: max(0, from.Span)},
		apart: apart{time: from.Time + from.At, free: from.Time + from.At, top: from.Top},
	}
	for i, hash := range from.Hashes[:min(len(from.Hashes), maxTexts)] {
		r := repeated{hash, 1}
		if i < len(from.Counts) {
			r.count = max(0, from.Counts[i])
		}
		h.seen.texts = append(h.seen.texts, r)
	}
	if h.apart.top != 0 {
		h.apart.free = max(h.apart.free, h.apart.top+1)
	}
	for _, t := range sentTexts(from, h.seen.texts) {
		h.apart.texts = append(h.apart.texts, t)
		h.apart.free = max(h.apart.free, t.next)
	}
}

// sentTexts returns the texts that were sent. Where nothing was said of them they are
// those that were seen, each sent as often, from its own timestamp on.
func sentTexts(from logs.HighWaterMark, stored []repeated) (out []sent) {
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

// export returns the high-water mark in the form that positions have.
func (h *highWater) export() logs.HighWaterMark {
	h.seal()
	out := logs.HighWaterMark{Time: h.seen.time, More: h.seen.more, Span: h.seen.span, At: h.apart.time - h.seen.time, Top: h.apart.top}
	once := true
	for _, t := range h.seen.texts {
		out.Hashes = append(out.Hashes, t.hash)
		once = once && t.count == 1
	}
	if !once {
		for _, t := range h.seen.texts {
			out.Counts = append(out.Counts, t.count)
		}
	}
	if out.At == 0 && slices.Equal(h.apart.texts, asStored(h.seen.time, h.seen.texts)) {
		return out
	}
	for _, t := range h.apart.texts {
		out.Sent = append(out.Sent, t.hash)
		out.Ahead = append(out.Ahead, t.next-h.apart.time)
	}
	if len(out.Sent) == 0 { // nothing was sent: a text that ends before the high-water mark says so
		out.Sent, out.Ahead = []uint64{0}, []int64{0}
	}
	return out
}
