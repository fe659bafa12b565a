package tail

import (
	"bytes"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// before is where a chunk begins: a little before the next record, so that the end
// of the last one shows that the file is still the one we knew.
func (g *generation) before() int64 { return max(0, g.offset-g.format.tail()) }

// tailSize is how much of what lies before the next record is looked at again, in bytes:
// more than the time at the end of a json-file's record, and less than what comes after
// its text.
const tailSize = 48

// frameTail is the same of frames, which begin with their time: all of most.
const frameTail = 512

// check cuts those bytes off. It is not intact when the file was truncated, be
// it that it has grown beyond the old size again.
//
// whole tells that there was no more to be read.
func (l *Log) check(g *generation, chunk []byte, whole bool) (rest []byte, intact bool) {
	if g.changed() {
		return nil, false
	}
	known := l.fingerprint(g)
	if g.offset == 0 {
		sum := fingerprintOf(chunk, g.format)
		if known != 0 && sum != known && (sum != 0 || whole) {
			return nil, false // what was there when it was opened is gone
		}
		if sum != 0 && known == 0 {
			l.setFingerprint(g, sum)
		}
		if sum != 0 && g.emptied {
			// It may have been filled, copied and emptied once more before it was seen.
			l.moved = l.putBefore(g, l.strangers(g))
			g.emptied = false
		}
		return chunk, !l.moved
	}
	n := int(min(g.offset, g.format.tail()))
	if len(chunk) < n {
		return nil, false
	}
	tail, rest := chunk[:n], chunk[n:]
	guard := tail[max(0, n-g.format.guard()):]
	ends := len(guard) == g.format.guard() && g.format.ends(guard)
	switch {
	case len(g.tail) > 0 && bytes.Equal(tail, g.tail):
		if known == 0 { // see sealed: there may be enough now
			sum, err := fingerprint(g.data, g.format)
			l.setFingerprint(g, sum)
			return rest, err == nil
		}
		return rest, true
	case !ends && isZero(tail):
		// Truncated from outside: the engine writes on at its old offset,
		// after a hole of zeros. What follows is new, and where we stand.
		if len(g.tail) > 0 && !isZero(g.tail) && l.holed(g, known) {
			return nil, false
		}
		sum, err := fingerprint(g.data, g.format)
		l.setFingerprint(g, sum)
		return rest, err == nil
	case len(g.tail) > 0:
		return nil, false
	case ends && !g.rested:
		return rest, true
	}
	sum, err := fingerprint(g.data, g.format)
	if err != nil || sum != known || sum == 0 {
		return nil, false
	}
	// The same file. Unless a record ends here we stand inside one that is being
	// given up.
	g.inRecord = g.inRecord || !ends
	return rest, true
}

// holed looks for the copy of a file that has become a hole, and tells whether that is to
// be read first.
func (l *Log) holed(g *generation, known uint64) bool {
	l.moved = l.goOn(g, known)
	if !l.moved {
		l.lose(g.offset, max(int64(g.hole(g.offset)), g.seen-g.offset, g.most-g.offset))
		l.moved = l.putBefore(g, l.strangers(g))
	}
	g.tail = nil
	sum, err := fingerprint(g.data, g.format)
	if err == nil {
		l.setFingerprint(g, sum)
	}
	return l.moved
}

// keepTail remembers the end of a chunk that was taken, if that is the end of a record.
// Decoding has left the end of a json-file's record as it was in the file; of frames
// before is a copy of the whole chunk's end.
//
// Zeros are remembered as well: the records behind them are those of the same file.
func (g *generation) keepTail(taken []byte, ends, whole bool, before []byte) {
	g.tail = g.tail[:0]
	end := taken[max(0, len(taken)-int(g.format.tail())):]
	g.hollow = !ends && len(end) == int(g.format.tail()) && isZero(end)
	switch {
	case g.hollow:
		g.tail = append(g.tail, end...)
	case !ends, g.compressed && len(before) > 0: // what is kept of it is what decoding has changed
	case len(before) == 0:
		g.tail = append(g.tail, end...)
	case whole:
		g.tail = append(g.tail, before...)
	default:
		g.tail = g.tailAt(g.offset)
	}
}

// endOf copies the end of a chunk of frames, which decoding changes.
func (l *Log) endOf(g *generation, chunk []byte) []byte {
	l.chunkEnd = l.chunkEnd[:0]
	if _, ok := g.format.(frames); ok {
		l.chunkEnd = append(l.chunkEnd, chunk[max(0, len(chunk)-frameTail):]...)
	}
	return l.chunkEnd
}

// findTails is keepTail for a file that was recognised and is not read yet. Where one
// stream is ahead of the other it remembers both places: all that is before them is
// passed over, so it must be what was read.
func (g *generation) findTails() {
	if ahead := slices.Max(g.skip[:]); ahead > g.offset {
		g.ahead, g.aheadTail = ahead, g.tailAt(ahead)
	}
	tail := g.tailAt(g.offset)
	g.keepTail(tail, len(tail) >= g.format.guard() && g.format.ends(tail[len(tail)-g.format.guard():]), true, nil)
}

// tailAt reads what lies before an offset; nil where that cannot be had.
func (g *generation) tailAt(offset int64) []byte {
	if g.compressed {
		return nil // is not truncated, and would be unpacked for it
	}
	from := max(0, offset-g.format.tail())
	tail := make([]byte, offset-from)
	if _, err := g.data.ReadAt(tail, from); err != nil {
		return nil
	}
	return tail
}

// changed tells that what lies before the place that one stream is ahead at is not what
// was there, be it that there is nothing: the file was truncated, or its end was lost with
// the host's power. What replaced it, compressed, holds the same.
func (g *generation) changed() bool {
	return g.ahead > g.offset && !g.compressed && (g.aheadTail == nil || !bytes.Equal(g.aheadTail, g.tailAt(g.ahead)))
}

func isZero(p []byte) bool { return len(bytes.TrimLeft(p, "\x00")) == 0 }

// startAgain begins a truncated file from its start: all of it is new, or comes again. What
// was not read of it is read first, where it was copied.
func (l *Log) startAgain(g *generation, emit func(logs.Entry)) {
	if l.moved {
		l.moved = false
		return
	}
	known := l.fingerprint(g)
	edited := g.beginsWith(known)
	var strangers []*generation
	switch {
	case !edited && l.goOn(g, known):
		l.reset(g)
		return
	case !edited && known != 0:
		l.lose(g.offset, max(0, max(g.seen, g.most)-g.offset))
		strangers = l.strangers(g)
	}
	l.truncated(g, edited)
	if g.offset > 0 { // otherwise lines held back began in an older file, and may go on
		l.release(edited, emit)
	}
	if (g.offset > 0 || g.ahead > 0) && (l.begun || !l.replaying()) {
		l.assemble.Again() // otherwise the marks tell what of it was handed over
	}
	l.reset(g)
	l.putBefore(g, strangers)
}

// reset makes a file one of which nothing was read.
func (l *Log) reset(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset, g.fingerprint, g.inRecord, g.tail, g.hollow = 0, 0, false, nil, false
	g.skip, g.ahead = [logs.Streams]int64{}, 0
	g.seen, g.sealed, g.most, g.emptied = 0, 0, 0, true
}

// release lets go of the lines held back: what an edited file has of them comes again.
func (l *Log) release(edited bool, emit func(logs.Entry)) {
	if edited {
		l.assemble.Rewind()
		return
	}
	l.assemble.Flush(emit)
}
