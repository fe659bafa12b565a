package tail

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

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
type Buffer struct{ b []byte }

// NewBuffer makes a buffer.
func NewBuffer() *Buffer { return &Buffer{b: make([]byte, chunkSize)} }

// fit gives the buffer the size that a file needs for its next record.
func (b *Buffer) fit(need int) {
	if need = max(need, chunkSize); len(b.b) != need {
		b.b = make([]byte, need)
	}
}

// Progress tells what one Read did.
type Progress struct {
	// Bytes is how far reading has come.
	Bytes int
	// More tells that there may be more to read at once.
	More bool
}

// Read reads one chunk and passes on the entries it completes. Their text is
// valid only during the call of emit. Progress.More is false when everything
// written so far has been read.
func (l *Log) Read(buf *Buffer, emit func(logs.Entry)) (Progress, error) {
	g, last := l.front()
	if g == nil {
		return Progress{}, nil
	}
	// last was learned before reading: Docker writes nothing to a file after
	// its renaming, so what is read now is all there will ever be of g.
	buf.fit(g.need)
	n, err := g.readAt(buf.b, g.before())
	if err != nil {
		return Progress{}, err
	}
	chunk, intact := l.check(g, buf.b[:n])
	if !intact {
		return Progress{More: true}, l.startAgain(g, emit)
	}
	atEnd := n < len(buf.b)
	g.rested = atEnd
	taken := l.decode(g, chunk, emit)
	l.advance(g, taken, g.before()+int64(n))
	switch {
	case taken > 0:
		g.need = 0
		buf.fit(0)
	case !atEnd && len(buf.b) < maxRecord:
		g.need = min(2*len(buf.b), maxRecord)
	case !atEnd:
		l.giveUp(g, chunk)
	case atEnd && !last:
		l.finishFile(g, len(chunk))
	}
	return Progress{Bytes: taken, More: !atEnd || !last}, nil
}

// advance notes how far g was read: to the end of the last whole record, and to
// the end of what was there.
func (l *Log) advance(g *generation, taken int, seen int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset += int64(taken)
	g.seen = seen
}

// front returns the file to read and whether it is the last one known.
func (l *Log) front() (g *generation, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 {
		return nil, true
	}
	return l.files[0], len(l.files) == 1
}

// before is where a chunk begins: one byte before the next record, so that the
// line feed there shows that the file is still the one we knew.
func (g *generation) before() int64 { return max(0, g.offset-1) }

// check cuts that byte off. It is not intact when the file was truncated, be
// it that it has grown beyond the old size again.
func (l *Log) check(g *generation, chunk []byte) (rest []byte, intact bool) {
	known := l.fingerprint(g)
	if g.offset == 0 {
		if sum := fingerprintOf(chunk); sum != 0 && known == 0 {
			l.setFingerprint(g, sum)
		}
		return chunk, true
	}
	if len(chunk) == 0 {
		return nil, false
	}
	switch {
	case chunk[0] == 0:
		// Truncated from outside: the engine writes on at its old offset,
		// after a hole of zeros. What follows is new, and where we stand.
		sum, err := fingerprint(g.data)
		l.setFingerprint(g, sum)
		return chunk[1:], err == nil
	case chunk[0] == '\n' && !g.rested:
		return chunk[1:], true
	}
	sum, err := fingerprint(g.data)
	if err != nil || sum != known || sum == 0 {
		return nil, false
	}
	// The same file. Without a line feed we stand inside a record that is
	// being given up.
	g.inRecord = chunk[0] != '\n'
	return chunk[1:], true
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
	l.assemble.Flush(emit)
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset, g.fingerprint, g.inRecord = 0, 0, false
	g.skip = [logs.Streams]int64{}
	return nil
}

// decode passes on all whole lines of a chunk and returns how far it came.
func (l *Log) decode(g *generation, chunk []byte, emit func(logs.Entry)) (taken int) {
	offset := g.offset
	var r logs.Record
	for {
		end := bytes.IndexByte(chunk[taken:], '\n')
		if end < 0 {
			break
		}
		l.line(g, chunk[taken:taken+end], offset+int64(taken), &r, emit)
		taken += end + 1
	}
	l.assemble.Seal()
	return taken
}

func (l *Log) line(g *generation, line []byte, offset int64, r *logs.Record, emit func(logs.Entry)) {
	if g.inRecord {
		g.inRecord = false
		return
	}
	if len(line) > 0 && line[0] == 0 {
		// The hole that a truncation from outside leaves before the place
		// where the engine writes on.
		line = bytes.TrimLeft(line, "\x00")
	}
	if len(line) == 0 {
		return
	}
	torn, err := l.decoder.Decode(line, r)
	if err != nil || torn > 0 {
		l.events.CorruptRecord()
	}
	if err != nil || offset < g.skip[r.Stream] {
		return
	}
	r.Offset = offset
	l.assemble.Add(*r, emit)
}

// giveUp passes over a stretch without line feed that is too long for a record:
// the zeros of a hole, or something that is no log.
func (l *Log) giveUp(g *generation, chunk []byte) {
	if zeros := len(chunk) - len(bytes.TrimLeft(chunk, "\x00")); zeros > 0 {
		l.advance(g, zeros, g.seen)
		return
	}
	if !g.inRecord {
		l.events.CorruptRecord()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.offset += int64(len(chunk))
	g.inRecord = true
}

// finishFile leaves a file that was read to its end for the next one. rest is
// the size of an unfinished record there, which will not be continued.
func (l *Log) finishFile(g *generation, rest int) {
	if content, ok := g.data.(*gzipContent); rest > 0 || (ok && content.damaged) {
		l.events.CorruptRecord()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 || l.files[0] != g {
		return
	}
	l.keepAnchors(g)
	l.files = l.files[1:]
	_ = g.close()
}

// keepAnchors remembers where in g the lines began that are held back.
func (l *Log) keepAnchors(g *generation) {
	place := l.place(g)
	place.Behind = [logs.Streams]bool{true, true}
	for s := range l.anchors {
		if _, time, held := l.assemble.Held(logs.Stream(s)); held && l.anchor(logs.Stream(s)) == nil {
			l.anchors[s] = &anchor{place: place, time: time, order: l.done}
		}
	}
	l.done++
}

// Flush passes on lines held back: their container has stopped, and everything
// it wrote has been read.
func (l *Log) Flush(emit func(logs.Entry)) { l.assemble.Flush(emit) }

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
	if len(l.files) == 0 {
		return false
	}
	if _, err := os.Lstat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return l.last().links() > 0
}
