// Package push reads what is pushed to a Loki.
package push

import (
	"fmt"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// Entry is one entry of a push.
type Entry struct {
	Labels string // as Loki writes them: {a="b", c="d"}
	Nanos  int64
	Line   string
}

// Decode reads the body of a request: a logproto.PushRequest, compressed with snappy. Of what
// is damaged it returns what comes before.
func Decode(body []byte) (all []Entry, err error) {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("cannot read a push: %w", err)
	}
	fields(raw, func(_ protowire.Number, stream []byte, _ uint64) {
		var labels string
		fields(stream, func(n protowire.Number, value []byte, _ uint64) {
			switch n {
			case 1:
				labels = string(value)
			case 2:
				all = append(all, entry(labels, value))
			}
		})
	})
	return all, nil
}

func entry(labels string, raw []byte) Entry {
	e := Entry{Labels: labels}
	fields(raw, func(n protowire.Number, value []byte, _ uint64) {
		switch n {
		case 1:
			fields(value, func(n protowire.Number, _ []byte, number uint64) {
				if n == 1 {
					e.Nanos += int64(number) * 1e9
				} else {
					e.Nanos += int64(number)
				}
			})
		case 2:
			e.Line = string(value)
		}
	})
	return e
}

// fields calls f with every field of a message.
func fields(b []byte, f func(n protowire.Number, value []byte, number uint64)) {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return
		}
		b = b[size:]
		var value []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			number, size = protowire.ConsumeVarint(b)
		default:
			return
		}
		if size < 0 {
			return
		}
		b = b[size:]
		f(n, value, number)
	}
}
