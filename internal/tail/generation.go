package tail

import (
	"os"
	"slices"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// generation is one file of a log: the live one, or one that was rotated away. The reader's
// goroutine owns it, and what it changes of it that the watcher's looks at is guarded by the
// log's mu.
type generation struct {
	fileContent
	origin
	cursor
	guard guard
	verdict
	// held owns the descriptor once the generation is to be read, and is nil before.
	held *hold.File
	// order rises from file to file of a log.
	order int
	// leave is set when the generation is given up as soon as nobody reads it.
	leave bool
	// gone are its times when that was decided, before our own link went.
	gone times
	// named is set when the file was seen to have the name of the live one.
	named bool
}

// cursor is how far a generation was read. mu guards what it is moved by.
type cursor struct {
	// offset is where the next record begins, in bytes of content.
	offset int64
	// skip is, per stream, the offset before which records were handed over.
	skip [logs.Streams]int64
	// seen is the end of what was read, which lies after offset while a record
	// is incomplete.
	seen int64
	// sealed is the end of the file when it was said that nothing more is written to
	// it; 0 when it was not.
	sealed int64
	// inRecord is set when offset lies inside a record that is given up.
	inRecord bool
	// need is the size of buffer that the next record was found to need.
	need int
}

// furthest is the offset from which on nothing was handed over of any stream.
func (c *cursor) furthest() int64 { return max(c.offset, slices.Max(c.skip[:])) }

// unfinished returns the end of what was read when that is no whole record, and may still
// become one; otherwise 0.
func (c *cursor) unfinished() int64 {
	if c.seen > c.offset && c.seen != c.sealed {
		return c.seen
	}
	return 0
}

// openGeneration opens a file, rotated or live, to be read from its start.
func openGeneration(path string, in format) (*generation, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	return newGeneration(f, info, isCompressed(path), in), nil
}

func newGeneration(f *os.File, info os.FileInfo, compressed bool, in format) *generation {
	return &generation{
		fileContent: newContent(f, compressed, in),
		origin:      origin{id: identify(info), made: timesOf(f).made},
	}
}

func (g *generation) close() error {
	if g.held != nil {
		g.held.Close()
		return nil
	}
	return g.file.Close()
}

// asNow is a file with the fingerprint of what it holds now, for a look beside its reader: it
// has nothing that the reader changes.
func (g *generation) asNow() *generation {
	now := &generation{fileContent: g.fileContent, origin: g.origin, gone: g.gone}
	now.fingerprint, _ = g.fingerprintNow() // 0 where it cannot be read
	return now
}

// identifyContent computes the fingerprint if it is not known yet.
func (g *generation) identifyContent() error {
	if g.fingerprint != 0 {
		return nil
	}
	sum, err := g.fingerprintNow()
	g.fingerprint = sum
	return err
}

// recognise is identifyContent for a file that is not to be read yet.
func (g *generation) recognise() error {
	err := g.identifyContent()
	g.release()
	return err
}

// same reports whether two open generations are the same file, also when one of
// them is compressed. The first record alone does not keep two files apart: both
// may begin with a part of the same long line.
func (g *generation) same(other *generation) bool {
	if g.compressed == other.compressed {
		return g.id == other.id
	}
	return g.fingerprint != 0 && g.fingerprint == other.fingerprint && g.size() == other.size()
}

// mark is what a file's content is recognised by, also when it was compressed, once the
// file is closed.
type mark struct {
	fingerprint uint64
	size        uint32
}

func (g *generation) mark() mark { return mark{g.fingerprint, g.size()} }

// keep is called when p was read at start and taken as far as offset.
func (g *generation) keep(p []byte, start int64) {
	if z, ok := g.data.(*gzipContent); ok {
		z.keep(p, start, g.before())
	}
}

// lag is the number of bytes that have not been read.
func (g *generation) lag() int64 {
	info, err := g.file.Stat()
	if err != nil {
		return 0
	}
	if g.compressed {
		// Its uncompressed size is not known; this is a lower bound.
		if g.offset > 0 {
			return 0
		}
		return info.Size()
	}
	g.guard.most = max(g.guard.most, info.Size())
	return max(0, info.Size()-g.offset)
}

// atEnd reports whether nothing was written since the last read.
func (g *generation) atEnd() bool {
	info, err := g.file.Stat()
	return err == nil && (g.compressed || info.Size() == g.seen)
}
