package checkpoint

import (
	"encoding/binary"
	"math"

	"github.com/lighterman/lighterman/internal/logs"
)

// In the log of positions a position is written by hand: it is written with
// every push, and JSON would cost twenty times as much. All fields are there,
// in the order of their declaration.

func appendPosition(b []byte, p *logs.Position) []byte {
	b = appendFile(b, &p.File)
	for s := range p.Newest {
		b = appendNewest(b, &p.Newest[s])
	}
	b = binary.AppendVarint(b, p.Last)
	b = binary.AppendVarint(b, p.Pending)
	b = binary.AppendVarint(b, p.Drained)
	if p.Journal != [logs.Streams]logs.JournalPosition{} {
		for s := range p.Journal {
			b = appendJournal(b, &p.Journal[s])
		}
	}
	return b
}

// appendJournal writes what is there only of a log that is read from the journal,
// and was not in the first versions: it is the last of a body, or absent.
func appendJournal(b []byte, j *logs.JournalPosition) []byte {
	b = append(b, j.SeqnumID[:]...)
	b = append(b, j.Boot[:]...)
	b = binary.AppendUvarint(b, j.Seqnum)
	b = binary.AppendUvarint(b, j.Monotonic)
	b = binary.AppendUvarint(b, j.Realtime)
	return binary.LittleEndian.AppendUint64(b, j.Hash)
}

func appendFile(b []byte, f *logs.FilePosition) []byte {
	b = binary.AppendUvarint(b, f.Device)
	b = binary.AppendUvarint(b, f.Inode)
	b = binary.LittleEndian.AppendUint64(b, f.Fingerprint)
	b = appendInts(b, f.Offsets[:])
	for _, behind := range f.Behind {
		if behind {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func appendNewest(b []byte, m *logs.Mark) []byte {
	b = binary.AppendVarint(b, m.Time)
	b = binary.AppendUvarint(b, uint64(len(m.Hashes)))
	for _, h := range m.Hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	b = appendInts(binary.AppendUvarint(b, uint64(len(m.Counts))), m.Counts)
	b = appendInts(binary.AppendUvarint(b, uint64(len(m.Ahead))), m.Ahead)
	b = binary.AppendVarint(b, m.More)
	return binary.AppendVarint(b, m.Top)
}

func appendInts(b []byte, numbers []int64) []byte {
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// reader takes numbers from the front of a body. Once there is none where one
// must be, it is bad and gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) position() (p logs.Position) {
	p.File = r.file()
	for s := range p.Newest {
		p.Newest[s] = r.newest()
	}
	p.Last, p.Pending, p.Drained = r.int(), r.int(), r.int()
	if len(r.rest) > 0 {
		for s := range p.Journal {
			p.Journal[s] = r.journal()
		}
	}
	return p
}

func (r *reader) journal() (j logs.JournalPosition) {
	copy(j.SeqnumID[:], r.bytes(len(j.SeqnumID)))
	copy(j.Boot[:], r.bytes(len(j.Boot)))
	j.Seqnum, j.Monotonic, j.Realtime, j.Hash = r.uint(), r.uint(), r.uint(), r.fixed()
	return j
}

func (r *reader) file() (f logs.FilePosition) {
	f.Device, f.Inode, f.Fingerprint = r.uint(), r.uint(), r.fixed()
	for s := range f.Offsets {
		f.Offsets[s] = r.int()
	}
	for s := range f.Behind {
		f.Behind[s] = r.bool()
	}
	return f
}

func (r *reader) newest() (m logs.Mark) {
	m.Time = r.int()
	for n := r.count(hashSize); n > 0; n-- {
		m.Hashes = append(m.Hashes, r.fixed())
	}
	m.Counts, m.Ahead = r.ints(), r.ints()
	m.More, m.Top = r.int(), r.int()
	return m
}

func (r *reader) ints() (numbers []int64) {
	for n := r.count(1); n > 0; n-- {
		numbers = append(numbers, r.int())
	}
	return numbers
}

// count returns how many elements of at least as many bytes follow; there is
// room for them.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > math.MaxInt32 || int(n) > len(r.rest)/size {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) fixed() uint64 {
	if b := r.bytes(hashSize); len(b) == hashSize {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) bool() bool {
	b := r.bytes(1)
	if len(b) == 0 || b[0] > 1 {
		r.fail()
		return false
	}
	return b[0] == 1
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// end tells that nothing may follow.
func (r *reader) end() {
	if len(r.rest) > 0 {
		r.fail()
	}
}

func (r *reader) fail() { r.bad, r.rest = true, nil }
