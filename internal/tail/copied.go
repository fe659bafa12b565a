package tail

import "github.com/lighterman/lighterman/internal/logs"

// copiedTo reports whether another file, which came into the place of g, begins with what is in
// g, so that all that was read comes again: `sed -i`, or a backup that was moved back. The
// first record does not show that, as two files may begin with parts of the same long line; so
// there has to be one with another time that is the same in both, or nothing else in g.
func (g *generation) copiedTo(next *generation, held bool) bool {
	if g.compressed || next.compressed || g.fingerprint == 0 || g.fingerprint != next.fingerprint || g.held == nil || g.held.Names() > 0 {
		return false // rotation would have left it a name, for some time
	}
	same, in := commonHead(g, next), g.format.fresh()
	var first int64
	for at := 0; ; {
		var r logs.Record
		size, what := in.next(same[at:], 0, &r)
		if size == 0 {
			length, ok := g.length()
			return ok && length == int64(at) && at > 0 && !held
		}
		at += size
		switch {
		case what != record && what != repaired:
		case first == 0:
			first = r.Time
		case r.Time != first:
			return true
		}
	}
}

// headSize is how much of two files is compared, in bytes.
const headSize = 64 << 10

// commonHead returns what two files begin with.
func commonHead(a, b *generation) []byte {
	one, other := make([]byte, headSize), make([]byte, headSize)
	n, _ := a.data.ReadAt(one, 0) // what cannot be read is not the same
	m, _ := b.data.ReadAt(other, 0)
	n = min(n, m)
	for i := range n {
		if one[i] != other[i] {
			return one[:i]
		}
	}
	return one[:n]
}
