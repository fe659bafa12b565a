package tail

import "github.com/lighterman/lighterman/internal/logs"

// before is where a chunk begins: a little before the next record, so that the end
// of the last one shows that the file is still the one we knew.
func (g *generation) before() int64 { return max(0, g.offset-g.format.tail()) }

// check cuts those bytes off. It is not intact when the file was truncated, be
// it that it has grown beyond the old size again.
//
// whole tells that there was no more to be read.
func (l *Log) check(g *generation, chunk []byte, whole bool) (rest []byte, intact bool) {
	if g.guard.changed(&g.fileContent, g.offset) {
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
		if sum != 0 && g.guard.emptied {
			// It may have been filled, copied and emptied once more before it was seen.
			l.moved = l.putBefore(g, l.strangers(g))
			g.guard.emptied = false
		}
		return chunk, !l.moved
	}
	n := int(min(g.offset, g.format.tail()))
	if len(chunk) < n {
		return nil, false
	}
	before, rest := chunk[:n], chunk[n:]
	shows := g.guard.shows(before, g.format)
	switch shows {
	case untouched:
		return rest, true
	case another:
		return nil, false
	case remembered:
		if known != 0 {
			return rest, true
		}
		// See sealed: there may be enough now.
	case zeroed:
		// Truncated from outside: the engine writes on at its old offset,
		// after a hole of zeros. What follows is new, and where we stand.
		if len(g.guard.tail) > 0 && !isZero(g.guard.tail) && l.holed(g, known) {
			return nil, false
		}
	case unknown, unknownInside:
		sum, err := g.fingerprintNow()
		if err != nil || sum != known || sum == 0 {
			return nil, false
		}
		g.inRecord = g.inRecord || shows == unknownInside
		return rest, true
	}
	sum, err := g.fingerprintNow()
	l.setFingerprint(g, sum)
	return rest, err == nil
}

// holed looks for the copy of a file that has become a hole, and tells whether that is to
// be read first.
func (l *Log) holed(g *generation, known uint64) bool {
	l.moved = l.goOn(g, known)
	if !l.moved {
		l.lose(g.offset, max(int64(g.hole(g.offset)), g.seen-g.offset, g.guard.most-g.offset))
		l.moved = l.putBefore(g, l.strangers(g))
	}
	g.guard.tail = nil
	sum, err := g.fingerprintNow()
	if err == nil {
		l.setFingerprint(g, sum)
	}
	return l.moved
}

// endOf copies the end of a chunk of frames, which decoding changes.
func (l *Log) endOf(g *generation, chunk []byte) []byte {
	l.chunkEnd = l.chunkEnd[:0]
	if _, ok := g.format.(frames); ok {
		l.chunkEnd = append(l.chunkEnd, chunk[max(0, len(chunk)-frameTail):]...)
	}
	return l.chunkEnd
}

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
		l.lose(g.offset, max(0, max(g.seen, g.guard.most)-g.offset))
		strangers = l.strangers(g)
	}
	l.truncated(g, edited)
	if g.offset > 0 { // otherwise lines held back began in an older file, and may go on
		l.release(edited, emit)
	}
	if (g.offset > 0 || g.guard.ahead > 0) && (l.begun || !l.replaying()) {
		l.assemble.Again() // otherwise the marks tell what of it was handed over
	}
	l.reset(g)
	l.putBefore(g, strangers)
}

// reset makes a file one of which nothing was read.
func (l *Log) reset(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.fingerprint, g.cursor, g.guard = 0, cursor{}, guard{emptied: true}
}

// release lets go of the lines held back: what an edited file has of them comes again.
func (l *Log) release(edited bool, emit func(logs.Entry)) {
	if edited {
		l.assemble.Rewind()
		return
	}
	l.assemble.Flush(emit)
}
