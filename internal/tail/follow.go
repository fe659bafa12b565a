package tail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// The engine keeps the file open that it writes to, whatever becomes of its name: an
// operator, or logrotate, may have renamed, deleted or replaced it. The engine makes a
// new file only to write to it at once. So a file is left only for one that the engine
// has made and filled: not for an empty one, nor for a copy of what it holds itself.

// standing says what a newer file is to the one that is read.
type standing uint8

const (
	// unfilled: it has no record yet, so nobody knows who made it.
	unfilled standing = iota
	// made: the engine writes to it, and no more to the older one.
	made
	// copied: it holds nothing that the older one does not: a copy, edited perhaps.
	copied
	// unsearched: the older one was not searched to its end.
	unsearched
)

// follow tells whether the engine may still write to g although there are newer files,
// which is decided once g was read: undecided tells that it was not. It belongs to the
// reader's goroutine. The newer files are looked at before g is read again, so when one of
// them is the engine's, what is read of g then is all there will ever be.
func (l *Log) follow(g *generation, newer []*generation) (followed, undecided bool) {
	if !g.compressed && !g.atEnd() {
		return true, true
	}
	over := g.compressed
	for _, n := range newer {
		if over {
			break
		}
		standing := l.stands(g, n)
		if standing == unsearched {
			return true, true
		}
		over = standing == made
	}
	l.mu.Lock()
	before := l.followed
	g.over, l.followed = over, nil
	if !over {
		l.followed = g
	}
	if l.followed != before {
		l.recount()
	}
	l.mu.Unlock()
	return !over, false
}

// stands looks at a newer file, if it has changed since the last time.
func (l *Log) stands(g, n *generation) standing {
	info, err := n.file.Stat()
	if err != nil {
		return made // it was given up
	}
	size := info.Size()
	if n.judged && size == n.sizeThen {
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
	n.judged, n.sizeThen, n.standing = true, c.size, standing
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

// judge tells what n is to an older file. Times alone do not tell: clocks are set back, and
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
	case !c.hasFirst.step(c.with):
		return unsearched
	case !c.hasFirst.found:
		return made // the clock was set back
	case !c.ends:
		return copied
	case !c.hasNewest.step(c.with):
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

// continued tells whether a record is a part of the line that is held back.
func (l *Log) continued(r logs.Record) bool {
	_, at, held := l.assemble.Held(r.Stream)
	return held && at == r.Time || l.assemble.Rest()[r.Stream].Time == r.Time // or cut, see Rest
}

// firstRecord decodes the first whole record of a file. Its text is not kept. What the file
// begins with may be none: zeros, where it was emptied while the engine wrote.
func (g *generation) firstRecord() (r logs.Record, ok bool) {
	if z, compressed := g.data.(*gzipContent); compressed {
		defer z.release()
	}
	buf, in := make([]byte, 4<<10), g.format.fresh()
	var at place
	for offset := int64(0); offset < firstMax; {
		n, err := g.readAt(buf, offset)
		if err != nil {
			return r, false
		}
		taken, more := 0, full
		if n < len(buf) {
			more = 0
		}
		for taken < n {
			size, what := in.next(buf[taken:n], at|more, &r)
			if size == 0 {
				break
			}
			if what <= repaired {
				r.Text = nil
				return r, true
			}
			taken += size
			at = at.behind(what)
		}
		switch {
		case n < len(buf):
			return r, false
		case taken > 0:
		case len(buf) < maxRecord:
			buf = make([]byte, min(8*len(buf), maxRecord))
			continue
		default:
			taken, at = g.format.hopeless(buf), inside
		}
		offset += int64(taken)
		offset += int64(g.hole(offset))
	}
	return r, false
}

// firstMax bounds how much of a file is searched for a record, in bytes without holes that
// the file system knows of from the start on.
const firstMax = 16 << 20

// lastRecord decodes the last whole record of a file. What follows it may be none, or torn.
func (g *generation) lastRecord() (r logs.Record, ok bool) {
	size, ok := g.length()
	if !ok {
		return r, false
	}
	return g.lastOf(size)
}

// lastOf decodes the last whole record of so much content.
func (g *generation) lastOf(size int64) (r logs.Record, found bool) {
	in := g.format.fresh()
	for window := int64(64 << 10); ; window = maxRecord {
		from := max(0, size-window)
		rest := make([]byte, size-from)
		if _, err := g.data.ReadAt(rest, from); err != nil {
			return r, false
		}
		at := final
		if from > 0 {
			at |= inside
		}
		for len(rest) > 0 {
			var one logs.Record
			n, what := in.next(rest, at, &one)
			if n == 0 {
				break
			}
			if what <= repaired {
				r, found = one, true
			}
			rest, at = rest[n:], at.behind(what)
		}
		if found || from == 0 || window == maxRecord {
			return r, found
		}
	}
}

// search looks for a record of a time in a file, a step at a time: all of it may have to be
// read, where something seems to have been made by others than the engine, or the clock was
// set back.
type search struct {
	at, offset  int64
	found, over bool
}

// searchStep is how much one step reads, in bytes: other logs wait meanwhile.
const searchStep = 4 << 20

// step goes on, and tells whether the search is over.
func (s *search) step(g *generation) (over bool) {
	if s.over {
		return true
	}
	stamp, buf := g.format.stamp(s.at), make([]byte, chunkSize)
	for range searchStep / chunkSize {
		n, err := g.readAt(buf, s.offset)
		s.found = bytes.Contains(buf[:n], stamp)
		if s.over = s.found || err != nil || n < len(buf); s.over {
			break
		}
		s.offset += int64(n - len(stamp) + 1)
		s.offset += int64(g.hole(s.offset))
	}
	return s.over
}

// mayHaveTime tells whether a file has a record of a time, or may have one: it is not
// searched for long.
func (g *generation) mayHaveTime(at int64) bool {
	if last, ok := g.lastRecord(); ok && at > last.Time {
		return false
	}
	s := search{at: at}
	return !s.step(g) || s.found
}

func (j *jsonLines) stamp(at int64) []byte {
	return time.Unix(0, at).UTC().AppendFormat([]byte(`"time":"`), time.RFC3339Nano+`"`)
}

func (frames) stamp(at int64) []byte {
	return binary.AppendUvarint([]byte{0x10}, uint64(at)) //nolint:gosec // as protobuf has it
}

// live tells whether the file being read is one that may be written to: the only one, or
// one that is followed. mu is held.
func (l *Log) live() bool {
	return len(l.files) == 1 || len(l.files) > 1 && l.followed == l.files[0]
}

// stirred tells whether a newer file has changed since it was looked at. mu is held.
func (l *Log) stirred() bool {
	return slices.ContainsFunc(l.files[1:], func(n *generation) bool {
		info, err := n.file.Stat()
		return err != nil || !n.judged || info.Size() != n.sizeThen
	})
}

// writer returns the file that the engine seems to write to. mu is held.
func (l *Log) writer() *generation {
	if l.live() {
		return l.files[0]
	}
	return l.last()
}

// putBack notes that the file at an older place in files has the live name again: what
// took its place meanwhile was not the engine's. mu is held.
func (l *Log) putBack(at int) bool {
	newer := l.files[at+1:]
	if slices.ContainsFunc(newer, func(n *generation) bool { return !n.outside && !n.empty() }) {
		return false
	}
	closeAll(newer)
	l.files, l.followed = l.files[:at+1:at+1], nil
	l.files[0].over = false
	return true
}

// Why a log is where the engine has not put it, and what to do. Docker's own name for its
// file is read again only when the container starts.
var (
	errRenamed  = errors.New("the log file was renamed by someone other than Docker, as logrotate does without copytruncate: Docker writes on to the renamed file, which is followed; restart the container, and let Docker rotate its log (max-size, max-file)")
	errDeleted  = errors.New("the log file was deleted by someone other than Docker: Docker writes on to the deleted file, which is followed while lighterman runs, and beyond that with hold-dir; restart the container")
	errMissing  = errors.New("the log file was renamed or deleted by someone other than Docker: what Docker writes on to a renamed file is read, and what it writes to a deleted one is lost; restart the container")
	errReplaced = errors.New("the log file was replaced by a copy, as editors and sed -i do: Docker writes on to the old file, which is followed while lighterman runs, and beyond that with hold-dir; restart the container")
)

// strayAfter is how long a log has to be in a state before it is told of: between two
// steps of a rotation, and of a removal, it is there for a moment.
const strayAfter = 2 * time.Second

// stray is what is wrong with the place of a log's file.
type stray struct {
	looked, since time.Time
	what          error
}

// Stray says what somebody else has done to the log's file that the engine does not know
// of; nil when nothing, or when the container was started since and nothing was written to
// the old file: then the engine has the one at the path. It may be called from any goroutine.
func (l *Log) Stray(started time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stray.what == nil || l.closed || len(l.files) == 0 || time.Since(l.stray.since) < strayAfter {
		return nil
	}
	if l.stray.since.Before(started) {
		if info, err := l.files[0].file.Stat(); err != nil || info.ModTime().Before(started) {
			return nil
		}
	}
	return l.stray.what
}

// Aside tells that the file being read is not, or not surely, the one at the log's path:
// a watch of that would not tell of what is written.
func (l *Log) Aside() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.files) > 1 || l.stray.what != nil
}

// lookForStray is called before every read, and looks now and then.
func (l *Log) lookForStray(now time.Time) {
	if l.path == "" || now.Sub(l.stray.looked) < strayAfter/2 {
		return // only the reader's goroutine writes looked
	}
	what := l.strays()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stray.looked = now
	if what == nil || l.stray.what == nil {
		l.stray.since = now
	}
	l.stray.what = what
}

func (l *Log) strays() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 || !l.live() || l.files[0].held == nil {
		return nil
	}
	g := l.files[0]
	if slices.ContainsFunc(l.files[1:], func(n *generation) bool { return n.outside && !n.compressed }) {
		return errReplaced
	}
	info, err := os.Lstat(l.path)
	switch {
	case err == nil && identify(info) == g.id:
		g.named = true
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		if _, err := os.Lstat(filepath.Dir(l.path)); err != nil {
			return nil // removed
		}
	case len(l.files) == 1:
		return nil // the next look opens what is there
	}
	switch {
	case g.held.Names() == 0:
		return errDeleted
	case !g.named:
		return errMissing // it may be one that rotation has made
	}
	return errRenamed
}
