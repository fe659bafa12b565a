package tail

import (
	"math"

	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// ending says whether a chunk ends with its file, and with one that may yet grow, though
// not with what would complete a record; or that the file goes on behind the chunk.
type ending struct{ last, sealed, full bool }

// decode passes on all whole records of a chunk and returns how far it came, and whether
// that is the end of a record.
func (l *Log) decode(g *generation, chunk []byte, end ending, emit func(logs.Entry)) (taken int, ends bool) {
	offset := g.offset
	var at place
	if end.last || end.sealed {
		at = final
	}
	if end.full {
		at |= full
	}
	if g.inRecord {
		at |= inside
	}
	r, rulesEnd := &l.record, l.rulesEnd(g)
	for {
		at &^= torn
		if begin := offset + int64(taken); begin < g.sealed && offset+int64(len(chunk)) > g.sealed {
			at |= torn // and what is written since lies behind it
		}
		n, what := g.format.next(chunk[taken:], at, r)
		if n == 0 || what == endless && (end.sealed || !end.last && l.fingerprint(g) == 0) {
			break // passed over when the file can be recognised, or ends
		}
		if ends && what > repaired && frameBefore(g.format, chunk, taken) {
			taken -= locallog.LengthSize
			ends = false
			continue
		}
		r.Offset = offset + int64(taken)
		taken += n
		ends = what <= repaired
		if what != record || at&inside != 0 {
			at = l.passed(what, at)
		}
		if offset+int64(taken) > rulesEnd {
			// Of a record that was half there its beginning may be of one that was handed
			// over, and lost its end since.
			l.endRules(r.Offset < rulesEnd)
			if r.Offset >= rulesEnd {
				rulesEnd = math.MaxInt64
			}
		}
		passed := what <= repaired && l.bound.awaited(r)
		if what <= repaired && r.Offset >= g.skip[r.Stream] {
			l.assemble.Add(r, emit)
		}
		if passed {
			l.passSince()
		}
	}
	g.inRecord = at&inside != 0
	l.assemble.Seal()
	r.Text = nil // the buffer's
	return taken, ends
}

// frameBefore reports whether a frame begins with the last length of the one before, and that
// it can be read: decoding has used the first byte of that, which is zero.
func frameBefore(in format, chunk []byte, at int) bool {
	if _, framed := in.(frames); !framed || at < locallog.LengthSize || !locallog.Headless(chunk[at:]) {
		return false
	}
	chunk[at-locallog.LengthSize] = 0
	return true
}

// passed counts what is no record, and says where the next one is looked for.
func (l *Log) passed(what found, at place) place {
	switch {
	case what == blank && at&inside == 0, what == record:
	case what == hole, what == endless && at&inside != 0:
		// counted before
	case what != blank:
		l.events.CorruptRecord()
	}
	return at.behind(what)
}

// giveUp passes over a stretch without line feed that is too long for a record, and
// returns its size.
func (l *Log) giveUp(g *generation, chunk []byte) int {
	if !g.inRecord {
		l.events.CorruptRecord()
	}
	n := g.format.hopeless(chunk)
	g.need = 0
	l.advance(g, n, g.seen)
	g.inRecord = true
	g.guard.forget()
	return n
}

// stepBack makes a chunk of frames begin with the length before its first entry. A file
// that was cut by the last length of its last frame, and written on, seems to be whole where
// the next frame begins with the same.
func (l *Log) stepBack(g *generation, read, chunk []byte) []byte {
	before := len(read) - len(chunk)
	if _, framed := g.format.(frames); !framed || before < locallog.LengthSize || g.inRecord || !locallog.Headless(chunk) {
		return chunk
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range g.skip {
		if g.skip[s] == g.offset {
			g.skip[s] -= locallog.LengthSize
		}
	}
	g.offset -= locallog.LengthSize
	return read[before-locallog.LengthSize:]
}

// endOf copies the end of a chunk of frames, which decoding changes.
func (l *Log) endOf(g *generation, chunk []byte) []byte {
	l.chunkEnd = l.chunkEnd[:0]
	if _, ok := g.format.(frames); ok {
		l.chunkEnd = append(l.chunkEnd, chunk[max(0, len(chunk)-frameTail):]...)
	}
	return l.chunkEnd
}
