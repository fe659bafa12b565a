package tail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// generation is one file of a log: the live one, or one that was rotated away.
type generation struct {
	file *os.File
	// format is how its records lie in it.
	format format
	// held owns the descriptor once the generation is to be read, and is nil before.
	held *hold.File
	// order rises from file to file of a log.
	order int
	// leave tells that the generation is given up as soon as nobody reads it.
	leave bool
	// data reads the file's content, uncompressed.
	data io.ReaderAt
	id   identity
	// made is when the file was made, in Unix nanoseconds; 0 when that is not known.
	made int64
	// gone are its times when it was given up, before our own link went.
	gone times
	// fingerprint is 0 while the first record is not complete.
	fingerprint uint64
	// offset is where the next record begins, in bytes of content.
	offset int64
	// skip is, per stream, the offset before which records were handed over.
	skip [logs.Streams]int64
	// seen is the end of what was read, which lies after offset while a record
	// is incomplete.
	seen int64
	// most is the size that the file was seen to have.
	most int64
	// sealed is the end of the file when it was told that nothing more is written to
	// it; 0 when it was not.
	sealed int64
	// need is the size of buffer that the next record was found to need.
	need int
	// inRecord tells that offset lies inside a record that is given up.
	inRecord bool
	// tail is what lies before offset, when that was read to the end of a record.
	tail []byte
	// hollow tells that what lies before offset is zeros, at least tailSize of them.
	hollow bool
	// ahead is where the stream that is ahead begins in a file that was read before, and
	// aheadTail what lies before that.
	ahead     int64
	aheadTail []byte
	// rested tells that the last read came to the end of the file: before the
	// next one the file may have been truncated.
	rested     bool
	compressed bool
	// over tells that a newer file was found to be the engine's: nothing more is written
	// to this one.
	over bool
	// emptied tells that the file was truncated, and that nothing was seen in it since.
	emptied bool
	// named tells that the file was seen to have the name of the live one.
	named bool
	// outside tells that the file was not made by the engine: it holds what an older one
	// holds, too. judged, sizeThen and standing are what was found when it was looked at
	// last beside the file being read.
	outside, judged bool
	sizeThen        int64
	standing        standing
	// compared is a comparison under way; the reader's goroutine has it.
	compared *comparison
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
	g := &generation{file: f, format: in, data: f, id: identify(info), made: timesOf(f).made, compressed: compressed}
	if compressed {
		g.data = newGzipContent(f)
	}
	return g
}

// suffix is how the name of a link to the file ends.
func (g *generation) suffix() string {
	if g.compressed {
		return gzipSuffix
	}
	return ""
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
	now := &generation{file: g.file, format: g.format, data: g.data, id: g.id, made: g.made, gone: g.gone, compressed: g.compressed}
	now.fingerprint, _ = fingerprint(g.data, g.format) // 0 where it cannot be read
	return now
}

// identifyContent computes the fingerprint if it is not known yet.
func (g *generation) identifyContent() error {
	if g.fingerprint != 0 {
		return nil
	}
	sum, err := fingerprint(g.data, g.format)
	g.fingerprint = sum
	return err
}

// recognise is identifyContent for a file that is not to be read yet.
func (g *generation) recognise() error {
	err := g.identifyContent()
	if z, ok := g.data.(*gzipContent); ok {
		z.release()
	}
	return err
}

// empty tells that nothing was written to the file.
func (g *generation) empty() bool {
	info, err := g.file.Stat()
	return err == nil && info.Size() == 0
}

// matches tells whether g has the content of the file a position speaks of. A
// file that was compressed or moved to another place is recognised by it.
// Where nothing was known of the content nothing matches: the inode alone may
// have been used again.
func (g *generation) matches(p logs.FilePosition) bool {
	return p.Fingerprint != 0 && g.fingerprint == p.Fingerprint
}

// same tells whether two open generations are the same file, also when one of
// them is compressed. The first record alone does not tell two files apart: both
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

// size is the size of the content modulo 2^32, which is what gzip stores in
// the last four bytes of a file; 0 when it cannot be told.
func (g *generation) size() uint32 {
	info, err := g.file.Stat()
	if err != nil {
		return 0
	}
	if !g.compressed {
		return uint32(info.Size()) //nolint:gosec // modulo 2^32 is meant
	}
	var trailer [4]byte
	if _, err := g.file.ReadAt(trailer[:], info.Size()-int64(len(trailer))); err != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(trailer[:])
}

// cutFrom tells whether g is what a crash during the compression of whole has
// left: the beginning of its content. Others wait meanwhile, so of a long one nobody knows:
// it is read, and the reader leaves out what it has (see follow).
func (g *generation) cutFrom(whole *generation) bool {
	z, ok := g.data.(*gzipContent)
	if !ok {
		return false
	}
	defer z.release()
	a, b := make([]byte, gzipStep), make([]byte, gzipStep)
	for at := int64(0); at < cutMost; at += int64(len(a)) {
		n, err := z.ReadAt(a, at)
		m, _ := whole.data.ReadAt(b[:n], at) // an error makes it too short
		if m < n || !bytes.Equal(a[:n], b[:n]) {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) && z.damaged
		}
	}
	return false
}

// cutMost is how much of a compressed copy is looked at, in bytes of content.
const cutMost = 1 << 20

// readAt fills buf from offset at on. It returns less than len(buf) only at the
// end of the content, as it is now.
func (g *generation) readAt(buf []byte, at int64) (int, error) {
	n, err := g.data.ReadAt(buf, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// readSome is readAt for the live file, where less than len(buf) need not be all: what is
// left is found by the next look. It spares the system call that would show the end of
// the file, which is half of those of a poll.
func (g *generation) readSome(buf []byte, at int64) (int, error) {
	if g.compressed {
		return g.readAt(buf, at)
	}
	defer runtime.KeepAlive(g.file)
	for {
		n, err := unix.Pread(int(g.file.Fd()), buf, at)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "read", Path: g.file.Name(), Err: err}
		}
		return n, nil
	}
}

// hole is the size of the hole that the file has from an offset on, less what a frame may
// have of zeros in front of its data; 0 when there is none, or nobody knows.
func (g *generation) hole(from int64) int {
	if g.compressed {
		return 0
	}
	defer runtime.KeepAlive(g.file)
	data, err := unix.Seek(int(g.file.Fd()), from, unix.SEEK_DATA)
	switch {
	case err == nil:
		data -= locallog.LengthSize
	case errors.Is(err, unix.ENXIO): // up to the end
		info, err := g.file.Stat()
		if err != nil {
			return 0
		}
		data = info.Size()
	default:
		return 0
	}
	return int(max(0, data-from))
}

// keep is called when p was read at start and taken as far as offset tells.
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
	g.most = max(g.most, info.Size())
	return max(0, info.Size()-g.offset)
}

// atEnd tells whether nothing was written since the last read.
func (g *generation) atEnd() bool {
	info, err := g.file.Stat()
	return err == nil && (g.compressed || info.Size() == g.seen)
}
