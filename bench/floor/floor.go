package floor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/s2"
)

// Stage is how far the work goes; each includes those before it.
type Stage int

// The stages.
const (
	Read Stage = iota
	Split
	Extract
	Snappy
)

var names = [...]string{"read", "split", "extract", "snappy"}

// String returns the name of the stage.
func (s Stage) String() string { return names[s] }

// Sum tells what was done, so that it can be compared and is not left out by the
// compiler.
type Sum struct {
	Bytes, Lines, Text, Packed int64
	// Times is the sum of all timestamps, without regard to overflow.
	Times int64
}

const (
	// chunkSize is read at a time: it fits the cache together with what is made of it.
	chunkSize = 256 << 10
	// requestSize is compressed at a time: a request's worth.
	requestSize = 1 << 20
)

// Worker does the work. It is used by one goroutine at a time.
type Worker struct {
	chunk, request, packed []byte
	clock                  clock
	sum                    Sum
}

// New makes a worker.
func New() *Worker {
	// A chunk's text may come on top of an almost full request.
	room := requestSize + 2*chunkSize
	return &Worker{chunk: make([]byte, chunkSize), request: make([]byte, 0, room), packed: make([]byte, s2.MaxEncodedLen(room))}
}

var errShape = errors.New("a line is not of Docker's shape")

// Run works through files up to a stage.
func (w *Worker) Run(files []string, to Stage) (Sum, error) {
	w.sum = Sum{}
	for _, path := range files {
		if err := w.file(path, to); err != nil {
			return w.sum, fmt.Errorf("cannot read %q: %w", path, err)
		}
	}
	w.ship()
	return w.sum, nil
}

func (w *Worker) file(path string, to Stage) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for offset := int64(0); ; {
		n, err := f.ReadAt(w.chunk, offset)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		taken, ok := w.work(w.chunk[:n], to)
		if !ok || taken == 0 {
			return errShape
		}
		offset += int64(taken)
		w.sum.Bytes += int64(taken)
	}
}

func (w *Worker) work(chunk []byte, to Stage) (taken int, ok bool) {
	switch to {
	case Read:
		return len(chunk), true
	case Split:
		return w.split(chunk), true
	}
	taken, ok = w.extract(chunk)
	if len(w.request) >= requestSize {
		if to == Snappy {
			w.ship()
		}
		w.request = w.request[:0]
	}
	return taken, ok
}

func (w *Worker) split(chunk []byte) (taken int) {
	for {
		n := bytes.IndexByte(chunk[taken:], '\n')
		if n < 0 {
			return taken
		}
		taken += n + 1
		w.sum.Lines++
	}
}

func (w *Worker) ship() {
	w.sum.Packed += int64(len(s2.EncodeSnappy(w.packed, w.request)))
	w.request = w.request[:0]
}

// extract appends time and text of each whole line to the request. Looking for
// the line feed is spared: the text's end shows where it is.
func (w *Worker) extract(chunk []byte) (taken int, ok bool) {
	out := w.request[len(w.request):cap(w.request)]
	start := len(w.request)
	at := 0
	for len(chunk)-taken >= minLine {
		rest := chunk[taken:]
		text, used, ok := unescape(out[at+stampSize:], rest[textAt:])
		if !ok {
			break // the end of the chunk
		}
		nano, size, ok := w.clock.tail(rest[textAt+used:])
		if size == 0 {
			break
		}
		if !ok {
			return 0, false
		}
		binary.LittleEndian.PutUint64(out[at:], uint64(nano))
		at += stampSize + text
		taken += textAt + used + size
		w.sum.Lines++
		w.sum.Times += nano
		w.sum.Text += int64(text)
	}
	w.request = w.request[:start+at]
	return taken, true
}

const (
	textAt    = len(`{"log":"`)
	stampSize = 8
	// minLine is the size of a line with an empty text and no fraction.
	minLine = textAt + tailMin
)
