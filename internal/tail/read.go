package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

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

// Progress says what one Read did.
type Progress struct {
	// Bytes is how far reading has come.
	Bytes int
	// More is set when there may be more to read at once.
	More bool
	// Full is set when the read filled its buffer: there is more than a chunk.
	Full bool
	// Finished is set when a file was read to its end and left for the next
	// one: its link can be released once everything is delivered.
	Finished bool
}

// Read reads one chunk and passes on the entries it completes. Their text is
// valid only during the call of emit. Progress.More is false when everything
// written so far has been read.
func (l *Log) Read(buf *Buffer, emit func(logs.Entry)) (Progress, error) {
	g, last, undecided := l.begin(emit)
	if g == nil {
		return Progress{}, nil
	}
	progress, err := l.readFile(g, last, buf, emit)
	progress.More = progress.More || undecided
	l.end()
	return progress, err
}

func (l *Log) readFile(g *generation, last bool, buf *Buffer, emit func(logs.Entry)) (Progress, error) {
	if n := l.overHole(g); n > 0 {
		return Progress{Bytes: n, More: true}, nil
	}
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
	chunk, is := l.check(g, buf.b[:n], atEnd)
	if is == begunAgain {
		l.startAgain(g, emit)
	}
	if is != intact {
		return Progress{More: true}, nil
	}
	chunk = l.stepBack(g, buf.b[:n], chunk)
	g.guard.rested = atEnd
	sealed := atEnd && last && g.sealed == start+int64(n)
	before := l.endOf(g, buf.b[:n])
	taken, ends := l.decode(g, chunk, ending{last: atEnd && !last, sealed: sealed, full: !atEnd}, emit)
	l.advance(g, taken, start+int64(n))
	if taken > 0 {
		l.begun = true
		g.guard.keep(&g.fileContent, g.offset, buf.b[:n-len(chunk)+taken], ends, taken == len(chunk), before)
	}
	if taken > 0 && (len(g.guard.tail) == 0 || g.sealed != 0 && l.fingerprint(g) == 0) {
		// What was read last is no record, or its first record is torn: only this will
		// distinguish the file from what it may be cut to and filled with.
		g.guard.tail = g.tailAt(g.offset)
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
		taken = l.giveUp(g, chunk)
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
func (l *Log) begin(emit func(logs.Entry)) (g *generation, last, undecided bool) {
	l.lookForStray(time.Now())
	var newer []*generation
	l.mu.Lock()
	gap, missing := l.gap, l.missing
	l.gap, l.missing = false, nil
	if len(l.files) > 0 {
		g, last = l.files[0], len(l.files) == 1
		if !last && g.phase != over {
			newer = slices.Clone(l.files[1:])
		}
	}
	l.use = use{file: g, all: newer != nil || missing != nil}
	l.mu.Unlock()
	if missing != nil {
		after, _ := missing[0].lastRecord()
		l.logMissed(after.Time, missing[1:], tooQuick)
	}
	if gap || g != nil && g.outside && g != l.read {
		// What would have completed these lines is lost, or came from others.
		l.assemble.Flush(emit)
	}
	if g != nil && g.outside && g != l.read {
		l.assemble.SkipDelivered([logs.Streams]bool{true, true})
		l.limitTo(g)
	}
	if newer != nil {
		last, undecided = l.follow(g, newer)
	}
	if g != nil {
		l.read = g
	}
	return g, last, undecided
}

// end lets go of what was given up during the read.
func (l *Log) end() {
	l.mu.Lock()
	l.use = use{}
	var lost []int64
	for i := 0; i < len(l.files); i++ {
		if g := l.files[i]; g.leave {
			if unread, gone := l.letGo(g); gone {
				lost = append(lost, unread)
				i--
			}
		}
	}
	l.mu.Unlock()
	for _, unread := range lost {
		l.countGivenUp(unread)
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

// overHole passes over a hole that the file system knows of, once zeros were read, and
// returns its size: reading it would keep other logs waiting for as long as it is large.
func (l *Log) overHole(g *generation) int {
	if !g.guard.hollow {
		return 0
	}
	n := g.hole(g.offset)
	if n <= 0 {
		return 0
	}
	l.advance(g, n, g.offset+int64(n))
	g.guard.overHole(g.format)
	return n
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
	if next := l.files[1:]; len(next) > 0 && !next[0].outside && g.copiedTo(next[0], l.holds()) {
		l.assemble.Rewind()
		l.assemble.Again()
	}
	l.assemble.Seam()
	l.keepLineStarts(g)
	if p := l.place(g); p.Fingerprint != 0 { // nothing was written to it: the one before still stands
		l.previous = resumePoint{p, g.order}
	}
	l.files = l.files[1:]
	l.finish(g)
	l.recount()
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

// AtEnd reports whether the live file is the one being read, has been read to its
// end, and has no successor yet: the log may be left alone until it changes.
// The error says why rotation can no longer be seen.
func (l *Log) AtEnd() (bool, error) {
	if err := l.Capture(); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 {
		return true, nil
	}
	return l.live() && l.files[0].atEnd() && !l.stirred(), nil
}

// Rests reports whether there is the live file alone, read to its end, and as large as it was
// then: nothing was written since. It is what most looks at a log come to, so it asks for
// nothing but the size; that another file has the path is not seen.
func (l *Log) Rests() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) != 1 || l.closed || l.gap || l.missing != nil {
		return false
	}
	g := l.files[0]
	return g == l.read && !g.compressed && g.seen > 0 && sizeOf(g.file) == g.seen
}

// Detached reports whether the live file still exists, but not where it was: its
// directory cannot be reached any more, and what rotation makes will not be
// seen. A file that was deleted is not detached; the engine may still write to it.
func (l *Log) Detached() bool {
	if l.path == "" {
		return false
	}
	if _, err := os.Lstat(filepath.Dir(l.path)); !errors.Is(err, fs.ErrNotExist) {
		return false // the file alone was renamed: it is followed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.files) > 0 && l.last().held.Names() > 0
}
