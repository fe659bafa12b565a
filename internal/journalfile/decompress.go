package journalfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// How the payload of a data object is compressed.
const (
	compressedXZ = 1 << iota
	compressedLZ4
	compressedZstd
	compressionMask = compressedXZ | compressedLZ4 | compressedZstd
)

// unzstd is made when it is first needed. Without concurrency it has no goroutine.
var unzstd = sync.OnceValues(newZstd)

// newZstd makes a decoder that never needs much more memory than the longest data.
func newZstd() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxPayload))
}

// unpack fills plain with at least the first limit bytes of what packed holds, or all.
func (c *Cache) unpack(by byte, packed []byte, limit int) (err error) {
	switch by {
	case compressedZstd:
		if limit < MaxPayload {
			return c.unzstdFirst(packed, limit)
		}
		decoder, err := unzstd()
		if err != nil {
			return err
		}
		if c.plain, err = decoder.DecodeAll(packed, c.plain[:0]); err != nil {
			return fmt.Errorf("%w: zstd: %w", ErrUnpack, err)
		}
		return nil
	case compressedLZ4:
		c.plain, err = unlz4(c.plain[:0], packed)
		return err
	case compressedXZ:
		return fmt.Errorf("%w: its data is compressed by XZ", ErrUnsupported)
	}
	return fmt.Errorf("%w: compression %#x", ErrCorrupt, by)
}

// unzstdFirst unpacks only the beginning: what a field is shows there, and a megabyte
// need not be made of a few bytes to see that it is of no interest.
func (c *Cache) unzstdFirst(packed []byte, limit int) (err error) {
	if c.unpacker == nil {
		if c.unpacker, err = newZstd(); err != nil {
			return err
		}
	}
	if cap(c.plain) < limit {
		c.plain = make([]byte, limit)
	}
	n := 0
	if err = c.unpacker.Reset(bytes.NewReader(packed)); err == nil {
		n, err = io.ReadFull(c.unpacker, c.plain[:limit])
	}
	if c.plain = c.plain[:n]; err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: zstd: %w", ErrUnpack, err)
	}
	return nil
}

// unlz4 unpacks a block that has its plain size before it.
func unlz4(out, packed []byte) ([]byte, error) {
	const sizeBytes = 8
	if len(packed) < sizeBytes {
		return out, fmt.Errorf("%w: LZ4: no size", ErrUnpack)
	}
	size := binary.LittleEndian.Uint64(packed)
	if size > MaxPayload {
		return out, fmt.Errorf("%w: LZ4: size", ErrUnpack)
	}
	if uint64(cap(out)) < size {
		out = make([]byte, size)
	}
	n, err := lz4.UncompressBlock(packed[sizeBytes:], out[:size])
	if err != nil {
		return out[:0], fmt.Errorf("%w: LZ4: %w", ErrUnpack, err)
	}
	return out[:n], nil
}
