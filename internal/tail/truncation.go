package tail

import "github.com/lighterman/lighterman/internal/logs"

// before is where a chunk begins: a little before the next record, so that the end
// of the last one shows that the file is still the one we knew.
func (g *generation) before() int64 { return max(0, g.offset-g.format.tail()) }

// checked is what a file was found to be before it is read on.
type checked uint8

const (
	// intact: the one that was read.
	intact checked = iota
	// begunAgain: it was truncated, be it that it has grown beyond the old size again.
	begunAgain
	// behindCopies: what is to be read before it was put before it.
	behindCopies
)

// check cuts those bytes off, and says what they show. whole is set when there was no more to
// be read.
func (l *Log) check(g *generation, chunk []byte, whole bool) (rest []byte, is checked) {
	if g.guard.changed(&g.fileContent, g.offset) {
		return nil, begunAgain
	}
	known := l.fingerprint(g)
	if g.offset == 0 {
		return chunk, l.checkStart(g, known, fingerprintOf(chunk, g.format), whole)
	}
	n := int(min(g.offset, g.format.tail()))
	if len(chunk) < n {
		return nil, begunAgain
	}
	shows := g.guard.shows(chunk[:n], g.format)
	switch rest = chunk[n:]; shows {
	case untouched:
		return rest, intact
	case another:
		return nil, begunAgain
	case unknown, unknownInside:
		if sum, err := g.fingerprintNow(); err != nil || sum != known || sum == 0 {
			return nil, begunAgain
		}
		g.inRecord = g.inRecord || shows == unknownInside
		return rest, intact
	case zeroed:
		// Truncated from outside: the engine writes on at its old offset,
		// after a hole of zeros. What follows is new, and where we stand.
		if len(g.guard.tail) > 0 && !isZero(g.guard.tail) && l.holed(g, known) {
			return nil, behindCopies
		}
	case remembered:
		if known != 0 {
			return rest, intact
		}
		// It was sealed: there may be enough of its first record now.
	}
	sum, err := g.fingerprintNow()
	l.setFingerprint(g, sum)
	if err != nil {
		return nil, begunAgain
	}
	return rest, intact
}

// checkStart is check at the beginning of a file, which has the fingerprint sum, and had one
// that is known.
func (l *Log) checkStart(g *generation, known, sum uint64, whole bool) checked {
	switch {
	case known != 0 && sum != known && (sum != 0 || whole):
		return begunAgain // what was there when it was opened is gone
	case sum == 0:
		return intact
	case known == 0:
		l.setFingerprint(g, sum)
	}
	if g.guard.emptied {
		// It may have been filled, copied and emptied once more before it was seen.
		g.guard.emptied = false
		if l.putBefore(g, l.strangers(g)) {
			return behindCopies
		}
	}
	return intact
}

// holed looks for the copy of a file that has become a hole, and reports whether that is to
// be read first.
func (l *Log) holed(g *generation, known uint64) bool {
	copied := l.goOn(g, known)
	if !copied {
		l.lose(g.offset, max(int64(g.hole(g.offset)), g.seen-g.offset, g.guard.most-g.offset))
		copied = l.putBefore(g, l.strangers(g))
	}
	g.guard.tail = nil
	if sum, err := g.fingerprintNow(); err == nil {
		l.setFingerprint(g, sum)
	}
	return copied
}

// startAgain begins a truncated file from its start: all of it is new, or comes again. What
// was not read of it is read first, where it was copied.
func (l *Log) startAgain(g *generation, emit func(logs.Entry)) {
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
		l.assemble.Again() // otherwise the marks show what of it was handed over
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
