package hostfile

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/plain"
)

// copied is what is known of a file that rotation has made, as long as nobody writes to it.
type copied struct {
	size, written int64
	// since is when it was seen first, with that size.
	since time.Time
	// of is the ID of the file of which it is a copy, at epoch, which had this many bytes;
	// empty while that is not known.
	of    string
	epoch uint64
	had   int64
}

// compressingMost is how long a compressed file that nobody writes to is taken for one that is
// being made while its original is there.
const compressingMost = 3 * making

// judgement returns what is known of a file.
func (l *look) judgement(f *found) *copied {
	at := placeOf(f)
	c := l.finder.memory.copies[at]
	if l.judged[at] = true; c == nil || c.size != f.facts.Size || c.written != f.facts.Written {
		c = &copied{size: f.facts.Size, written: f.facts.Written, since: l.now}
		l.finder.memory.copies[at] = c
	}
	return c
}

// twin returns what has the name of a compressed file without the ending; nil for nothing.
func (l *look) twin(f *found) *found {
	before, packed := strings.CutSuffix(f.path, gzipSuffix)
	if !packed {
		return nil
	}
	return l.at[before]
}

// compressing reports whether a file may yet be being made of its twin.
func (l *look) compressing(f *found) bool {
	return l.now.Sub(l.judgement(f).since) < compressingMost
}

// isCopy notes that a compressed file is a copy of another one, so that it is not unpacked by
// every look.
func (l *look) isCopy(f, of *found) {
	k := l.records[of.id]
	if k == nil || filepath.Ext(f.path) != gzipSuffix {
		return
	}
	c := l.judgement(f)
	c.of, c.epoch, c.had = k.id, k.position.Plain.Epoch, of.facts.Size
}

// stillCopy reports whether a file is known to be a copy, and what it is one of is there and was
// not truncated since.
func (l *look) stillCopy(f *found) bool {
	if filepath.Ext(f.path) != gzipSuffix || l.finder.memory.copies[placeOf(f)] == nil {
		return false
	}
	c := l.judgement(f)
	k := l.records[c.of]
	return k != nil && k.here != nil && k.position.Plain.Epoch == c.epoch && len(k.later) == 0 &&
		k.here.facts.Size >= c.had && l.records[plain.CopyID(k.id, c.epoch)] == nil
}
