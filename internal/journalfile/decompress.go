package journalfile

import (
	"encoding/binary"
	"fmt"
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
var unzstd = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxPayload))
})

// decompress appends to out.
func decompress(by byte, out, packed []byte) ([]byte, error) {
	switch by {
	case compressedZstd:
		decoder, err := unzstd()
		if err != nil {
			return out, err
		}
		plain, err := decoder.DecodeAll(packed, out)
		if err != nil {
			return out, fmt.Errorf("%w: zstd: %w", ErrCorrupt, err)
		}
		return plain, nil
	case compressedLZ4:
		return unlz4(out, packed)
	case compressedXZ:
		return out, fmt.Errorf("%w: its data is compressed by XZ", ErrUnsupported)
	}
	return out, fmt.Errorf("%w: compression %#x", ErrCorrupt, by)
}

// unlz4 unpacks a block that has its plain size before it.
func unlz4(out, packed []byte) ([]byte, error) {
	const sizeBytes = 8
	if len(packed) < sizeBytes {
		return out, fmt.Errorf("%w: LZ4: no size", ErrCorrupt)
	}
	size := binary.LittleEndian.Uint64(packed)
	if size > MaxPayload {
		return out, fmt.Errorf("%w: LZ4: size", ErrCorrupt)
	}
	if uint64(cap(out)) < size {
		out = make([]byte, size)
	}
	n, err := lz4.UncompressBlock(packed[sizeBytes:], out[:size])
	if err != nil {
		return out[:0], fmt.Errorf("%w: LZ4: %w", ErrCorrupt, err)
	}
	return out[:n], nil
}
