package tail

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// format is how records lie in the files of a log.
type format interface {
	// next takes apart what a chunk begins with, and returns its size; 0 when that is not
	// known yet. It may change that much memory, and what lies behind stays as it was read:
	// it may be kept and be read on from (see gzipContent.keep).
	next(chunk []byte, at place, r *logs.Record) (int, found)
	// first returns the size of the file's beginning that ends with the first
	// whole record; 0 when there is none.
	first(head []byte) int
	// guard is the number of bytes at the end of a record by which it is known
	// to end there.
	guard() int
	// hopeless returns how many bytes of a chunk that is too long for a record, and
	// holds none, no record can begin in.
	hopeless(chunk []byte) int
	// ends reports whether such bytes can be the end of a record.
	ends(guard []byte) bool
	// last returns where the record begins that ends at an offset; not ok when none
	// ends there. A start of 0 with ok means that it is not known.
	last(content io.ReaderAt, end int64) (start int64, ok bool)
	// stamp is what every record of a time has in it, and nothing else.
	stamp(at int64) []byte
	// end returns the offset after the last whole record of the content up to size.
	end(content io.ReaderAt, size int64) (int64, error)
	// tail is how many bytes before a record's end differ from those of others, and are left as
	// they are in the file when it is decoded.
	tail() int64
	// fresh returns one of the same kind without what decoding has left in it. Whoever looks
	// at a file beside its reader takes one of its own: on the watcher's goroutine the
	// reader's would be used by both at once.
	fresh() format
}

// place says where a chunk lies.
type place uint8

const (
	// inside: it begins within something that is no record.
	inside place = 1 << iota
	// final: nothing will be written after it.
	final
	// torn: if it begins with an incomplete record, that will stay so.
	torn
	// full: the file goes on behind it.
	full
)

// behind is where what follows lies, behind what next has found.
func (p place) behind(what found) place {
	switch what {
	case hole:
		return p
	case endless:
		return p | inside
	}
	return p &^ inside
}

// found is what next has found.
type found uint8

const (
	// record is one.
	record found = iota
	// repaired is a record, and before it something that is none.
	repaired
	// corrupt is no record.
	corrupt
	// endless is no record either, and may go on after the chunk.
	endless
	// blank is nothing, and is not counted.
	blank
	// hole is zeros, which do not end what is no record.
	hole
)

// formatOf returns what reads a format; a log has its own.
func formatOf(f logs.FileFormat) format {
	if f == logs.Frames {
		return frames{}
	}
	return new(jsonLines)
}

// sniffed finds out the format of a file of which nothing is known by its beginning.
// No json-file has such a byte as every frame has.
func sniffed(content io.ReaderAt) format {
	head := make([]byte, 4<<10)
	n, _ := content.ReadAt(head, 0) // what cannot be read will fail again
	if _, ok := locallog.Next(head[:n], false); ok {
		return frames{}
	}
	return new(jsonLines)
}

// jsonLines is the format of the json-file driver.
type jsonLines struct{ decoder jsonfile.Decoder }

func (j *jsonLines) next(chunk []byte, at place, r *logs.Record) (int, found) {
	if len(chunk) > 0 && chunk[0] == 0 {
		// The hole that a truncation from outside leaves before the place where the
		// engine writes on, or blocks that a power failure left unwritten.
		return zeros(chunk), hole
	}
	line, n := chunk, len(chunk)
	feed := bytes.IndexByte(chunk, '\n')
	switch {
	case feed >= 0:
		line, n = chunk[:feed], feed+1
	case at&final != 0: // the last line feed may be missing: a full disk had no room for it
	case at&full != 0:
		return j.unended(chunk, at, r)
	default:
		return 0, blank
	}
	if len(line) == 0 {
		return n, blank
	}
	start, end, ok := 0, 0, false
	if at&inside != 0 {
		start, end, ok = j.decoder.Find(line, r)
	} else if first, last, err := j.decoder.Decode(line, r); err == nil {
		start, end, ok = first, last, true
	}
	switch {
	case !ok && feed < 0:
		return 0, blank // what is torn there is counted when the file is left
	case !ok && at&inside != 0:
		return n, blank
	case !ok:
		return n, corrupt
	case end == len(line):
		end = n
	}
	return end, whole(start, at)
}

// unended is next for a line that is longer than the chunk.
func (j *jsonLines) unended(chunk []byte, at place, r *logs.Record) (int, found) {
	// What looks like a record may be the attrs of one that goes on.
	start, end, ok := j.decoder.FindUpTo(chunk, len(chunk)-jsonfile.MaybeAttrs, r)
	switch {
	case ok:
		return end, whole(start, at)
	case end == 0 && at&inside != 0 && !jsonfile.MayBegin(chunk):
		return jsonfile.NoRecord(chunk), endless
	}
	return 0, blank
}

// whole says how a record was found that begins at start.
func whole(start int, at place) found {
	if start > 0 && at&inside == 0 {
		return repaired
	}
	return record
}

func (j *jsonLines) stamp(at int64) []byte {
	return time.Unix(0, at).UTC().AppendFormat([]byte(`"time":"`), time.RFC3339Nano+`"`)
}

func (j *jsonLines) hopeless(chunk []byte) int { return jsonfile.NoRecord(chunk) }

func (j *jsonLines) first(head []byte) int { return bytes.IndexByte(head, '\n') + 1 }

func (j *jsonLines) guard() int { return 1 }

func (j *jsonLines) last(content io.ReaderAt, end int64) (start int64, ok bool) {
	for size := int64(4 << 10); ; size = fingerprintMax {
		chunk := make([]byte, min(end, size))
		if _, err := content.ReadAt(chunk, end-int64(len(chunk))); err != nil || len(chunk) == 0 || !j.ends(chunk[len(chunk)-1:]) {
			return 0, false
		}
		if feed := bytes.LastIndexByte(chunk[:len(chunk)-1], '\n'); feed >= 0 {
			return end - int64(len(chunk)) + int64(feed) + 1, true
		}
		if size == fingerprintMax || size >= end {
			return 0, true // the file's first, or a very long one
		}
	}
}

func (j *jsonLines) end(content io.ReaderAt, size int64) (int64, error) {
	return lastLine(content, size)
}

func (j *jsonLines) tail() int64 { return tailSize }

func (j *jsonLines) fresh() format { return new(jsonLines) }

// ends takes the end of a record whose line feed is missing, too.
func (j *jsonLines) ends(guard []byte) bool { return guard[0] == '\n' || guard[0] == '}' }

// frames is the format of the local driver, and of the engine's cache.
type frames struct{}

func (frames) next(chunk []byte, at place, r *logs.Record) (int, found) {
	if len(chunk) == 0 {
		return 0, blank
	}
	size, state := locallog.Size(chunk)
	switch {
	case state == locallog.Whole:
		if size < len(chunk) && chunk[size] != 0 && locallog.Overlaps(chunk, size) && locallog.DecodeUnended(chunk, r) == nil {
			return size - locallog.LengthSize, record
		}
		if locallog.Decode(chunk[:size], r) != nil {
			return size, corrupt
		}
		return size, record
	case state == locallog.Partial && at&(final|torn) == 0:
		return 0, blank
	}
	switch n, state := locallog.Unended(chunk, at&final != 0); {
	case state == locallog.Partial:
		return 0, blank
	case state == locallog.Whole && locallog.DecodeUnended(chunk, r) == nil:
		return n, record
	}
	// A frame that will not be completed hides those that may follow it.
	from := 0
	if state == locallog.Partial {
		from = 1
	}
	n, ok := locallog.Next(chunk[from:], at&final != 0)
	n += from
	switch {
	case n == 0:
		return 0, blank
	case zeros(chunk[:n]) == n:
		return n, hole // that a truncation from outside leaves
	case !ok:
		return n, endless
	case at&inside != 0:
		return n, blank
	}
	return n, corrupt
}

func (frames) first(head []byte) int {
	n, ok := locallog.Next(head, false)
	if !ok {
		return 0
	}
	size, _ := locallog.Size(head[n:])
	if size == 0 {
		return 0
	}
	return n + size
}

func (frames) stamp(at int64) []byte {
	return binary.AppendUvarint([]byte{0x10}, uint64(at)) //nolint:gosec // as protobuf has it
}

func (frames) hopeless(chunk []byte) int { return len(chunk) }

func (frames) guard() int { return locallog.Guard }

func (frames) last(content io.ReaderAt, end int64) (start int64, ok bool) {
	var suffix [locallog.LengthSize]byte
	if end < int64(len(suffix)) {
		return 0, false
	}
	if _, err := content.ReadAt(suffix[:], end-int64(len(suffix))); err != nil {
		return 0, false
	}
	start = end - int64(binary.BigEndian.Uint32(suffix[:])) - 2*int64(len(suffix))
	if start < 0 || end-start > locallog.MaxFrame {
		return 0, false
	}
	var prefix [locallog.LengthSize]byte
	_, err := content.ReadAt(prefix[:], start)
	return start, err == nil && prefix == suffix
}

// end goes from one frame to the next: such a file has 20 MB unless somebody has said
// otherwise.
func (frames) end(content io.ReaderAt, size int64) (at int64, err error) {
	var length [locallog.LengthSize]byte
	for at+int64(len(length)) <= size {
		if _, err := content.ReadAt(length[:], at); err != nil {
			return 0, err
		}
		n := int64(binary.BigEndian.Uint32(length[:]))
		if n == 0 || n > locallog.MaxEntry || at+n+2*int64(len(length)) > size {
			break
		}
		at += n + 2*int64(len(length))
	}
	return at, nil
}

func (frames) tail() int64 { return frameTail }

func (f frames) fresh() format { return f }

func (frames) ends(guard []byte) bool { return locallog.IsEnd(guard) }

// zeros returns how many zeros a chunk begins with.
func zeros(chunk []byte) (n int) {
	var none [512]byte
	for n+len(none) <= len(chunk) && bytes.Equal(chunk[n:n+len(none)], none[:]) {
		n += len(none)
	}
	for n < len(chunk) && chunk[n] == 0 {
		n++
	}
	return n
}
