package tail

import (
	"encoding/binary"
	"io"

	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// Docker does not sync what it writes, so when the host's power fails, the end of a
// log that was read, and handed over, may be gone from its file; and the engine writes on
// where the file ends now.

// lostWithPower is how much older than the newest entry handed over the newest record of
// a file may be that has lost its end, in nanoseconds. What is older yet may have been
// written since, by a host whose clock is behind.
const lostWithPower = 5 * 60 * 1e9

// resumeAt begins a file that was recognised where it was left, and returns of which
// streams entries that were handed over may come again.
func (g *generation) resumeAt(from logs.Position) (behind [logs.Streams]bool) {
	g.offset, g.skip = from.File.Start(), from.File.Offsets
	g.rested = !g.compressed // it may be truncated before it is read
	size, ok := g.length()
	switch {
	case !ok, size >= g.offset && !g.rewritten(from):
		g.findTails()
		return from.File.Behind
	case size < g.offset && !g.recent(size, from):
		// All of it is sent again: Loki has what it has.
	default:
		// Where the old ends and the new begins only the times tell.
		behind = [logs.Streams]bool{true, true}
	}
	g.offset, g.skip = 0, [logs.Streams]int64{}
	return behind
}

// length is the size of a file that is not compressed; not ok when it is, or cannot be
// told.
func (g *generation) length() (size int64, ok bool) {
	if g.compressed {
		return 0, false
	}
	info, err := g.file.Stat()
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}

// recent tells whether the last record of a file that has lost its end is about as new
// as what was handed over, or newer.
func (g *generation) recent(size int64, from logs.Position) bool {
	end := lastFrame
	if _, lines := g.format.(*jsonLines); lines {
		end = lastLine
	}
	info, err := g.file.Stat()
	if err != nil {
		return false
	}
	if info.ModTime().UnixNano() <= from.Last {
		return true // nothing was written to it since
	}
	at, err := end(g.data, size)
	if err != nil {
		return false
	}
	r, ok := g.recordBefore(at)
	return ok && r.Time >= from.Last-lostWithPower
}

// lastFrame returns the offset after the last whole frame before end, going from one to
// the next: such a file has 20 MB unless somebody has said otherwise.
func lastFrame(r io.ReaderAt, end int64) (at int64, err error) {
	var length [locallog.LengthSize]byte
	for at+int64(len(length)) <= end {
		if _, err := r.ReadAt(length[:], at); err != nil {
			return 0, err
		}
		size := int64(binary.BigEndian.Uint32(length[:]))
		if size == 0 || size > locallog.MaxEntry || at+size+2*int64(len(length)) > end {
			break
		}
		at += size + 2*int64(len(length))
	}
	return at, nil
}

// rewritten tells that what lies before the place where a file was left is not what was
// read: no record ends there, or one that is newer than all that was handed over.
func (g *generation) rewritten(from logs.Position) bool {
	if from.Last == 0 {
		return false // nothing was handed over: reading begins there because it was told to
	}
	for _, end := range from.File.Offsets {
		if end == 0 {
			continue
		}
		if _, ok := g.format.last(g.data, end); !ok {
			return true
		}
		// What was no record was passed over when it was read; and of the stream that
		// is behind, lines were read that were not handed over.
		r, ok := g.recordBefore(end)
		if ok && from.File.Offsets[r.Stream] >= end && r.Time > from.Newest[r.Stream].Time {
			return true
		}
	}
	return false
}

// recordBefore decodes the record that ends at an offset. Its text is not kept.
func (g *generation) recordBefore(end int64) (r logs.Record, ok bool) {
	start, ok := g.format.last(g.data, end)
	if !ok || start == 0 {
		return logs.Record{}, false
	}
	text := make([]byte, end-start)
	if _, err := g.data.ReadAt(text, start); err != nil {
		return logs.Record{}, false
	}
	of := logs.Frames
	if _, lines := g.format.(*jsonLines); lines {
		of = logs.JSONLines
	}
	_, what := formatOf(of).next(text, final, &r)
	r.Text = nil
	return r, what == record
}
