package journalfile

import (
	"encoding/binary"
	"sort"

	"github.com/lighterman/lighterman/internal/logs"
)

// Sizes and places within entries and arrays of them, in bytes.
const (
	entrySeqnum    = 16
	entryRealtime  = 24
	entryMonotonic = 32
	entryBoot      = 40
	entryXor       = 56
	entryItems     = 64
	arrayNext      = 16
	arrayItems     = 24
)

// maxItems is the largest number of fields of an entry that are looked at, which
// is also journald's own limit.
const maxItems = 1024

// Entry is one entry of a journal without its fields.
type Entry struct {
	offset uint64
	// Seqnum counts all entries of all files with one SeqnumID.
	Seqnum uint64
	// Realtime is when journald received it, in Unix microseconds, and Monotonic
	// the same in microseconds since the boot Boot.
	Realtime, Monotonic uint64
	Boot                logs.ID128
	// Hash is of all fields, the same in every file that has the entry.
	Hash uint64
}

// Cursor is a place among the entries of a data object, or of the whole file.
type Cursor struct {
	// data is 0 for the whole file.
	data uint64
	// taken is the number of entries before it.
	taken uint64
	// array and index are the place of the next entry, or the end of the array
	// before it; array is 0 while that is not known. The first entry is in none.
	array, index uint64
}

// Entries returns the place before the first entry of a data object.
func Entries(data uint64) Cursor { return Cursor{data: data} }

// All returns the place before the first entry of a file.
func All() Cursor { return Cursor{} }

// Taken returns the number of entries before the cursor.
func (k *Cursor) Taken() uint64 { return k.taken }

// Data returns the data object that the cursor is about; 0 for the whole file.
func (k *Cursor) Data() uint64 { return k.data }

// Advance goes on to the next entry.
func (k *Cursor) Advance() {
	if k.taken++; k.taken > 1 || k.data == 0 {
		k.index++
	}
}

// Entry reads the entry at the cursor, of a data object that has more than Taken.
func (f *File) Entry(c *Cache, k *Cursor) (Entry, error) {
	offset, err := f.at(c, k)
	if err != nil {
		return Entry{}, err
	}
	return f.entry(c, offset)
}

func (f *File) entry(c *Cache, offset uint64) (Entry, error) {
	head, _, err := f.object(c, offset, typeEntry, entryItems)
	if err != nil {
		return Entry{}, err
	}
	return Entry{
		offset: offset, Seqnum: binary.LittleEndian.Uint64(head[entrySeqnum:]),
		Realtime: binary.LittleEndian.Uint64(head[entryRealtime:]), Monotonic: binary.LittleEndian.Uint64(head[entryMonotonic:]),
		Boot: id(head[entryBoot:]), Hash: binary.LittleEndian.Uint64(head[entryXor:]),
	}, nil
}

// at returns the offset of the entry at the cursor.
func (f *File) at(c *Cache, k *Cursor) (uint64, error) {
	if k.taken == 0 && k.data != 0 {
		return f.reference(c, k.data, typeData, dataFirstEntry)
	}
	if _, err := f.settle(c, k); err != nil {
		return 0, err
	}
	return f.item(c, k.array, k.index)
}

// settle makes the cursor's array the one that holds the next entry, and returns
// how many that has room for.
func (f *File) settle(c *Cache, k *Cursor) (capacity uint64, err error) {
	if k.array == 0 {
		if k.array, err = f.array(c, k.data); err != nil {
			k.array = 0
			return 0, err
		}
		k.index = 0
	}
	for range 2 {
		_, size, err := f.object(c, k.array, typeEntryArray, arrayItems)
		if err != nil {
			return 0, err
		}
		if capacity = (size - arrayItems) / f.itemSize(); k.index < capacity {
			return capacity, nil
		}
		next, err := f.reference(c, k.array, typeEntryArray, arrayNext)
		if err != nil {
			return 0, err
		}
		if next <= k.array { // arrays are added behind all there is
			return 0, corrupt(k.array, "chain of entries")
		}
		k.array, k.index = next, 0
	}
	return 0, corrupt(k.array, "array without room")
}

// array returns the first array of the entries of a data object, or of the file.
func (f *File) array(c *Cache, data uint64) (uint64, error) {
	if data != 0 {
		return f.reference(c, data, typeData, dataArray)
	}
	var b [8]byte
	if _, err := f.content.ReadAt(b[:], headerArray); err != nil {
		return 0, orNotYet(err)
	}
	at := binary.LittleEndian.Uint64(b[:])
	switch {
	case at == 0:
		return 0, ErrNotYet
	case at < f.start || at > maxOffset:
		return 0, corrupt(headerArray, "array of entries")
	}
	return at, nil
}

// reference reads an offset within an object.
func (f *File) reference(c *Cache, offset uint64, kind byte, place int) (uint64, error) {
	head, _, err := f.object(c, offset, kind, place+8)
	if err != nil {
		return 0, err
	}
	to := binary.LittleEndian.Uint64(head[place:])
	if to == 0 {
		return 0, ErrNotYet
	}
	return to, nil
}

func (f *File) itemSize() uint64 {
	if f.compact {
		return 4
	}
	return 8
}

// item reads an element of an array of entries.
func (f *File) item(c *Cache, array, index uint64) (uint64, error) {
	size := f.itemSize()
	b, err := c.read(f, array+arrayItems+index*size, int(size)) //nolint:gosec // 4 or 8
	if err != nil {
		return 0, err
	}
	to := offsetIn(b)
	if to == 0 {
		return 0, ErrNotYet
	}
	return to, nil
}

func offsetIn(b []byte) uint64 {
	if len(b) == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// Seek moves the cursor to the first of count entries that is not before, given
// that those before come first. It reads a few entries of each array.
func (f *File) Seek(c *Cache, k *Cursor, count uint64, before func(Entry) bool) error {
	if k.taken == 0 && count > 0 {
		first, err := f.Entry(c, k)
		if err != nil || !before(first) {
			return err
		}
		k.Advance()
	}
	for k.taken < count {
		capacity, err := f.settle(c, k)
		if err != nil {
			return err
		}
		here := min(capacity-k.index, count-k.taken)
		skip := sort.Search(int(min(here, maxOffset)), func(i int) bool {
			if err != nil {
				return true
			}
			var offset uint64
			var e Entry
			if offset, err = f.item(c, k.array, k.index+uint64(i)); err == nil { //nolint:gosec // not negative
				e, err = f.entry(c, offset)
			}
			return err != nil || !before(e)
		})
		k.taken += uint64(skip)                //nolint:gosec // not negative
		k.index += uint64(skip)                //nolint:gosec // not negative
		if err != nil || uint64(skip) < here { //nolint:gosec // not negative
			return err
		}
	}
	return nil
}

// Fields appends the offsets of the data objects of an entry.
func (f *File) Fields(c *Cache, e Entry, to []uint64) ([]uint64, error) {
	_, size, err := f.object(c, e.offset, typeEntry, entryItems)
	if err != nil {
		return to, err
	}
	step := uint64(16) // an offset and a hash
	if f.compact {
		step = 4
	}
	n := min((size-entryItems)/step, maxItems)
	items, err := c.read(f, e.offset+entryItems, int(n*step)) //nolint:gosec // bounded
	if err != nil {
		return to, err
	}
	for ; len(items) > 0; items = items[step:] {
		to = append(to, offsetIn(items[:f.itemSize()]))
	}
	return to, nil
}
