package tail

import (
	"bytes"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// The engine keeps the file open that it writes to, whatever becomes of its name: an
// operator, or logrotate, may have renamed, deleted or replaced it. The engine makes a
// new file only to write to it at once. So a file is left only for one that the engine
// has made and filled: not for an empty one, nor for a copy of what it holds itself.

// standing says what a newer file is to the one that is read.
type standing uint8

const (
	// unjudged: nobody has looked yet.
	unjudged standing = iota
	// unfilled: it has no record yet, so nobody knows who made it.
	unfilled
	// made: the engine writes to it, and no more to the older one.
	made
	// copied: it holds nothing that the older one does not: a copy, edited perhaps.
	copied
	// unsearched: the older one was not searched to its end.
	unsearched
)

// phase is what is known of whether the engine still writes to a file.
type phase uint8

const (
	// undecided: there is no newer one, or nobody has looked at that.
	undecided phase = iota
	// followed: it may, although there are newer ones.
	followed
	// over: it does not, as a newer one is the engine's, or this one is a copy.
	over
)

// looked is the phase after the newer files were looked at, and one of them was found to be
// the engine's or none. What is over stays so.
func (p phase) looked(newer bool) phase {
	if newer || p == over {
		return over
	}
	return followed
}

// verdict is what is known of who writes to a generation. mu guards it.
type verdict struct {
	phase phase
	// outside is set when the file was not made by the engine: it holds what an older one
	// holds, too.
	outside bool
	// standing is what was found when it was looked at last beside the file being read, and
	// had sizeThen.
	standing standing
	sizeThen int64
	// compared is a comparison under way; the reader's goroutine has it.
	compared *comparison
}

// follow reports whether the engine may still write to g although there are newer files,
// which is decided once g was read: undecided is set when it was not. It belongs to the
// reader's goroutine. The newer files are looked at before g is read again, so when one of
// them is the engine's, what is read of g then is all there will ever be.
func (l *Log) follow(g *generation, newer []*generation) (followed, undecided bool) {
	if !g.compressed && !g.atEnd() {
		return true, true
	}
	filled := g.compressed
	for _, n := range newer {
		if filled {
			break
		}
		standing := l.stands(g, n)
		if standing == unsearched {
			return true, true
		}
		filled = standing == made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := g.phase
	if g.phase = before.looked(filled); g.phase != before {
		l.recount()
	}
	return !filled, false
}

// stands looks at a newer file, if it has changed since the last time.
func (l *Log) stands(g, n *generation) standing {
	info, err := n.file.Stat()
	if err != nil {
		return made // it was given up
	}
	size := info.Size()
	if n.standing != unjudged && size == n.sizeThen {
		return n.standing
	}
	c := n.compared
	if c == nil || c.with != g {
		c = n.compare(g, size)
	}
	standing := l.judge(c, n)
	if n.compared = c; standing == unsearched {
		return standing
	}
	n.compared = nil
	l.mu.Lock()
	n.sizeThen, n.standing = c.size, standing
	n.outside = n.outside || standing == copied
	l.mu.Unlock()
	return standing
}

// comparison is what a newer file was when it was looked at beside an older one, and how far
// that one was searched for its records, which may take many turns.
type comparison struct {
	with *generation
	size int64
	// first and newest are its records, as far as it has whole ones, and last that of the
	// older one.
	first, newest, last logs.Record
	begins, ends, whole bool
	hasFirst, hasNewest search
}

func (g *generation) compare(with *generation, size int64) *comparison {
	c := &comparison{with: with, size: size}
	if c.first, c.begins = g.firstRecord(); !g.compressed {
		c.newest, c.ends = g.lastRecord()
	}
	c.newest.Text = nil
	c.last, c.whole = with.lastRecord()
	c.hasFirst, c.hasNewest = search{at: c.first.Time}, search{at: c.newest.Time}
	return c
}

// judge says what n is to an older file. Times alone do not decide: clocks are set back, and
// all parts of a line have one. But a copy begins with a record that the older one has, too.
func (l *Log) judge(c *comparison, n *generation) standing {
	switch first, last := c.first, c.last; {
	case c.size == 0, !c.begins && (c.size < fingerprintMax || n.compressed):
		return unfilled // being written, or copied
	case !c.begins, !c.whole:
		return made
	case first.Time > last.Time && !n.outside:
		return made
	case l.continued(first), last.Stream == first.Stream && last.Time == first.Time && !bytes.HasSuffix(last.Text, []byte{'\n'}):
		return made // the line that the older one ends with goes on
	case !c.hasFirst.step(&c.with.fileContent):
		return unsearched
	case !c.hasFirst.found:
		return made // the clock was set back
	case !c.ends:
		return copied
	case !c.hasNewest.step(&c.with.fileContent):
		return unsearched
	case !c.hasNewest.found:
		// Copied, and written on by the engine, as it does once the container was
		// restarted. What was copied is left out.
		l.mu.Lock()
		n.outside = true
		l.mu.Unlock()
		return made
	}
	return copied
}

// continued reports whether a record is a part of the line that is held back.
func (l *Log) continued(r logs.Record) bool {
	_, at, held := l.assemble.Held(r.Stream)
	return held && at == r.Time || l.assemble.Rest()[r.Stream].Time == r.Time // or cut, see Rest
}

// live reports whether the file being read is one that may be written to: the only one, or
// one that is followed.
func (s *shared) live() bool {
	return len(s.files) == 1 || len(s.files) > 1 && s.files[0].phase == followed
}

// stirred reports whether a newer file has changed since it was looked at.
func (s *shared) stirred() bool {
	return slices.ContainsFunc(s.files[1:], func(n *generation) bool {
		info, err := n.file.Stat()
		return err != nil || n.standing == unjudged || info.Size() != n.sizeThen
	})
}

// writer returns the file that the engine seems to write to.
func (s *shared) writer() *generation {
	if s.live() {
		return s.files[0]
	}
	return s.last()
}

// putBack notes that the file at an older place in files has the live name again: what
// took its place meanwhile was not the engine's.
func (s *shared) putBack(at int) bool {
	newer := s.files[at+1:]
	if slices.ContainsFunc(newer, func(n *generation) bool { return !n.outside && !n.empty() }) {
		return false
	}
	closeAll(newer)
	s.files = s.files[: at+1 : at+1]
	s.files[0].phase = undecided
	return true
}
