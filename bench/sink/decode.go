package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// entry is one line of a push. Its memory is the request's.
type entry struct {
	nano int64
	line []byte
}

// each passes on the entries of a stream; labels is its label set as text.
type each func(labels []byte, e entry)

var errProtobuf = errors.New("cannot read push: not the protobuf message of Loki's push API")

// decodeProtobuf reads logproto.PushRequest: streams (1) of labels (1) and entries
// (2) of timestamp (1: seconds 1, nanos 2) and line (2).
func decodeProtobuf(message []byte, do each) error {
	return fields(message, func(number protowire.Number, stream []byte, _ uint64) error {
		if number != 1 {
			return nil
		}
		var labels []byte
		return fields(stream, func(number protowire.Number, value []byte, _ uint64) error {
			switch number {
			case 1:
				labels = value
			case 2:
				e, err := decodeEntry(value)
				if err != nil {
					return err
				}
				do(labels, e)
			}
			return nil
		})
	})
}

func decodeEntry(message []byte) (e entry, err error) {
	err = fields(message, func(number protowire.Number, value []byte, _ uint64) error {
		switch number {
		case 1:
			return fields(value, func(number protowire.Number, _ []byte, n uint64) error {
				if number == 1 {
					e.nano += int64(n) * int64(time.Second)
				} else {
					e.nano += int64(n)
				}
				return nil
			})
		case 2:
			e.line = value
		}
		return nil
	})
	return e, err
}

// fields calls do for each field with its content: bytes, or a number.
func fields(message []byte, do func(number protowire.Number, value []byte, n uint64) error) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return errProtobuf
		}
		message = message[size:]
		var value []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			n, size = protowire.ConsumeFixed64(message)
		default:
			size = protowire.ConsumeFieldValue(number, kind, message)
		}
		if size < 0 {
			return errProtobuf
		}
		message = message[size:]
		if err := do(number, value, n); err != nil {
			return err
		}
	}
	return nil
}

// decodeJSON reads {"streams": [{"stream": {…}, "values": [["nanoseconds", "line", …]]}]}.
func decodeJSON(message []byte, do each) error {
	var push struct {
		Streams []struct {
			Stream map[string]string
			Values [][]json.RawMessage
		}
	}
	if err := json.Unmarshal(message, &push); err != nil {
		return fmt.Errorf("cannot read push: %w", err)
	}
	for _, s := range push.Streams {
		labels := fmt.Appendf(nil, "%v", s.Stream) // sorted
		for _, v := range s.Values {
			var nano, text string
			if len(v) < 2 || json.Unmarshal(v[0], &nano) != nil || json.Unmarshal(v[1], &text) != nil {
				return errors.New("cannot read push: a value is no pair of texts")
			}
			at, err := strconv.ParseInt(nano, 10, 64)
			if err != nil {
				return fmt.Errorf("cannot read push: %w", err)
			}
			do(labels, entry{at, []byte(text)})
		}
	}
	return nil
}
