package tail

import (
	"bytes"
	"slices"
)

// before is where a chunk begins: a little before the next record, so that the end
// of the last one shows that the file is still the one we knew.
func (g *generation) before() int64 { return max(0, g.offset-tailSize) }

// tailSize is how much of what lies before the next record is looked at again, in bytes:
// more than the time at the end of a json-file's record, and less than what comes after
// its text.
const tailSize = 48

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
		return chunk, true
	}
	n := int(min(g.offset, tailSize))
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
	case !ends && isZero(guard):
		// Truncated from outside: the engine writes on at its old offset,
		// after a hole of zeros. What follows is new, and where we stand.
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

// keepTail remembers the end of a chunk that was taken, if that is a record's time:
// decoding has left it as it was in the file.
func (g *generation) keepTail(taken []byte, ends bool) {
	g.tail = g.tail[:0]
	if ends && g.format.stamped() {
		g.tail = append(g.tail, taken[max(0, len(taken)-tailSize):]...)
	}
}

// findTails is keepTail for a file that was recognised and is not read yet. Where one
// stream is ahead of the other it remembers both places: all that is before them is
// passed over, so it must be what was read.
func (g *generation) findTails() {
	if ahead := slices.Max(g.skip[:]); ahead > g.offset {
		g.ahead, g.aheadTail = ahead, g.tailAt(ahead)
	}
	tail := g.tailAt(g.offset)
	g.keepTail(tail, len(tail) >= g.format.guard() && g.format.ends(tail[len(tail)-g.format.guard():]))
}

// tailAt reads what lies before an offset; nil where that cannot be had.
func (g *generation) tailAt(offset int64) []byte {
	if g.compressed {
		return nil // is not truncated, and would be unpacked for it
	}
	from := max(0, offset-tailSize)
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
