package tail

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// isCompressed tells by its name whether a rotated file is compressed.
func isCompressed(path string) bool { return strings.HasSuffix(path, ".gz") }

// gzipContent reads the content of a gzip file at any offset; cheaply so when
// read forwards, as a reader of lines does. A file that ends too early, as a
// crash during compression leaves it, reads as if it ended with its last
// readable byte.
type gzipContent struct {
	file *os.File
	z    *gzip.Reader
	// buf holds the content [base, base+len(buf)).
	buf  []byte
	base int64
	// ended tells that z has no more; damaged, that it ended too early.
	ended, damaged bool
}

// gzipStep is how much is decompressed at a time, in bytes.
const gzipStep = 64 << 10

func newGzipContent(f *os.File) *gzipContent { return &gzipContent{file: f} }

// ReadAt implements io.ReaderAt for one goroutine.
func (c *gzipContent) ReadAt(p []byte, off int64) (int, error) {
	if c.z == nil || off < c.base {
		if err := c.restart(); err != nil {
			return 0, err
		}
	}
	for !c.ended && c.base+int64(len(c.buf)) < off+int64(len(p)) {
		c.discard(off)
		if err := c.decompress(); err != nil {
			return 0, err
		}
	}
	c.discard(off)
	if c.base < off {
		return 0, io.EOF
	}
	n := copy(p, c.buf)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// release gives the memory back until the next read.
func (c *gzipContent) release() { c.z, c.buf, c.base, c.ended = nil, nil, 0, false }

// discard drops the content before off.
func (c *gzipContent) discard(off int64) {
	n := min(off-c.base, int64(len(c.buf)))
	if n > 0 {
		c.buf = c.buf[:copy(c.buf, c.buf[n:])]
		c.base += n
	}
}

func (c *gzipContent) decompress() error {
	start := len(c.buf)
	c.buf = append(c.buf, make([]byte, gzipStep)...)
	n, err := io.ReadFull(c.z, c.buf[start:])
	c.buf = c.buf[:start+n]
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed), isIOError(err):
		return fmt.Errorf("cannot read a compressed log: %w", err)
	case !errors.Is(err, io.EOF) && !c.readable():
		c.damaged = true
	}
	c.ended = true
	return nil
}

// readable tells whether the whole stream was read without error: ReadFull
// says ErrUnexpectedEOF at its regular end, too.
func (c *gzipContent) readable() bool {
	_, err := c.z.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func isIOError(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}

func (c *gzipContent) restart() error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot read a compressed log: %w", err)
	}
	c.buf, c.base, c.ended = c.buf[:0], 0, false
	z, err := gzip.NewReader(bufio.NewReader(c.file))
	switch {
	case isIOError(err):
		return fmt.Errorf("cannot read a compressed log: %w", err)
	case err != nil:
		// An empty file or half a header: compression has just begun, or was
		// cut off there.
		z, c.ended, c.damaged = new(gzip.Reader), true, true
	}
	c.z = z
	return nil
}
