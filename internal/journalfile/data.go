package journalfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The types of objects.
const (
	typeData       = 1
	typeEntry      = 3
	typeEntryArray = 6
)

// Sizes and places within objects, in bytes.
const (
	objectHeader = 16
	hashItem     = 16

	dataHash       = 16
	dataNextHash   = 24
	dataFirstEntry = 40
	dataArray      = 48
	dataCount      = 56
	dataPayload    = 64
	// compactPayload is dataPayload of compact files.
	compactPayload = 72
)

const (
	// maxOffset is the largest offset followed, in bytes: beyond any file.
	maxOffset = 1 << 56
	// maxChain is the longest chain of data with equal hashes that is walked.
	// journald itself begins a new file where one is longer than 100.
	maxChain = 1 << 14
)

// object reads the first n bytes of an object, of which there must be as many, and
// returns its size.
func (f *File) object(c *Cache, offset uint64, kind byte, n int) (head []byte, size uint64, err error) {
	if offset < f.start || offset%8 != 0 {
		return nil, 0, corrupt(offset, "reference")
	}
	head, err = c.read(f, offset, n)
	if err != nil {
		return nil, 0, err
	}
	size = binary.LittleEndian.Uint64(head[8:])
	switch {
	case head[0] == 0 && size == 0:
		return nil, 0, ErrNotYet
	case head[0] != kind:
		return nil, 0, corrupt(offset, "type of object")
	case size < uint64(n) || size > maxOffset: //nolint:gosec // n is a constant
		return nil, 0, corrupt(offset, "size of object")
	}
	return head, size, nil
}

// Find returns the offset of the data object FIELD=value; 0 when the file has none.
func (f *File) Find(c *Cache, data []byte) (uint64, error) {
	hash := f.hash(data)
	bucket, err := c.read(f, f.table+hash%f.tableSize*hashItem, hashItem)
	if err != nil {
		return 0, err
	}
	at := binary.LittleEndian.Uint64(bucket)
	for range maxChain {
		if at == 0 {
			return 0, nil
		}
		head, _, err := f.object(c, at, typeData, dataPayload)
		if err != nil {
			return 0, err
		}
		next := binary.LittleEndian.Uint64(head[dataNextHash:])
		if binary.LittleEndian.Uint64(head[dataHash:]) == hash {
			got, err := f.Payload(c, at, len(data)+1)
			if err != nil {
				return 0, err
			}
			if bytes.Equal(got, data) {
				return at, nil
			}
		}
		if next != 0 && next <= at { // chains only grow at their end
			return 0, corrupt(at, "chain of data")
		}
		at = next
	}
	return 0, corrupt(at, "length of chain")
}

func (f *File) payload() int {
	if f.compact {
		return compactPayload
	}
	return dataPayload
}

// MaxPayload is the longest data that is returned, in bytes.
const MaxPayload = 1 << 20

// fieldCost is what a look at a field counts for at least, in bytes.
const fieldCost = 128

// Payload returns the FIELD=value of a data object: its first limit bytes. At most
// MaxPayload is returned; compressed data beyond that is an error.
func (f *File) Payload(c *Cache, offset uint64, limit int) (data []byte, err error) {
	defer func() { c.loaded += max(len(data), fieldCost) }()
	limit = max(0, min(limit, MaxPayload))
	from := f.payload()
	head, size, err := f.object(c, offset, typeData, from)
	if err != nil {
		return nil, err
	}
	size -= uint64(from) //nolint:gosec // a constant
	by := head[1] & compressionMask
	if by == 0 {
		n := min(size, uint64(limit))
		return c.read(f, offset+uint64(from), int(n)) //nolint:gosec // bounded
	}
	if size > maxRead {
		return nil, fmt.Errorf("%w: %d bytes at offset %d", ErrUnpack, size, offset)
	}
	packed, err := c.read(f, offset+uint64(from), int(size)) //nolint:gosec // bounded
	if err != nil {
		return nil, err
	}
	if err := c.unpack(by, packed, limit); err != nil {
		return nil, err
	}
	return c.plain[:min(len(c.plain), limit)], nil
}

// Shared tells whether more than one entry has a data object, as far as a Cache knows.
func (f *File) Shared(c *Cache, data uint64) bool {
	head, _, err := f.object(c, data, typeData, dataPayload)
	return err == nil && binary.LittleEndian.Uint64(head[dataCount:]) > 1
}

// Count returns the number of entries that have a data object now, or with 0 that of all. It
// is read from the file, whatever a Cache holds.
func (f *File) Count(data uint64) (uint64, error) {
	if data == 0 {
		state, err := f.State()
		return state.Entries, err
	}
	var b [8]byte
	if data > maxOffset {
		return 0, corrupt(data, "reference")
	}
	if _, err := f.content.ReadAt(b[:], int64(data+dataCount)); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}
