package locallog

import (
	"bytes"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// LengthSize is the size in bytes of the number before an entry, and of that after
	// it: its length, big-endian.
	LengthSize = 4
	// MaxEntry is the longest entry in bytes: the engine itself reads no longer one.
	MaxEntry = 1_000_000
	// MaxFrame is the longest frame in bytes.
	MaxFrame = LengthSize + MaxEntry + LengthSize
)

// entryStart is how every entry begins: with the first field, a name of six
// letters, of which both possible ones begin alike.
var entryStart = []byte("\x0a\x06std")

// Guard is the number of bytes at the end of a frame that tell its end from the
// rest of a file. It leaves out the number's first byte, which is zero, and which
// Decode may have used.
const Guard = LengthSize - 1

// IsEnd tells whether a frame may end with the Guard bytes given.
func IsEnd(guard []byte) bool {
	size := int(guard[0])<<16 | int(guard[1])<<8 | int(guard[2])
	return size > 0 && size <= MaxEntry
}

// State is what Size finds at the start of a chunk.
type State uint8

const (
	// Partial: the beginning of a frame; the rest is not there yet.
	Partial State = iota
	// Whole: a frame. Its entry may still be none.
	Whole
	// Broken: anything else.
	Broken
)

// Size returns the size of the frame that a chunk begins with; 0 unless it is
// whole.
func Size(chunk []byte) (int, State) {
	if len(chunk) < LengthSize {
		if len(chunk) > 0 && chunk[0] != 0 {
			return 0, Broken
		}
		return 0, Partial
	}
	length := binary.BigEndian.Uint32(chunk)
	if length == 0 || length > MaxEntry {
		return 0, Broken
	}
	if entry := chunk[LengthSize:]; !bytes.HasPrefix(entry, entryStart[:min(len(entry), len(entryStart))]) {
		return 0, Broken
	}
	end := LengthSize + int(length)
	if len(chunk) < end+LengthSize {
		return 0, Partial
	}
	if binary.BigEndian.Uint32(chunk[end:]) != length {
		return 0, Broken
	}
	return end + LengthSize, Whole
}

// Next returns how many bytes of a chunk lie before the first frame in it: of one
// that is whole and holds an entry, or, unless the chunk is the last of its file,
// of one that may be. Without one it is the number of bytes that no frame can
// begin in; ok is false then.
func Next(chunk []byte, last bool) (n int, ok bool) {
	var e entry
	for from := LengthSize; from < len(chunk); from++ {
		at := bytes.Index(chunk[from:], entryStart)
		if at < 0 {
			break
		}
		from += at
		frame := chunk[from-LengthSize:]
		switch size, state := Size(frame); {
		case state == Partial && !last:
			return from - LengthSize, true
		case state == Whole && e.parse(frame[LengthSize:size-LengthSize]) == nil:
			return from - LengthSize, true
		}
	}
	if last {
		return len(chunk), false
	}
	return max(0, len(chunk)-LengthSize-len(entryStart)+1), false
}

var lineFeed = []byte{'\n'}

// Decode takes the entry of a whole frame apart. It works in place: r.Text points
// into the frame, and where it ends in a line feed, that has taken the place of
// what followed.
func Decode(frame []byte, r *logs.Record) error {
	message := frame[LengthSize : len(frame)-LengthSize]
	var e entry
	if err := e.parse(message); err != nil {
		return err
	}
	r.Time, r.Text, r.ASCII = e.time, e.line, false
	r.Stream = logs.Stdout
	if e.source[3] == 'e' {
		r.Stream = logs.Stderr
	}
	r.Line, r.Ordinal = 0, 0
	if e.partial && len(e.part.id) > 0 {
		r.Line, r.Ordinal = xxhash.Sum64(e.part.id), e.part.ordinal
	}
	switch {
	case e.partial && !e.part.last:
	case len(e.line) == 0:
		r.Text = lineFeed
	default:
		// There is a byte after it: at least the number at the end of the frame.
		at := LengthSize + e.end
		frame[at] = '\n'
		r.Text = frame[at-len(e.line) : at+1]
	}
	return nil
}
