package tail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/locallog"
)

// fileContent is how an open file of a log is read. It does not change, unless the file is
// exchanged for its compressed copy. It knows nothing of how far anybody has read.
type fileContent struct {
	file *os.File
	// data reads the content, uncompressed.
	data io.ReaderAt
	// format is how the records lie in it.
	format     format
	compressed bool
}

func newContent(f *os.File, compressed bool, in format) fileContent {
	c := fileContent{file: f, data: f, format: in, compressed: compressed}
	if compressed {
		c.data = newGzipContent(f)
	}
	return c
}

// release gives back the memory that unpacking takes, until the next read.
func (c *fileContent) release() {
	if z, ok := c.data.(*gzipContent); ok {
		z.release()
	}
}

// fingerprintNow is the fingerprint of what the file holds now.
func (c *fileContent) fingerprintNow() (uint64, error) { return fingerprint(c.data, c.format) }

// suffix is how the name of a link to the file ends.
func (c *fileContent) suffix() string {
	if c.compressed {
		return gzipSuffix
	}
	return ""
}

// empty reports whether nothing was written to the file.
func (c *fileContent) empty() bool {
	info, err := c.file.Stat()
	return err == nil && info.Size() == 0
}

// size is the size of the content modulo 2^32, which is what gzip stores in
// the last four bytes of a file; 0 when that is not known.
func (c *fileContent) size() uint32 {
	info, err := c.file.Stat()
	if err != nil {
		return 0
	}
	if !c.compressed {
		return uint32(info.Size()) //nolint:gosec // modulo 2^32 is meant
	}
	var trailer [4]byte
	if _, err := c.file.ReadAt(trailer[:], info.Size()-int64(len(trailer))); err != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(trailer[:])
}

// readAt fills buf from offset at on. It returns less than len(buf) only at the
// end of the content, as it is now.
func (c *fileContent) readAt(buf []byte, at int64) (int, error) {
	n, err := c.data.ReadAt(buf, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// readSome is readAt for the live file, where less than len(buf) need not be all: what is
// left is found by the next look. It spares the system call that would show the end of
// the file, which is half of those of a poll.
func (c *fileContent) readSome(buf []byte, at int64) (int, error) {
	if c.compressed {
		return c.readAt(buf, at)
	}
	// Less may be cached than there is: only with all that was asked for, or all that there is,
	// does it say where the end is.
	if n, ok := readCached(c.file, buf, at); ok && (n == len(buf) || at+int64(n) == sizeOf(c.file)) {
		return n, nil
	}
	defer runtime.KeepAlive(c.file)
	for {
		n, err := unix.Pread(int(c.file.Fd()), buf, at)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "read", Path: c.file.Name(), Err: err}
		}
		return n, nil
	}
}

// hole is the size of the hole that the file has from an offset on, less what a frame may
// have of zeros in front of its data; 0 when there is none, or nobody knows.
func (c *fileContent) hole(from int64) int {
	if c.compressed {
		return 0
	}
	defer runtime.KeepAlive(c.file)
	data, err := unix.Seek(int(c.file.Fd()), from, unix.SEEK_DATA)
	switch {
	case err == nil:
		data -= locallog.LengthSize
	case errors.Is(err, unix.ENXIO): // up to the end
		info, err := c.file.Stat()
		if err != nil {
			return 0
		}
		data = info.Size()
	default:
		return 0
	}
	return int(max(0, data-from))
}

// cutFrom reports whether c is what a crash during the compression of whole has
// left: the beginning of its content. Others wait meanwhile, so of a long one nobody knows:
// it is read, and the reader leaves out what it has (see follow).
func (c *fileContent) cutFrom(whole *generation) bool {
	z, ok := c.data.(*gzipContent)
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

// length is the size of a file that is not compressed; not ok when it is, or that is not
// known.
func (c *fileContent) length() (size int64, ok bool) {
	if c.compressed {
		return 0, false
	}
	info, err := c.file.Stat()
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}

// written returns when a file was written to last, in Unix nanoseconds.
func (c *fileContent) written() int64 {
	info, err := c.file.Stat()
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// tailAt reads what lies before an offset; nil where that cannot be had.
func (c *fileContent) tailAt(offset int64) []byte {
	if c.compressed {
		return nil // is not truncated, and would be unpacked for it
	}
	from := max(0, offset-c.format.tail())
	tail := make([]byte, offset-from)
	if _, err := c.data.ReadAt(tail, from); err != nil {
		return nil
	}
	return tail
}

// ofNothing reports whether a file is what compression makes of an empty one.
func (c *fileContent) ofNothing() bool {
	z, compressed := c.data.(*gzipContent)
	if !compressed {
		return false
	}
	defer z.release()
	n, err := c.readAt(make([]byte, 1), 0)
	return err == nil && n == 0 && !z.damaged
}
