package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/lighterman/lighterman/internal/logs"
)

// headerSize is the size of a frame's header: the stream, three zeros, and the
// payload's size as a big-endian 32-bit number.
const headerSize = 8

// stampSize is the size of the timestamp before every record, with the space
// after it. The API, unlike the file, always writes nine digits of fraction.
const stampSize = len("2006-01-02T15:04:05.000000000Z ")

// What the first byte of a frame's header means.
const (
	frameStdin = iota
	frameStdout
	frameStderr
	frameError
)

// frame takes the first frame of buf apart. One frame is one record: joining
// payloads before the timestamps are stripped would leave those of all parts
// but the first within the text.
func (r *Reader) frame(buf []byte) (logs.Record, int, error) {
	if len(buf) < headerSize {
		return logs.Record{}, 0, errMore
	}
	kind, announced := buf[0], binary.BigEndian.Uint32(buf[4:headerSize])
	size := int(announced)
	if kind > frameError || buf[1]|buf[2]|buf[3] != 0 || announced > math.MaxInt32 {
		return logs.Record{}, 0, fmt.Errorf("cannot read log stream: no frame starts with % x", buf[:headerSize])
	}
	oversize := max(0, size-maxFrame)
	size -= oversize
	if len(buf) < headerSize+size {
		return logs.Record{}, 0, errMore
	}
	payload := buf[headerSize : headerSize+size]
	if kind == frameError {
		return logs.Record{}, 0, fmt.Errorf("cannot read log stream: the engine says %.200q", bytes.TrimSpace(payload))
	}
	if oversize > 0 {
		return r.oversized(kind, buf, oversize)
	}
	return r.record(kind, payload), headerSize + size, nil
}

// oversized keeps the beginning of a record that is too long for any driver,
// and makes the rest be dropped as it arrives.
func (r *Reader) oversized(kind byte, buf []byte, oversize int) (logs.Record, int, error) {
	record := r.record(kind, buf[headerSize:headerSize+maxFrame])
	if len(record.Text) > 0 {
		record.Text[len(record.Text)-1] = '\n'
	}
	here := min(oversize, len(buf)-headerSize-maxFrame)
	r.skip = oversize - here
	return record, headerSize + maxFrame + here, nil
}

// record splits a payload into timestamp and text. What has no timestamp is no
// record: its time is 0.
func (r *Reader) record(kind byte, payload []byte) logs.Record {
	record := logs.Record{Stream: logs.Stdout}
	if kind == frameStderr {
		record.Stream = logs.Stderr
	}
	if len(payload) < stampSize || payload[stampSize-1] != ' ' {
		return logs.Record{}
	}
	if time, ok := r.clock.Parse(payload[:stampSize-1]); ok {
		record.Time, record.Text = time, payload[stampSize:]
	}
	return record
}
