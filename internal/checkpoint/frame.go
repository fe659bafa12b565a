package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// A file of positions is a line of text, and then frames:
//
//	lighterman-positions 2\n
//	length of the frame   number   changes   hash
//
// The first frame has all records, and each of the others what was changed since the one
// before. The hash is the xxHash64 of what is before it in the frame. Numbers grow from
// frame to frame, also from file to file, so a frame counts only in its place. All three
// numbers have 8 bytes and are little-endian. The line of text keeps its form in all
// versions.
const (
	formatName    = "lighterman-positions "
	formatVersion = 2
	wordSize      = 8
	frameHead     = 2 * wordSize
	frameSize     = frameHead + wordSize // without the changes
)

// The kinds of changes. An ID follows, then what is named here, each with its length.
const (
	changeRecord   = 'r' // position, labels
	changePosition = 'p' // position
	changeForget   = 'f' // nothing: the container was forgotten
	changeSpans    = 's' // spans, which come after those that there are
)

// versionError says that a file was written by a newer lighterman: it is sound, and must
// not be replaced.
type versionError struct{ version uint64 }

func (e *versionError) Error() string {
	return fmt.Sprintf("it has format version %d and this lighterman understands version %d only: "+
		"run the newer lighterman again, or move the file away to begin without positions", e.version, formatVersion)
}

var header = []byte(formatName + strconv.Itoa(formatVersion) + "\n")

// beginFrame appends the head of a frame; the changes follow, and seal completes it.
func beginFrame(b []byte, number uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, make([]byte, wordSize)...), number)
}

// seal completes the frame that begins at start.
func seal(b []byte, start int) []byte {
	binary.LittleEndian.PutUint64(b[start:], uint64(len(b)-start+wordSize)) //nolint:gosec // it is not negative
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b[start:]))
}

// contents is what a file has.
type contents struct {
	records map[string]*record // nil when not even the first frame is sound
	number  uint64             // of the last sound frame
	problem error              // why what follows it does not count; nil when nothing follows
}

// decode reads a file.
func decode(data []byte) (c contents) {
	rest, err := cutHeader(data)
	for err == nil && (len(rest) > 0 || c.records == nil) {
		rest, err = c.frame(rest)
	}
	if err != nil {
		c.problem = fmt.Errorf("at byte %d: %w", len(data)-len(rest), err)
	}
	return c
}

func cutHeader(data []byte) (rest []byte, err error) {
	line, rest, whole := bytes.Cut(data, []byte("\n"))
	text, ours := bytes.CutPrefix(line, []byte(formatName))
	version, err := strconv.ParseUint(string(text), 10, 32)
	switch {
	case !whole || !ours || err != nil:
		return data, fmt.Errorf("its first line is not %q", bytes.TrimSpace(header))
	case version > formatVersion:
		return data, &versionError{version}
	case version < formatVersion:
		return data, fmt.Errorf("it has format version %d, which was never released", version)
	}
	return rest, nil
}

var (
	errCut   = errors.New("it is cut or was changed")
	errOrder = errors.New("a frame is out of order")
	errForm  = errors.New("there is a change that this lighterman does not know")
)

// frame applies the frame that data begins with and returns what follows it.
func (c *contents) frame(data []byte) (rest []byte, err error) {
	if len(data) < frameSize {
		return data, errCut
	}
	size := binary.LittleEndian.Uint64(data)
	if size < frameSize || size > uint64(len(data)) {
		return data, errCut
	}
	frame, rest := data[:size], data[size:]
	body := frame[:size-wordSize]
	if xxhash.Sum64(body) != binary.LittleEndian.Uint64(frame[size-wordSize:]) {
		return data, errCut
	}
	number := binary.LittleEndian.Uint64(frame[wordSize:])
	if number <= c.number {
		return data, errOrder
	}
	records := c.records
	if records == nil {
		records = make(map[string]*record)
	}
	if err := apply(records, body[frameHead:]); err != nil {
		return data, err
	}
	c.records, c.number = records, number
	return rest, nil
}

// apply makes the changes of a frame.
func apply(records map[string]*record, changes []byte) error {
	in := coder{b: changes, reading: true}
	for len(in.b) > 0 {
		kind := in.b[0]
		in.b = in.b[1:]
		id := string(in.block())
		r := records[id]
		switch {
		case in.bad || id == "":
			return errForm
		case kind == changeForget:
			delete(records, id)
			continue
		case kind == changeSpans && r != nil:
			if err := r.readSpans(&in); err != nil {
				return err
			}
			continue
		case kind != changeRecord && kind != changePosition:
			return errForm
		case r == nil || kind == changeRecord:
			r = &record{}
		}
		if err := r.read(&in, kind == changeRecord); err != nil {
			return err
		}
		records[id] = r
	}
	return nil
}
