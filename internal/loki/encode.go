package loki

import (
	"encoding/binary"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// Tags of the fields, all of which have numbers below 16 and take one byte.
var (
	tagStreams   = byte(protowire.EncodeTag(1, protowire.BytesType))
	tagLabels    = byte(protowire.EncodeTag(1, protowire.BytesType))
	tagEntries   = byte(protowire.EncodeTag(2, protowire.BytesType))
	tagTimestamp = byte(protowire.EncodeTag(1, protowire.BytesType))
	tagLine      = byte(protowire.EncodeTag(2, protowire.BytesType))
	tagMetadata  = byte(protowire.EncodeTag(3, protowire.BytesType))
	tagSeconds   = byte(protowire.EncodeTag(1, protowire.VarintType))
	tagNanos     = byte(protowire.EncodeTag(2, protowire.VarintType))
)

// encoder makes push requests, compressed, in memory that is used again.
type encoder struct {
	packer
	// metadata is what all entries of the group have, and extra what each has beside that,
	// which ends at extraEnds; there are none where no entry has any.
	metadata, extra []byte
	extraEnds       []int
	// bare tells that metadata is left out.
	bare bool
}

// encode returns the compressed push request of a batch, which is valid until the
// next call.
func (e *encoder) encode(b *logs.Batch) []byte {
	e.reset()
	for _, g := range b.Groups {
		e.stream(g)
	}
	return e.finish()
}

func (e *encoder) stream(g *logs.Group) {
	labels := g.Labels.Selector(g.Stream)
	e.metadata = e.metadata[:0]
	if !e.bare {
		e.metadata = appendMetadata(e.metadata, g.Labels.Metadata)
	}
	own := e.gatherExtra(g)
	size := bytesField(len(labels))
	var at second
	start := 0
	for i, nano := range g.Times {
		metadata := len(e.metadata)
		if own {
			metadata += len(e.extraOf(i))
		}
		size += bytesField(entrySize(at.size(at.fraction(nano)), g.Ends[i]-start, metadata))
		start = g.Ends[i]
	}
	if len(e.plain)+maxHead+len(labels) > blockSize {
		e.flush()
	}
	e.plain = appendLength(e.plain, tagStreams, size)
	e.plain = appendLength(e.plain, tagLabels, len(labels))
	e.plain = append(e.plain, labels...)
	start = 0
	for i, nano := range g.Times {
		var extra []byte
		if own {
			extra = e.extraOf(i)
		}
		e.entry(&at, nano, g.Text[start:g.Ends[i]], extra)
		start = g.Ends[i]
	}
}

// gatherExtra encodes the metadata that single entries of a group have, and reports whether
// any has some. What goes with all of them has precedence over what is called the same.
func (e *encoder) gatherExtra(g *logs.Group) bool {
	e.extra, e.extraEnds = e.extra[:0], e.extraEnds[:0]
	if g.MetadataEnds == nil || e.bare {
		return false
	}
	for i := range g.Len() {
		for name, value := range g.MetadataOf(i).All() {
			if !g.Labels.HasMetadata(name) {
				e.extra = appendPair(e.extra, name, value)
			}
		}
		e.extraEnds = append(e.extraEnds, len(e.extra))
	}
	return true
}

// extraOf returns the encoded metadata that entry i alone has.
func (e *encoder) extraOf(i int) []byte {
	start := 0
	if i > 0 {
		start = e.extraEnds[i-1]
	}
	return e.extra[start:e.extraEnds[i]]
}

// maxHead is more than what an entry has besides its text and metadata, in bytes.
const maxHead = 4*binary.MaxVarintLen64 + 8

// entry appends an entry. The metadata, which is field 3, comes first, as protobuf
// allows: together with the beginning of the timestamp that is one stretch of some
// hundred bytes that all entries share, and so one match for Snappy where it would be two.
// Compressing takes 15 % less time for it, and the requests are 3 % smaller.
func (e *encoder) entry(at *second, nano int64, line, extra []byte) {
	room := maxHead + len(e.metadata) + len(line) + len(extra)
	if len(e.plain)+room > blockSize {
		e.flush()
	}
	fraction := at.fraction(nano)
	stamp := at.size(fraction)
	e.plain = slices.Grow(e.plain, room)
	out, n := e.plain[len(e.plain):len(e.plain)+room], 1
	out[0] = tagEntries
	n += putUvarint(out[n:], uint64(entrySize(stamp, len(line), len(e.metadata)+len(extra)))) //nolint:gosec // a size is not negative
	n += copy(out[n:], e.metadata)
	out[n], out[n+1], out[n+2] = tagTimestamp, byte(stamp), tagSeconds //nolint:gosec // a timestamp's size takes one byte
	n += 3
	n += copy(out[n:], at.encoded[:at.length])
	out[n] = tagNanos
	n++
	n += putUvarint(out[n:], fraction)
	out[n] = tagLine
	n++
	n += putUvarint(out[n:], uint64(len(line)))
	n += copy(out[n:], line)
	n += copy(out[n:], extra)
	e.plain = e.plain[:len(e.plain)+n]
}

// putUvarint is binary.PutUvarint, which is too large to be inlined, with the usual
// sizes of an entry first.
func putUvarint(dst []byte, v uint64) int {
	if v < 1<<14 && v >= 1<<7 {
		dst[0], dst[1] = byte(v)|0x80, byte(v>>7) //nolint:gosec // the low seven bits, and the rest
		return 2
	}
	return binary.PutUvarint(dst, v)
}

// entrySize is the size of an entry's content.
func entrySize(stamp, line, metadata int) int {
	return bytesField(stamp) + bytesField(line) + metadata
}

// second is the seconds' part of a protobuf Timestamp. Entries come in order of
// time, so most have that of the entry before.
type second struct {
	// start is the first nanosecond of it.
	start int64
	// length is that of the encoded number, 0 before the first one.
	length  int
	encoded [binary.MaxVarintLen64]byte
}

// fraction makes s the second that a time is in, and returns the nanoseconds since its
// beginning: those of a Timestamp are never negative.
func (s *second) fraction(nano int64) uint64 {
	if f := uint64(nano - s.start); f < 1e9 && s.length > 0 { //nolint:gosec // too large when it is before
		return f
	}
	return s.begin(nano)
}

func (s *second) begin(nano int64) uint64 {
	seconds := nano / 1e9
	if nano%1e9 < 0 {
		seconds--
	}
	s.start = seconds * 1e9
	s.length = binary.PutUvarint(s.encoded[:], uint64(seconds)) //nolint:gosec // negative ones are encoded as their two's complement
	return uint64(nano - s.start)                               //nolint:gosec // within a second
}

// size returns the size of a Timestamp's content.
func (s *second) size(fraction uint64) int { return 1 + s.length + 1 + varintSize(fraction) }

// varintSize is the size of a number in protobuf's and Snappy's encoding, in bytes.
func varintSize(v uint64) int { return protowire.SizeVarint(v) }

// bytesField is the size of a length-delimited field with n bytes of content.
func bytesField(n int) int { return 1 + protowire.SizeBytes(n) }

func appendLength(dst []byte, tag byte, n int) []byte {
	return protowire.AppendVarint(append(dst, tag), uint64(n)) //nolint:gosec // a length is not negative
}

// appendMetadata encodes the structured metadata that all entries of a group share.
func appendMetadata(dst []byte, pairs []logs.Label) []byte {
	for _, p := range pairs {
		dst = appendPair(dst, p.Name, strings.ToValidUTF8(p.Value, "\ufffd"))
	}
	return dst
}

// appendPair encodes a name and a value of structured metadata.
func appendPair[T string | []byte](dst []byte, name, value T) []byte {
	dst = appendLength(dst, tagMetadata, bytesField(len(name))+bytesField(len(value)))
	dst = append(appendLength(dst, 1<<3|byte(protowire.BytesType), len(name)), name...)
	return append(appendLength(dst, 2<<3|byte(protowire.BytesType), len(value)), value...)
}
