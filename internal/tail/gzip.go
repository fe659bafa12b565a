package tail

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// isCompressed reports whether a rotated file, by its name, is compressed.
func isCompressed(path string) bool { return strings.HasSuffix(path, gzipSuffix) }

const gzipSuffix = ".gz"

// gzipMagic is how every such file begins.
var gzipMagic = []byte{0x1f, 0x8b}

// gzipContent reads the content of a gzip file at any offset; cheaply so when
// read forwards, as a reader of lines does. A file that ends too early, as a
// crash during compression leaves it, reads as if it ended with its last
// readable byte.
//
// Hundreds of logs may have one open in turn, so it has no buffer of its own: it
// unpacks into the reader's, and keeps what that has not taken yet. The place in the
// file is its own: there may be several of one descriptor.
type gzipContent struct {
	file *os.File
	z    *gzip.Reader
	// kept holds the content [base, base+len(kept)), which z has passed.
	kept []byte
	base int64
	// ended is set when z has no more; damaged, when it ended too early.
	ended, damaged bool
}

// gzipStep is how much is unpacked at a time where there is no reader's buffer.
const gzipStep = 64 << 10

func newGzipContent(f *os.File) *gzipContent { return &gzipContent{file: f} }

// ReadAt implements io.ReaderAt for one goroutine.
func (c *gzipContent) ReadAt(p []byte, off int64) (n int, err error) {
	if c.z == nil || off < c.base {
		if err := c.restart(); err != nil {
			return 0, err
		}
	}
	if over := off - c.base; over < int64(len(c.kept)) {
		n = copy(p, c.kept[over:])
	}
	if n == len(p) {
		return n, nil // there may be more of what is kept
	}
	at := c.base + int64(len(c.kept))
	c.kept = c.kept[:0]
	for at < off && !c.ended && err == nil {
		var skipped int
		skipped, err = c.unpack(p[:min(int64(len(p)), off-at)])
		at += int64(skipped)
	}
	for n < len(p) && !c.ended && err == nil {
		var more int
		more, err = c.unpack(p[n:])
		at += int64(more)
		n += more
	}
	c.base = at
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// keep makes a later read from the offset from on cheap, given that p is what
// was read last, at off.
func (c *gzipContent) keep(p []byte, off, from int64) {
	if c.z == nil || from < off || off+int64(len(p)) != c.base {
		return
	}
	rest := p[from-off:]
	if cap(c.kept) > 2*len(rest)+gzipKept {
		c.kept = nil
	}
	c.kept = append(c.kept[:0], rest...)
	c.base = from
}

// gzipKept is how much more memory than needed is kept, in bytes.
const gzipKept = 16 << 10

// release gives the memory back until the next read.
func (c *gzipContent) release() { c.z, c.kept, c.base, c.ended = nil, nil, 0, false }

// unpack fills p, and notes the end.
func (c *gzipContent) unpack(p []byte) (int, error) {
	n, err := io.ReadFull(c.z, p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrClosed), isIOError(err):
		return n, fmt.Errorf("cannot read a compressed log: %w", err)
	case !errors.Is(err, io.EOF) && !c.readable():
		c.damaged = true
	}
	c.ended = true
	return n, nil
}

// readable reports whether the whole stream was read without error: ReadFull
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
	// It may have been looked at while it was made.
	c.kept, c.base, c.ended, c.damaged = c.kept[:0], 0, false, false
	z, err := gzip.NewReader(bufio.NewReader(io.NewSectionReader(c.file, 0, math.MaxInt64)))
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
