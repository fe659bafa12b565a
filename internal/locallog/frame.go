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

// Unended returns the size of what a chunk begins with, if that is a frame whose entry is
// whole and of whose second length some bytes are missing, or all, as a full disk leaves it.
// Behind it there is a frame, or nothing, and the chunk is the last of its file. What looks
// like an entry may be made of a torn one and the frames behind it, but then these are
// within it. Partial tells that more has to be there to decide.
func Unended(chunk []byte, last bool) (int, State) {
	if len(chunk) < LengthSize+len(entryStart) {
		return 0, Broken
	}
	length := binary.BigEndian.Uint32(chunk)
	if length > MaxEntry || int(length) > len(chunk)-LengthSize {
		return 0, Broken
	}
	end := LengthSize + int(length)
	message := chunk[LengthSize:end]
	var e entry
	if !bytes.HasPrefix(message, entryStart) || e.parse(message) != nil {
		return 0, Broken
	}
	if _, ok := Next(message, true); ok {
		return 0, Broken
	}
	for n := LengthSize - 1; n >= 0; n-- {
		if !bytes.HasPrefix(chunk[end:], chunk[:n]) {
			continue
		}
		behind := chunk[end+n:]
		if len(behind) == 0 && last {
			return end + n, Whole
		}
		size, state := Size(behind)
		if state == Partial && len(behind) > 0 && !last {
			return 0, Partial
		}
		if state == Whole && e.parse(behind[LengthSize:size-LengthSize]) == nil {
			return end + n, Whole
		}
	}
	return 0, Broken
}

// Headless tells that a chunk begins with an entry whose first length lies before it: that
// was taken for the second length of the frame before, which had lost its own. No frame
// begins so, as that would be a length beyond MaxEntry.
func Headless(chunk []byte) bool { return bytes.HasPrefix(chunk, entryStart) }

// Overlaps tells that what is taken for the second length of the frame that a chunk begins
// with is the first one of another, of the same length: its own is missing.
func Overlaps(chunk []byte, size int) bool {
	behind := chunk[size-LengthSize:]
	var e entry
	n, state := Size(behind)
	return state == Whole && e.parse(behind[LengthSize:n-LengthSize]) == nil
}

// DecodeUnended is Decode for what Unended has found. It leaves it as it is.
func DecodeUnended(chunk []byte, r *logs.Record) error {
	end := LengthSize + int(binary.BigEndian.Uint32(chunk))
	return Decode(append(bytes.Clone(chunk[:end]), chunk[:LengthSize]...), r)
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
