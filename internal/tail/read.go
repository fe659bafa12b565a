package tail

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// chunkSize is how much is read at a time, in bytes: large enough that
	// the system call does not show, small enough to stay in the cache.
	chunkSize = 256 << 10
	// maxRecord is the longest record that is decoded, in bytes. Docker's own
	// are below 100 KiB unless the attrs are large; anything longer is no
	// record and is given up.
	maxRecord = 4 << 20
)

// Buffer is the memory that chunks are read into. One serves any number of
// logs, one after another.
type Buffer struct {
	b []byte
	// size is how much is read at a time, in bytes, where records are not longer.
	size int
}

// NewBuffer makes a buffer.
func NewBuffer() *Buffer { return NewBufferSize(chunkSize) }

// NewBufferSize makes a buffer for chunks of another size, in bytes.
func NewBufferSize(size int) *Buffer { return &Buffer{b: make([]byte, size), size: size} }

// Size returns how much is read at a time, in bytes.
func (b *Buffer) Size() int { return b.size }

// fit gives the buffer the size that a file needs for its next record.
func (b *Buffer) fit(need int) {
	if need = max(need, b.size); len(b.b) != need {
		b.b = make([]byte, need)
	}
}

// Progress tells what one Read did.
type Progress struct {
	// Bytes is how far reading has come.
	Bytes int
	// More tells that there may be more to read at once.
	More bool
	// Full tells that the read filled its buffer: there is more than a chunk.
	Full bool
	// Finished tells that a file was read to its end and left for the next
	// one: its link can be released once everything is delivered.
	Finished bool
}

// Read reads one chunk and passes on the entries it completes. Their text is
// valid only during the call of emit. Progress.More is false when everything
// written so far has been read.
func (l *Log) Read(buf *Buffer, emit func(logs.Entry)) (Progress, error) {
	g, last := l.begin(emit)
	if g == nil {
		return Progress{}, nil
	}
	progress, err := l.readFile(g, last, buf, emit)
	l.end(g)
	return progress, err
}

func (l *Log) readFile(g *generation, last bool, buf *Buffer, emit func(logs.Entry)) (Progress, error) {
	// last was learned before reading: Docker writes nothing to a file after
	// its renaming, so what is read now is all there will ever be of g.
	buf.fit(g.need)
	start := g.before()
	read := g.readAt
	if last {
		read = g.readSome
	}
	n, err := read(buf.b, start)
	if err != nil {
		return Progress{}, err
	}
	atEnd := n < len(buf.b)
	chunk, intact := l.check(g, buf.b[:n], atEnd)
	if !intact {
		return Progress{More: true}, l.startAgain(g, emit)
	}
	g.rested = atEnd
	sealed := atEnd && last && g.sealed == start+int64(n)
	taken, ends := l.decode(g, chunk, ending{atEnd && !last, sealed}, emit)
	if taken > 0 {
		g.keepTail(buf.b[:n-len(chunk)+taken], ends)
	}
	l.advance(g, taken, start+int64(n))
	if g.sealed != 0 && taken > 0 && l.fingerprint(g) == 0 {
		// Its first record is torn, and only this will tell the file from another.
		g.tail = g.tailAt(g.offset)
	}
	g.keep(buf.b[:n], start)
	switch {
	case atEnd && !last && g.inRecord:
		// The rest of the file is no record, and counted.
		l.finishFile(g, 0)
		return Progress{Bytes: taken, More: true, Finished: true}, nil
	case taken > 0:
		g.need = 0
		buf.fit(0)
	case !atEnd && len(buf.b) < maxRecord:
		g.need = min(2*len(buf.b), maxRecord)
	case !atEnd:
		l.giveUp(g, chunk)
	case atEnd && !last:
		l.finishFile(g, len(chunk))
		return Progress{Bytes: taken, More: true, Finished: true}, nil
	}
	return Progress{Bytes: taken, More: !atEnd || !last, Full: !atEnd}, nil
}

// advance notes how far g was read: to the end of the last whole record, and to
// the end of what was there.
func (l *Log) advance(g *generation, taken int, seen int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset += int64(taken)
	g.seen = seen
}

// begin returns the file to read and whether it is the last one known. Until
// end it is not closed.
func (l *Log) begin(emit func(logs.Entry)) (g *generation, last bool) {
	l.mu.Lock()
	gap := l.gap
	l.gap = false
	if len(l.files) > 0 {
		g, last = l.files[0], len(l.files) == 1
	}
	l.reading = g
	l.mu.Unlock()
	if gap {
		// What would have completed these lines is lost.
		l.assemble.Flush(emit)
	}
	if g != nil {
		l.read = g
	}
	return g, last
}

// end lets go of a file that was given up during the read.
func (l *Log) end(g *generation) {
	l.mu.Lock()
	l.reading = nil
	var unread int64
	lost := g.leave && slices.Contains(l.files, g)
	if lost {
		unread, lost = l.letGo(g)
	}
	l.mu.Unlock()
	if lost {
		l.tell(unread)
	}
}

// fingerprint and setFingerprint guard what Capture may compute, too.
func (l *Log) fingerprint(g *generation) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.fingerprint
}

func (l *Log) setFingerprint(g *generation, sum uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.fingerprint = sum
}

// startAgain begins a truncated file from its start: all of it is new.
func (l *Log) startAgain(g *generation, emit func(logs.Entry)) error {
	if g.offset > 0 { // otherwise lines held back began in an older file, and may go on
		l.assemble.Flush(emit)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset, g.fingerprint, g.inRecord, g.tail = 0, 0, false, nil
	g.skip, g.ahead = [logs.Streams]int64{}, 0
	g.seen, g.sealed = 0, 0
	return nil
}

// ending tells whether a chunk ends with its file, and with one that may yet grow, though
// not with what would complete a record.
type ending struct{ last, sealed bool }

// decode passes on all whole records of a chunk and returns how far it came, and whether
// that is the end of a record.
func (l *Log) decode(g *generation, chunk []byte, end ending, emit func(logs.Entry)) (taken int, ends bool) {
	offset := g.offset
	var at place
	if end.last || end.sealed {
		at = final
	}
	if g.inRecord {
		at |= inside
	}
	r := &l.record
	for {
		at &^= torn
		if begin := offset + int64(taken); begin < g.sealed && offset+int64(len(chunk)) > g.sealed {
			at |= torn // and what is written since lies behind it
		}
		n, what := g.format.next(chunk[taken:], at, r)
		if n == 0 || what == endless && (end.sealed || !end.last && l.fingerprint(g) == 0) {
			break // passed over when the file can be recognised, or ends
		}
		r.Offset = offset + int64(taken)
		taken += n
		ends = what <= repaired && at&inside == 0
		if what != record || at&inside != 0 {
			at = l.passed(what, at)
		}
		if what <= repaired && r.Offset >= g.skip[r.Stream] {
			l.assemble.Add(r, emit)
		}
	}
	g.inRecord = at&inside != 0
	l.assemble.Seal()
	r.Text = nil // the buffer's
	return taken, ends
}

// passed counts what is no record, and says where the next one is looked for.
func (l *Log) passed(what found, at place) place {
	switch {
	case what == blank && at&inside == 0, what == record:
	case what == endless && at&inside != 0:
		return at // counted before
	case what != blank:
		l.events.CorruptRecord()
	}
	if what == endless {
		return at | inside
	}
	return at &^ inside
}

// giveUp passes over a stretch without line feed that is too long for a record:
// the zeros of a hole, or something that is no log.
func (l *Log) giveUp(g *generation, chunk []byte) {
	if zeros := len(chunk) - len(bytes.TrimLeft(chunk, "\x00")); zeros > 0 {
		g.tail = nil
		l.advance(g, zeros, g.seen)
		return
	}
	if !g.inRecord {
		l.events.CorruptRecord()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset += int64(len(chunk))
	g.inRecord, g.tail = true, nil
}

// finishFile leaves a file that was read to its end for the next one. rest is
// the size of an unfinished record there, which will not be continued.
func (l *Log) finishFile(g *generation, rest int) {
	if content, ok := g.data.(*gzipContent); rest > 0 || (ok && content.damaged && !g.inRecord) {
		l.events.CorruptRecord()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 || l.files[0] != g {
		return
	}
	l.keepAnchors(g)
	l.previous, l.previousOrder = l.place(g), g.order
	l.files = l.files[1:]
	l.finish(g)
	l.recount()
}

// keepAnchors remembers where in g the lines began that are held back.
func (l *Log) keepAnchors(g *generation) {
	place, replaying := l.place(g), l.assemble.Replaying()
	for s := range l.anchors {
		if offset, time, held := l.assemble.Held(logs.Stream(s)); held && l.anchor(logs.Stream(s)) == nil {
			l.anchors[s] = &anchor{place: place, offset: offset, time: time, order: g.order, replaying: replaying[s]}
		}
	}
}

// Flush passes on lines held back: their container has stopped, and everything
// it wrote has been read. It returns true when the next Read may find more: behind a
// record that was torn, and will not be continued.
func (l *Log) Flush(emit func(logs.Entry)) (more bool) {
	l.assemble.Flush(emit)
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.rest()
	if rest == 0 {
		return false
	}
	l.files[0].sealed = rest
	return true
}

// AtEnd tells whether the live file is the one being read, has been read to its
// end, and has no successor yet: the log may be left alone until it changes.
// The error says that it can no longer be told what rotation does.
func (l *Log) AtEnd() (bool, error) {
	if err := l.Capture(); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch len(l.files) {
	case 0:
		return true, nil
	case 1:
		return l.files[0].atEnd(), nil
	default:
		return false, nil
	}
}

// Detached tells that the live file still exists, but not where it was: its
// directory cannot be reached any more, and what rotation makes will not be
// seen. A file that was deleted is not detached; the engine may still write to it.
func (l *Log) Detached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 || l.path == "" {
		return false
	}
	if _, err := os.Lstat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return l.last().held.Names() > 0
}
