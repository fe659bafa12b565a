package journalfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// blockSize is how much is read at a time, in bytes: some ten entries, where
	// one container writes alone.
	blockSize = 16 << 10
	// blocks is how many are kept: the objects of an entry lie in two or three
	// places.
	blocks = 16
	// maxRead is the longest piece read at once, in bytes: packed data may be a
	// little longer than what is in it.
	maxRead = MaxPayload + 64<<10
	// maxKept is the largest memory for a piece that is kept, in bytes.
	maxKept = 128 << 10
)

// Cache keeps what was read last, of any files. The zero value is empty. What a
// method returns that is given one is valid until it is given to the next. It
// knows nothing of what is written meanwhile: see Reset.
type Cache struct {
	slots [blocks]block
	clock uint64
	// joined is for what lies across blocks, plain for what was compressed.
	joined, plain []byte
	// unpacker unpacks the beginning of what zstd has compressed.
	unpacker *zstd.Decoder
	// loaded counts the bytes of data that were returned.
	loaded int
}

// Loaded returns how many bytes of data were read, or unpacked, with the cache since
// the last Reset, whatever became of them.
func (c *Cache) Loaded() int { return c.loaded }

type block struct {
	file   *File
	number uint64
	used   uint64
	data   []byte
}

// Reset forgets everything: what is read from now on was written up to now, or
// later.
func (c *Cache) Reset() {
	for i := range c.slots {
		c.slots[i].file = nil
	}
	c.loaded = 0
	if cap(c.joined) > maxKept {
		c.joined = nil
	}
	if cap(c.plain) > maxKept {
		c.plain = nil
	}
}

// read returns n bytes of a file. What lies beyond its end gives ErrNotYet.
func (c *Cache) read(f *File, offset uint64, n int) ([]byte, error) {
	if offset > maxOffset || n < 0 || n > maxRead {
		return nil, corrupt(offset, "reference")
	}
	from := int(offset % blockSize)
	if from+n <= blockSize {
		b, err := c.block(f, offset/blockSize)
		if err != nil || len(b) < from+n {
			return nil, orNotYet(err)
		}
		return b[from : from+n], nil
	}
	if cap(c.joined) < n {
		c.joined = make([]byte, n)
	}
	c.joined = c.joined[:n]
	for done := 0; done < n; {
		at := offset + uint64(done)
		b, err := c.block(f, at/blockSize)
		from := int(at % blockSize)
		if err != nil || len(b) <= from {
			return nil, orNotYet(err)
		}
		copied := copy(c.joined[done:], b[from:])
		if done += copied; done < n && from+copied < blockSize {
			return nil, ErrNotYet
		}
	}
	return c.joined, nil
}

func orNotYet(err error) error {
	if err == nil {
		return ErrNotYet
	}
	return err
}

// block returns a block, which at the end of the file is short.
func (c *Cache) block(f *File, number uint64) ([]byte, error) {
	c.clock++
	oldest := &c.slots[0]
	for i := range c.slots {
		s := &c.slots[i]
		if s.file == f && s.number == number {
			s.used = c.clock
			return s.data, nil
		}
		if s.file == nil && oldest.file != nil || (s.file == nil) == (oldest.file == nil) && s.used < oldest.used {
			oldest = s
		}
	}
	if oldest.data == nil {
		oldest.data = make([]byte, blockSize)
	}
	oldest.file = nil
	n, err := f.content.ReadAt(oldest.data[:blockSize], int64(number)*blockSize) //nolint:gosec // offsets are bounded
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	oldest.file, oldest.number, oldest.used, oldest.data = f, number, c.clock, oldest.data[:n]
	return oldest.data, nil
}
