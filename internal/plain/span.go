package plain

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// cursor is how far a file was read.
type cursor struct {
	// offset is where the next span begins, and number its number.
	offset int64
	number uint64
	// epoch counts how often the file was truncated, and begun is the number of its first
	// span since.
	epoch, begun uint64
	// inLine is set when offset lies within a line that was too long for a span, whose time
	// is lineTime.
	inLine   bool
	lineTime int64
	// last is the time of the newest line.
	last int64
}

// take says how much of what lies at the cursor is a span; 0 when that is to be decided
// later. full says that there is more behind it, and over that nothing will be added to it.
func (c *cursor) take(chunk []byte, full, over bool) (n int, ends bool) {
	if len(chunk) == 0 {
		return 0, false
	}
	feed := bytes.LastIndexByte(chunk, '\n')
	if c.inLine { // only the rest of this line has its time
		feed = bytes.IndexByte(chunk, '\n')
	}
	switch {
	case feed >= 0:
		return feed + 1, false
	case full:
		return len(chunk), false
	case over:
		return len(chunk), true
	}
	return 0, false
}

// setBack is how far a clock may go back until that is taken for its being set.
const setBack = 1e9

// span makes the span that begins at the cursor and has these bytes.
func (c *cursor) span(text []byte, ends bool, now int64) logs.Span {
	at := now
	switch {
	case c.inLine:
		at = c.lineTime
	case now <= c.last && c.last-now < setBack:
		at = c.last + 1
	}
	s := logs.Span{Number: c.number, Epoch: c.epoch, From: c.offset, To: c.offset + int64(len(text)), Time: at, Hash: xxhash.Sum64(text), Ended: ends}
	if s.From == 0 {
		head := text[:min(len(text), HeadMost)]
		s.Head, s.Steps = xxhash.Sum64(head), stepsOf(head)
	}
	return s
}

// lines takes a span apart. from is the offset before which its lines were handed over, and
// add is given the others. It moves the cursor behind the span. A last line that is over
// without a line feed gets one, in the byte behind text, which has to be there.
func (c *cursor) lines(s logs.Span, text []byte, from int64, r *logs.Record, add func(*logs.Record)) {
	whole := true
	if s.Ended {
		text = append(text, '\n')
	}
	at, time := s.From, s.Time
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		if whole = n > 0; !whole {
			n = len(text)
		}
		if at >= from {
			*r = logs.Record{Time: time, Text: text[:n], Offset: at}
			add(r)
		}
		text, at = text[n:], at+int64(n)
		c.last = max(c.last, time)
		if c.last-time >= setBack {
			c.last = time
		}
		c.lineTime = time
		time++
	}
	c.offset, c.number, c.inLine = s.To, s.Number+1, !whole
}

const (
	// manySpans is how many spans may gather before a file is read less often, and most how
	// many of them there may be at all.
	manySpans = 256
	mostSpans = 4096
)

// due reports whether a file is to be read, given how many spans are kept of it, the time of
// the oldest, that of the newest line, and what time it is.
func due(kept int, oldest, last, now int64) bool {
	switch {
	case kept < manySpans:
		return true
	case kept >= mostSpans:
		return false
	}
	return now-last >= (now-oldest)/manySpans || now < last
}
