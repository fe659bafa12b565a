package tail

import (
	"bytes"
	"slices"
)

// guard is what shows whether a file is still the one that was read, or was emptied and
// filled again meanwhile. It belongs to the reader's goroutine, but for most and emptied.
type guard struct {
	// tail is what lies before the cursor, when that was read to the end of a record.
	tail []byte
	// hollow is set when what lies there is zeros, at least tailSize of them.
	hollow bool
	// ahead is where the stream that is ahead begins in a file that was read before, and
	// aheadTail what lies before that.
	ahead     int64
	aheadTail []byte
	// rested is set when the last read came to the end of the file: before the
	// next one the file may have been truncated.
	rested bool
	// most is the size that the file was seen to have.
	most int64
	// emptied is set when the file was truncated, and that nothing was seen in it since.
	emptied bool
}

// tailSize is how much of what lies before the next record is looked at again, in bytes:
// more than the time at the end of a json-file's record, and less than what comes after
// its text.
const tailSize = 48

// frameTail is the same of frames, which begin with their time: all of most.
const frameTail = 512

// shown is what the bytes before the cursor show of a file.
type shown uint8

const (
	// untouched: a record ends there, and the file was not left alone since it was read.
	untouched shown = iota
	// remembered: they are those that were there.
	remembered
	// another: they are not.
	another
	// zeroed: they are zeros, where somebody else has emptied the file and the engine
	// writes on at its old offset.
	zeroed
	// unknown: nothing was remembered. What the file begins with decides.
	unknown
	// unknownInside: likewise, but no record ends there. If the file is the same, we stand
	// inside one that is being given up.
	unknownInside
)

// shows looks at what lies before the cursor now.
func (k *guard) shows(before []byte, in format) shown {
	end := before[max(0, len(before)-in.guard()):]
	ends := len(end) == in.guard() && in.ends(end)
	switch {
	case len(k.tail) > 0 && bytes.Equal(before, k.tail):
		return remembered
	case !ends && isZero(before):
		return zeroed
	case len(k.tail) > 0:
		return another
	case !ends:
		return unknownInside
	case k.rested:
		return unknown
	}
	return untouched
}

// keep remembers the end of a chunk that was taken, if that is the end of a record.
// Decoding has left the end of a json-file's record as it was in the file; of frames
// before is a copy of the whole chunk's end.
//
// Zeros are remembered as well: the records behind them are those of the same file.
func (k *guard) keep(c *fileContent, offset int64, taken []byte, ends, whole bool, before []byte) {
	k.tail = k.tail[:0]
	size := int(c.format.tail())
	end := taken[max(0, len(taken)-size):]
	k.hollow = !ends && len(end) == size && isZero(end)
	switch {
	case k.hollow:
		k.tail = append(k.tail, end...)
	case !ends, c.compressed && len(before) > 0: // what is kept of it is what decoding has changed
	case len(before) == 0:
		k.tail = append(k.tail, end...)
	case whole:
		k.tail = append(k.tail, before...)
	default:
		k.tail = c.tailAt(offset)
	}
}

// find is keep for a file that was recognised and is not read yet. Where one
// stream is ahead of the other it remembers both places: all that is before them is
// passed over, so it must be what was read.
func (k *guard) find(c *fileContent, at *cursor) {
	if ahead := slices.Max(at.skip[:]); ahead > at.offset {
		k.ahead, k.aheadTail = ahead, c.tailAt(ahead)
	}
	tail, n := c.tailAt(at.offset), c.format.guard()
	k.keep(c, at.offset, tail, len(tail) >= n && c.format.ends(tail[len(tail)-n:]), true, nil)
}

// overHole remembers the zeros before the end of a hole.
func (k *guard) overHole(in format) {
	k.rested = false
	k.tail = append(k.tail[:0], make([]byte, in.tail())...)
}

// forget is for a place inside of something that is no record.
func (k *guard) forget() { k.tail, k.hollow = nil, false }

// changed reports whether what lies before the place that one stream is ahead at is not what
// was there, be it that there is nothing: the file was truncated, or its end was lost with
// the host's power. What replaced it, compressed, holds the same.
func (k *guard) changed(c *fileContent, offset int64) bool {
	return k.ahead > offset && !c.compressed && (k.aheadTail == nil || !bytes.Equal(k.aheadTail, c.tailAt(k.ahead)))
}

// isIn reports whether a copy has before an offset what was read there.
func (k *guard) isIn(c *generation, offset int64) bool {
	if offset == 0 {
		return true
	}
	before := make([]byte, min(offset, c.format.tail()))
	if _, err := c.data.ReadAt(before, offset-int64(len(before))); err != nil {
		return false
	}
	if len(k.tail) > 0 {
		return bytes.Equal(before, k.tail)
	}
	n := c.format.guard()
	return len(before) >= n && c.format.ends(before[len(before)-n:])
}

func isZero(p []byte) bool { return zeros(p) == len(p) }
