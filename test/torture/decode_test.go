package torture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// record is what Docker stored at once: a line or a part of one. It is decoded
// here in the plainest way, apart from the code under test.
type record struct {
	time   int64
	stream string
	text   []byte
	// more tells that another part of the same line may follow, last that none
	// does. part names the line where the driver does.
	more bool
	part string
}

// jsonRecords reads a json-file log.
func jsonRecords(content []byte) (out []record) {
	for len(content) > 0 {
		line, rest, _ := bytes.Cut(content, []byte("\n"))
		content = rest
		var r struct {
			Log, Stream string
			Time        time.Time
		}
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		text, whole := bytes.CutSuffix([]byte(r.Log), []byte("\n"))
		out = append(out, record{time: r.Time.UnixNano(), stream: r.Stream, text: text, more: !whole && len(text) >= 16<<10})
	}
	return out
}

// frameRecords reads a log of the driver local, or a cache, which is alike.
func frameRecords(content []byte) (out []record) {
	for len(content) >= 4 {
		size := int(binary.BigEndian.Uint32(content))
		if len(content) < size+8 {
			break
		}
		if r, ok := frame(content[4 : 4+size]); ok {
			out = append(out, r)
		}
		content = content[size+8:]
	}
	return out
}

func frame(b []byte) (r record, ok bool) {
	partial, last := false, false
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return r, false
		}
		b = b[n:]
		var value uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = -1
		}
		if n < 0 {
			return r, false
		}
		b = b[n:]
		switch number {
		case 1:
			r.stream = string(data)
		case 2:
			r.time = int64(value)
		case 3:
			r.text = data
		case 4:
			partial = value != 0
		case 5:
			r.part, last = partOf(data)
		}
	}
	r.more = partial && !last
	return r, true
}

func partOf(b []byte) (id string, last bool) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return id, last
		}
		b = b[n:]
		switch {
		case number == 1 && kind == protowire.VarintType:
			value, _ := protowire.ConsumeVarint(b)
			last = value != 0
		case number == 2 && kind == protowire.BytesType:
			data, _ := protowire.ConsumeBytes(b)
			id = string(data)
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return id, last
		}
		b = b[n:]
	}
	return id, last
}
