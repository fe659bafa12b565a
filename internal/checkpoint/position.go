package checkpoint

import (
	"encoding/binary"

	"github.com/lighterman/lighterman/internal/logs"
)

// coder writes values behind each other, or reads them in the same order: what a position
// consists of is said once, for both. A position is written with every push, and JSON
// would cost twenty times as much.
type coder struct {
	b       []byte // what was written, or is to be read
	reading bool
	bad     bool // something could not be read
}

// position takes all fields of a position. New ones go to the end: where there is nothing
// more to read, they are zero.
func (c *coder) position(p *logs.Position) {
	for _, field := range [...]any{
		&p.File.Device, &p.File.Inode, &p.File.Made, &p.File.Fingerprint,
		&p.File.Offsets[0], &p.File.Offsets[1], &p.File.Behind[0], &p.File.Behind[1],
		&p.Newest[0].Time, &p.Newest[0].Hashes, &p.Newest[0].Counts, &p.Newest[0].At, &p.Newest[0].Sent, &p.Newest[0].Ahead, &p.Newest[0].More, &p.Newest[0].Top, &p.Newest[0].Span,
		&p.Newest[1].Time, &p.Newest[1].Hashes, &p.Newest[1].Counts, &p.Newest[1].At, &p.Newest[1].Sent, &p.Newest[1].Ahead, &p.Newest[1].More, &p.Newest[1].Top, &p.Newest[1].Span,
		&p.Last, &p.Pending, &p.Drained, &p.Since,
		&p.Opened.Device, &p.Opened.Inode, &p.Opened.Fingerprint, &p.Opened.Offset,
		&p.Seen.Known, &p.Seen.Time, &p.Seen.Hash, &p.Seen.Past, &p.Seen.Ahead,
		&p.Rest[0].Time, &p.Rest[0].Line, &p.Rest[0].Ordinal, &p.Rest[1].Time, &p.Rest[1].Line, &p.Rest[1].Ordinal,
		&p.Stages[0], &p.Stages[1],
	} {
		c.field(field)
	}
	plain := p.Plain != logs.PlainPosition{}
	if !c.reading && p.Journal == [logs.Streams]logs.JournalPosition{} && !plain {
		return
	}
	for s := range p.Journal {
		j := &p.Journal[s]
		for _, field := range [...]any{&j.SeqnumID, &j.Boot, &j.Seqnum, &j.Monotonic, &j.Realtime, &j.Hash} {
			c.field(field)
		}
	}
	if !c.reading && !plain {
		return
	}
	c.int(&p.Plain.Head)
	c.field(&p.Plain.Steps)
	c.uint(&p.Plain.Tail)
	c.uint(&p.Plain.Span)
	c.uint(&p.Plain.Epoch)
}

func (c *coder) field(field any) {
	switch v := field.(type) {
	case *uint64:
		c.uint(v)
	case *int64:
		c.int(v)
	case *int32:
		n := int64(*v)
		c.int(&n)
		*v = int32(n) //nolint:gosec // it was one
	case *bool:
		n := int64(0)
		if *v {
			n = 1
		}
		c.int(&n)
		*v = n != 0
	case *[]byte:
		switch {
		case !c.reading:
			c.b = appendBlock(c.b, *v)
		case len(c.b) > 0:
			*v = append([]byte(nil), c.block()...)
		}
	case *string:
		text := []byte(*v)
		c.field(&text)
		*v = string(text)
	case *[]uint64:
		*v = list(c, *v)
		for i := range *v {
			c.uint(&(*v)[i])
		}
	case *[]int64:
		*v = list(c, *v)
		for i := range *v {
			c.int(&(*v)[i])
		}
	case *logs.ID128:
		high, low := binary.BigEndian.Uint64(v[:]), binary.BigEndian.Uint64(v[8:])
		c.uint(&high)
		c.uint(&low)
		binary.BigEndian.PutUint64(v[:], high)
		binary.BigEndian.PutUint64(v[8:], low)
	}
}

// list takes the length of a list and, for one that is read, makes the elements.
func list[T any](c *coder, of []T) []T {
	n := uint64(len(of))
	if c.uint(&n); !c.reading {
		return of
	}
	if n > uint64(len(c.b)) {
		c.fail()
	}
	if n == 0 || c.bad {
		return nil
	}
	return make([]T, n)
}

func (c *coder) uint(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	var n int
	*v, n = binary.Uvarint(c.b)
	c.skip(n)
}

func (c *coder) int(v *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	var n int
	*v, n = binary.Varint(c.b)
	c.skip(n)
}

// skip goes past a number of n bytes, of which there are none where nothing is left.
func (c *coder) skip(n int) {
	if n < 0 || n == 0 && len(c.b) > 0 {
		c.fail()
		return
	}
	c.b = c.b[n:]
}

// block reads what its length precedes.
func (c *coder) block() []byte {
	n := uint64(0)
	if len(c.b) == 0 {
		c.bad = true
	}
	if c.uint(&n); n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func appendBlock(b, block []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(block))), block...)
}

func (c *coder) fail() { c.bad, c.b = true, nil }
