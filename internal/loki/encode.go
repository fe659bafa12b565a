package loki

import (
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

// appendRequest appends the encoded push request of a batch.
func appendRequest(dst []byte, b *logs.Batch) []byte {
	for _, g := range b.Groups {
		dst = appendStream(dst, g)
	}
	return dst
}

func appendStream(dst []byte, g *logs.Group) []byte {
	labels := streamLabels(g.Labels, g.Stream)
	metadata := appendMetadata(nil, g.Labels.Metadata)
	size := bytesField(len(labels))
	for i := range g.Len() {
		size += bytesField(entrySize(g, i, metadata))
	}
	dst = slices.Grow(dst, bytesField(size))
	dst = appendLength(dst, tagStreams, size)
	dst = appendLength(dst, tagLabels, len(labels))
	dst = append(dst, labels...)
	for i := range g.Len() {
		dst = appendEntry(dst, g, i, metadata)
	}
	return dst
}

func appendEntry(dst []byte, g *logs.Group, i int, metadata []byte) []byte {
	line := g.Line(i)
	dst = appendLength(dst, tagEntries, entrySize(g, i, metadata))
	seconds, nanos := split(g.Times[i])
	dst = appendLength(dst, tagTimestamp, timestampSize(g.Times[i]))
	dst = protowire.AppendVarint(append(dst, tagSeconds), seconds)
	dst = protowire.AppendVarint(append(dst, tagNanos), nanos)
	dst = appendLength(dst, tagLine, len(line))
	dst = append(dst, line...)
	return append(dst, metadata...)
}

func entrySize(g *logs.Group, i int, metadata []byte) int {
	return bytesField(timestampSize(g.Times[i])) + bytesField(len(g.Line(i))) + len(metadata)
}

func timestampSize(nano int64) int {
	seconds, nanos := split(nano)
	return 1 + protowire.SizeVarint(seconds) + 1 + protowire.SizeVarint(nanos)
}

// split makes a protobuf Timestamp: nanos are never negative.
func split(nano int64) (seconds, nanos uint64) {
	s, n := nano/1e9, nano%1e9
	if n < 0 {
		s, n = s-1, n+1e9
	}
	return uint64(s), uint64(n) //nolint:gosec // negative seconds are encoded as their two's complement
}

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
