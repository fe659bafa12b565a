package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// The log of positions holds what was changed since a save, so that a kill does
// not cost what was acknowledged since. It is a line of text, and then changes:
//
//	lighterman-positions-log 1\n
//	length (4 bytes)   body (length bytes)   hash (8 bytes)
//
// The hash is the xxHash64 of the 8 bytes before the change, which are the hash
// of the change before it, and of the change: so a change counts only in its
// place, behind all those that were written before it. Numbers are little-endian.
const logHeader = "lighterman-positions-log 1\n"

const (
	lengthSize = 4
	hashSize   = 8
)

// The first byte of a body tells what follows.
const (
	// changeMark: the identity of the positions that hold all changes before.
	changeMark = 'm'
	// changePosition: the ID and the position of a container.
	changePosition = 'p'
	// changeRecord: a record in the form that it has in the file of positions.
	changeRecord = 'r'
	// changeForget: the ID of a container that was forgotten.
	changeForget = 'f'
)

// change is one change of the store.
type change struct {
	kind   byte
	mark   uint64 // of changeMark
	record Record // of the others; of changeForget only the ID
}

func appendMark(b []byte, identity uint64) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, changeMark)
	return seal(binary.LittleEndian.AppendUint64(b, identity), start)
}

func appendForget(b []byte, id string) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, changeForget)
	return seal(append(b, id...), start)
}

// appendChange appends what has changed of a record: all of it, or the position.
func (r *record) appendChange(b []byte, id string) []byte {
	start := len(b)
	if r.relabelled {
		return seal(r.appendLine(append(b, 0, 0, 0, 0, changeRecord)), start)
	}
	b = append(b, 0, 0, 0, 0, changePosition)
	b = binary.AppendUvarint(b, uint64(len(id)))
	return seal(appendPosition(append(b, id...), &r.position), start)
}

// seal completes the change that begins at start. Before it is a hash, or the
// header.
func seal(b []byte, start int) []byte {
	size := len(b) - start - lengthSize
	binary.LittleEndian.PutUint32(b[start:], uint32(size)) //nolint:gosec // the log is bounded
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b[start-hashSize:]))
}

// decodeLog calls visit for every sound change. Its error says why what follows
// the last of them does not count.
func decodeLog(data []byte, visit func(change)) error {
	if !bytes.HasPrefix(data, []byte(logHeader)) {
		return fmt.Errorf("its first line is not %q", logHeader[:len(logHeader)-1])
	}
	for at := len(logHeader); at < len(data); {
		body, err := bodyAt(data, at)
		if err != nil {
			return fmt.Errorf("at byte %d: %w", at, err)
		}
		c, err := decodeChange(body)
		if err != nil {
			return fmt.Errorf("at byte %d: %w", at, err)
		}
		visit(c)
		at += lengthSize + len(body) + hashSize
	}
	return nil
}

// bodyAt verifies the change at a place and returns its body.
func bodyAt(data []byte, at int) ([]byte, error) {
	rest := data[at:]
	if len(rest) < lengthSize {
		return nil, errors.New("it is cut")
	}
	size := int64(binary.LittleEndian.Uint32(rest))
	if size > int64(len(rest)-lengthSize-hashSize) {
		return nil, errors.New("it is cut")
	}
	end := at + lengthSize + int(size)
	if xxhash.Sum64(data[at-hashSize:end]) != binary.LittleEndian.Uint64(data[end:]) {
		return nil, errors.New("the checksum does not match")
	}
	return data[at+lengthSize : end], nil
}

var errChange = errors.New("it is no change that this lighterman knows")

func decodeChange(body []byte) (c change, err error) {
	if len(body) == 0 {
		return change{}, errChange
	}
	c.kind = body[0]
	in := reader{rest: body[1:]}
	switch c.kind {
	case changeMark:
		c.mark = in.fixed()
		in.end()
	case changePosition:
		c.record.ID = string(in.bytes(in.count(1)))
		c.record.Position = in.position()
		in.end()
	case changeForget:
		c.record.ID = string(in.rest)
	case changeRecord:
		if err := json.Unmarshal(in.rest, &c.record); err != nil {
			return change{}, fmt.Errorf("it is not valid: %w", err)
		}
	default:
		in.bad = true
	}
	if in.bad || c.kind != changeMark && c.record.ID == "" {
		return change{}, errChange
	}
	return c, nil
}
