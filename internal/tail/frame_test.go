package tail

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// frame is a record as the local driver writes it, with its line feed cut off. A
// part has the name of its line and its place there.
func frame(at int64, stream logs.Stream, text, line string, ordinal int) []byte {
	partial := line != ""
	whole := len(text) > 0 && text[len(text)-1] == '\n'
	if whole {
		text = text[:len(text)-1]
	}
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, stream.String())
	m = protowire.AppendTag(m, 2, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(at))
	if text != "" {
		m = protowire.AppendTag(m, 3, protowire.BytesType)
		m = protowire.AppendString(m, text)
	}
	if partial {
		var p []byte
		if whole {
			p = protowire.AppendTag(p, 1, protowire.VarintType)
			p = protowire.AppendVarint(p, 1)
		}
		p = protowire.AppendTag(p, 2, protowire.BytesType)
		p = protowire.AppendString(p, line)
		p = protowire.AppendTag(p, 3, protowire.VarintType)
		p = protowire.AppendVarint(p, uint64(ordinal))
		m = protowire.AppendTag(m, 4, protowire.VarintType)
		m = protowire.AppendVarint(m, 1)
		m = protowire.AppendTag(m, 5, protowire.BytesType)
		m = protowire.AppendBytes(m, p)
	}
	if len(m) > math.MaxUint32 {
		panic("too long")
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(m)))
	return binary.BigEndian.AppendUint32(append(out, m...), uint32(len(m)))
}

// parts numbers the parts of lines, as the engine does.
type parts [logs.Streams]struct {
	at      int64
	ordinal int
}

// frame is the next record of a stream. A record with the time of one without line
// feed before it belongs to the same line.
func (p *parts) frame(at int64, stream logs.Stream, text string) []byte {
	open := &p[stream]
	whole := len(text) > 0 && text[len(text)-1] == '\n'
	if open.ordinal > 0 && open.at != at {
		open.ordinal = 0
	}
	if whole && open.ordinal == 0 {
		return frame(at, stream, text, "", 0)
	}
	open.at = at
	open.ordinal++
	out := frame(at, stream, text, fmt.Sprintf("%064x", at), open.ordinal)
	if whole {
		open.ordinal = 0
	}
	return out
}
