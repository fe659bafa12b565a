package locallog

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of an entry, and of what it says of a part.
const (
	fieldSource   = 1
	fieldTime     = 2
	fieldLine     = 3
	fieldPartial  = 4
	fieldMetadata = 5

	fieldLast    = 1
	fieldID      = 2
	fieldOrdinal = 3
)

// maxFields bounds the fields of an entry: it has six, and one per attribute.
const maxFields = 1000

// entry is a decoded message. Its slices point into the message.
type entry struct {
	source, line []byte
	// end is where line ends in the message.
	end     int
	time    int64
	partial bool
	part    part
}

// part is what an entry says of the part of a line that it is.
type part struct {
	id      []byte
	ordinal int32
	last    bool
}

var errNotEntry = errors.New("not an entry of the local log driver")

func malformed(what string) error { return fmt.Errorf("%w: %s", errNotEntry, what) }

// value is what a field holds: a number, or bytes that begin at an offset.
type value struct {
	kind  protowire.Type
	n     uint64
	bytes []byte
	at    int
}

// next takes the field at an offset of a message apart, and returns the offset of
// the one after it; -1 when there is none.
func next(message []byte, at int) (protowire.Number, value, int) {
	number, kind, n := protowire.ConsumeTag(message[at:])
	if n < 0 {
		return 0, value{}, -1
	}
	at += n
	v := value{kind: kind, at: at}
	switch kind {
	case protowire.VarintType:
		v.n, n = protowire.ConsumeVarint(message[at:])
	case protowire.BytesType:
		v.bytes, n = protowire.ConsumeBytes(message[at:])
		v.at += n - len(v.bytes)
	case protowire.Fixed32Type:
		_, n = protowire.ConsumeFixed32(message[at:])
	case protowire.Fixed64Type:
		_, n = protowire.ConsumeFixed64(message[at:])
	default: // groups are older than this format
		n = -1
	}
	if n < 0 {
		return 0, value{}, -1
	}
	return number, v, at + n
}

// parse decodes a message, which it leaves as it is.
func (e *entry) parse(message []byte) error {
	*e = entry{}
	for at, fields := 0, 0; at < len(message); fields++ {
		number, v, end := next(message, at)
		if end < 0 || fields == maxFields {
			return malformed("broken message")
		}
		if err := e.field(number, v); err != nil {
			return err
		}
		at = end
	}
	switch {
	case string(e.source) != "stdout" && string(e.source) != "stderr":
		return malformed("stream")
	case e.time <= 0:
		return malformed("time")
	}
	return nil
}

func (e *entry) field(number protowire.Number, v value) error {
	want := protowire.BytesType
	switch number {
	case fieldTime, fieldPartial:
		want = protowire.VarintType
	case fieldSource, fieldLine, fieldMetadata:
	default:
		return nil // of a newer engine
	}
	if v.kind != want {
		return malformed("type of field")
	}
	switch number {
	case fieldSource:
		e.source = v.bytes
	case fieldTime:
		e.time = int64(v.n) //nolint:gosec // negative ones are refused
	case fieldLine:
		e.line, e.end = v.bytes, v.at+len(v.bytes)
	case fieldPartial:
		e.partial = v.n != 0
	default:
		return e.part.parse(v.bytes)
	}
	return nil
}

func (p *part) parse(message []byte) error {
	for at, fields := 0, 0; at < len(message); fields++ {
		number, v, end := next(message, at)
		if end < 0 || fields == maxFields {
			return malformed("broken message")
		}
		switch {
		case number == fieldID && v.kind == protowire.BytesType:
			p.id = v.bytes
		case number == fieldLast && v.kind == protowire.VarintType:
			p.last = v.n != 0
		case number == fieldOrdinal && v.kind == protowire.VarintType:
			p.ordinal = int32(v.n) //nolint:gosec // negative ones are refused
		case number <= fieldOrdinal:
			return malformed("type of field")
		}
		at = end
	}
	if p.ordinal < 0 {
		return malformed("ordinal")
	}
	return nil
}
