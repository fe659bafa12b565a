package plain

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// gzipped reads what a compressed file holds, from the front to the back. What it has unpacked
// last it still has; to go back further it begins anew.
type gzipped struct {
	file *os.File
	read *gzip.Reader
	// kept is what lies before at.
	kept []byte
	at   int64
}

func newGzipped(f *os.File) *gzipped { return &gzipped{file: f} }

// ReadAt implements io.ReaderAt. What is damaged, or not all written, ends there.
func (z *gzipped) ReadAt(p []byte, at int64) (n int, err error) {
	if base := z.at - int64(len(z.kept)); at >= base && at < z.at {
		n = copy(p, z.kept[at-base:])
		p, at = p[n:], at+int64(n)
	}
	if len(p) == 0 {
		return n, nil
	}
	if z.read == nil || at < z.at {
		if err := z.begin(); err != nil {
			return n, err
		}
	}
	skipped, err := io.CopyN(io.Discard, z.read, at-z.at)
	if z.at += skipped; skipped > 0 {
		z.kept = z.kept[:0]
	}
	m := 0
	if err == nil {
		m, err = io.ReadFull(z.read, p)
	}
	z.at += int64(m)
	z.keep(p[:m])
	if err != nil {
		z.read = nil // there may be more later
		return n + m, ended(err)
	}
	return n + m, nil
}

func (z *gzipped) begin() error {
	read, err := gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(z.file, 0, 1<<62), 32<<10))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("cannot unpack: %w", err)
	}
	z.read, z.at, z.kept = read, 0, z.kept[:0]
	return nil
}

// keptMost is as much as the longest read.
const keptMost = 256 << 10

func (z *gzipped) keep(text []byte) {
	if over := len(z.kept) + len(text) - keptMost; over > 0 {
		z.kept = append(z.kept[:0], z.kept[min(over, len(z.kept)):]...)
	}
	z.kept = append(z.kept, text[max(0, len(text)-keptMost):]...)
}

func ended(err error) error {
	var failed *os.PathError
	if errors.As(err, &failed) {
		return err
	}
	return io.EOF
}
