package stream

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// maxPart is the longest text of a part: every byte of it replaced by U+FFFD.
const maxPart = 3 * logs.PartSize

// clockSkew is how far the clock of the engine may be ahead of ours.
const clockSkew = time.Second

// rawRecord takes the first record of a TTY container's body apart, which has
// no frames: records follow each other, each with its timestamp, and only the
// last part of a line ends in a line feed. Where a part ends is seen by the
// timestamp that follows.
func (r *Reader) rawRecord(buf []byte) (logs.Record, int, error) {
	if len(buf) == 0 {
		return logs.Record{}, 0, errMore
	}
	text, complete := rawText(buf, errors.Is(r.end, io.EOF) && !errors.Is(r.end, io.ErrUnexpectedEOF))
	if !complete {
		return logs.Record{}, 0, errMore
	}
	record := r.record(frameStdout, text)
	if record.Time == 0 {
		return record, len(text), nil
	}
	if end := r.recordEnd(text, record.Time); end < len(text) {
		record.Text = text[stampSize:end]
		return record, end, nil
	}
	return record, len(text), nil
}

// incomplete is the timestamp of a record of which only the beginning is buffered; 0
// where that cannot be known. A line without an end may take its time, and a program
// that shows its progress on one may never end it.
func (r *Reader) incomplete() int64 {
	rest := r.buf[r.start:]
	if !r.config.TTY || len(rest) < stampSize {
		return 0
	}
	return r.record(frameStdout, rest[:stampSize]).Time
}

// rawText returns the part of buf that the first record lies in: up to the
// first line feed, or as much as can matter to find its end.
func rawText(buf []byte, ended bool) (text []byte, complete bool) {
	if at := bytes.IndexByte(buf, '\n'); at >= 0 {
		return buf[:at+1], true
	}
	if enough := stampSize + maxPart + stampSize; len(buf) >= enough {
		return buf, true
	}
	return buf, ended
}

// recordEnd returns where in text, which begins with a record's timestamp, the
// next record begins; len(text) when it holds only one.
//
// After a full part the next one repeats the timestamp. After a line without
// line feed, which the end of a run leaves, comes one that is later. The
// program itself may print such timestamps, but only earlier ones: the engine
// stamps a line when it has read it.
func (r *Reader) recordEnd(text []byte, stamped int64) int {
	latest := time.Now().Add(clockSkew).UnixNano()
	for from := stampSize; ; {
		at := bytes.Index(text[from:], []byte("Z "))
		if at < 0 {
			break
		}
		end := from + at + len("Z ")
		from = end
		begin := end - stampSize
		if begin < stampSize {
			continue
		}
		next, ok := r.clock.Parse(text[begin : end-1])
		if !ok {
			continue
		}
		if (next > stamped && next <= latest) || (next == stamped && begin-stampSize >= logs.PartSize) {
			return begin
		}
	}
	if text[len(text)-1] != '\n' && len(text) >= stampSize+maxPart+stampSize {
		// No timestamp where one must be: not what an engine writes.
		return stampSize + maxPart
	}
	return len(text)
}
