package loki

import (
	"encoding/binary"
	"slices"
	"strconv"
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
	metadata []byte
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
	labels := streamLabels(g.Labels, g.Stream)
	e.metadata = appendMetadata(e.metadata[:0], g.Labels.Metadata)
	size := bytesField(len(labels))
	var at second
	start := 0
	for i, nano := range g.Times {
		size += bytesField(entrySize(at.size(nano), g.Ends[i]-start, len(e.metadata)))
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
		e.entry(&at, nano, g.Text[start:g.Ends[i]])
		start = g.Ends[i]
	}
}

// maxHead is more than what an entry has before its text, in bytes.
const maxHead = 4*binary.MaxVarintLen64 + 8

func (e *encoder) entry(at *second, nano int64, line []byte) {
	if len(e.plain)+maxHead+len(line)+len(e.metadata) > blockSize {
		e.flush()
	}
	stamp := at.size(nano)
	e.plain = slices.Grow(e.plain, maxHead+len(line)+len(e.metadata))
	head, n := e.plain[len(e.plain):len(e.plain)+maxHead], 1
	head[0] = tagEntries
	n += putUvarint(head[n:], uint64(entrySize(stamp, len(line), len(e.metadata)))) //nolint:gosec // a size is not negative
	head[n], head[n+1], head[n+2] = tagTimestamp, byte(stamp), tagSeconds           //nolint:gosec // a timestamp's size takes one byte
	n += 3
	n += copy(head[n:], at.encoded[:at.length])
	head[n] = tagNanos
	n++
	n += putUvarint(head[n:], uint64(nano-at.start)) //nolint:gosec // within a second
	head[n] = tagLine
	n++
	n += putUvarint(head[n:], uint64(len(line)))
	e.plain = e.plain[:len(e.plain)+n]
	e.plain = append(e.plain, line...)
	e.plain = append(e.plain, e.metadata...)
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
	start   int64
	encoded [binary.MaxVarintLen64]byte
	length  int
}

// size returns the size of a Timestamp's content, and makes s the second that it is
// in. The nanoseconds of a Timestamp are never negative.
func (s *second) size(nano int64) int {
	if s.length == 0 || nano < s.start || nano >= s.start+1e9 {
		seconds := nano / 1e9
		if nano%1e9 < 0 {
			seconds--
		}
		s.start = seconds * 1e9
		s.length = binary.PutUvarint(s.encoded[:], uint64(seconds)) //nolint:gosec // negative ones are encoded as their two's complement
	}
	return 1 + s.length + 1 + varintSize(uint64(nano-s.start)) //nolint:gosec // within a second
}

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
		value := strings.ToValidUTF8(p.Value, "\ufffd")
		dst = appendLength(dst, tagMetadata, bytesField(len(p.Name))+bytesField(len(value)))
		dst = append(appendLength(dst, 1<<3|byte(protowire.BytesType), len(p.Name)), p.Name...)
		dst = append(appendLength(dst, 2<<3|byte(protowire.BytesType), len(value)), value...)
	}
	return dst
}

// streamLabels renders a label set the way Loki writes it: {a="b", c="d"},
// sorted by name.
func streamLabels(l *logs.Labels, s logs.Stream) string {
	pairs := append(slices.Clone(l.Pairs), logs.Label{Name: "stream", Value: s.String()})
	slices.SortStableFunc(pairs, func(a, b logs.Label) int { return strings.Compare(a.Name, b.Name) })
	var out strings.Builder
	for i, p := range pairs {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(p.Name)
		out.WriteByte('=')
		out.WriteString(strconv.Quote(strings.ToValidUTF8(p.Value, "\ufffd")))
	}
	return "{" + out.String() + "}"
}
