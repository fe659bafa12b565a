package tail

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// frame is a record as the local driver writes it, with its line feed cut off. A
// part has the name of its line and its place there.
func frame(at int64, stream logs.Stream, text, line string, ordinal int) []byte {
	partial := line != ""
	whole := len(text) > 0 && text[len(text)-1] == '\n'
	if whole {
		text = text[:len(text)-1]
	}
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, stream.String())
	m = protowire.AppendTag(m, 2, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(at))
	if text != "" {
		m = protowire.AppendTag(m, 3, protowire.BytesType)
		m = protowire.AppendString(m, text)
	}
	if partial {
		var p []byte
		if whole {
			p = protowire.AppendTag(p, 1, protowire.VarintType)
			p = protowire.AppendVarint(p, 1)
		}
		p = protowire.AppendTag(p, 2, protowire.BytesType)
		p = protowire.AppendString(p, line)
		p = protowire.AppendTag(p, 3, protowire.VarintType)
		p = protowire.AppendVarint(p, uint64(ordinal))
		m = protowire.AppendTag(m, 4, protowire.VarintType)
		m = protowire.AppendVarint(m, 1)
		m = protowire.AppendTag(m, 5, protowire.BytesType)
		m = protowire.AppendBytes(m, p)
	}
	if len(m) > math.MaxUint32 {
		panic("too long")
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(m)))
	return binary.BigEndian.AppendUint32(append(out, m...), uint32(len(m)))
}

// parts numbers the parts of lines, as the engine does.
type parts [logs.Streams]struct {
	at      int64
	ordinal int
}

// frame is the next record of a stream. A record with the time of one without line
// feed before it belongs to the same line.
func (p *parts) frame(at int64, stream logs.Stream, text string) []byte {
	open := &p[stream]
	whole := len(text) > 0 && text[len(text)-1] == '\n'
	if open.ordinal > 0 && open.at != at {
		open.ordinal = 0
	}
	if whole && open.ordinal == 0 {
		return frame(at, stream, text, "", 0)
	}
	open.at = at
	open.ordinal++
	out := frame(at, stream, text, fmt.Sprintf("%064x", at), open.ordinal)
	if whole {
		open.ordinal = 0
	}
	return out
}

// TestTornFrameAtTheEnd: a frame was torn by a full disk, and those written behind it lie
// within the length that it announces. They are read when no more can come: not before,
// as the rest of a long one may be on its way; and once.
func TestTornFrameAtTheEnd(t *testing.T) {
	for _, first := range []int{0, 1} {
		for _, behind := range []int{0, 3} {
			t.Run(fmt.Sprint(first, " before, ", behind, " behind"), func(t *testing.T) { testTornFrame(t, first, behind) })
		}
	}
}

func testTornFrame(t *testing.T, first, behind int) {
	w := newWriter(t)
	w.format = logs.Frames
	for range first {
		w.line(logs.Stdout, "first\n")
	}
	torn := frame(w.now+1, logs.Stdout, strings.Repeat("x", logs.PartSize), "line", 1)
	_, err := w.file.Write(torn[:4096])
	w.must(err)
	w.now++
	for range behind {
		w.line(logs.Stdout, "behind\n")
	}
	r := openFormat(t, w.live, logs.Frames, logs.Position{})
	if r.drain(); len(r.lines) != first || r.log.Held().Rest == 0 {
		t.Fatalf("%q, held %+v", r.lines, r.log.Held())
	}
	if !r.log.Flush(r.emit) {
		t.Fatal("nothing more to read")
	}
	for range 3 {
		if r.drain(); len(r.lines) != first+behind || r.log.Held() != (logs.Held{}) || r.log.Flush(r.emit) {
			t.Fatalf("%q, held %+v", r.lines, r.log.Held())
		}
	}
	at := r.saved()
	again := openFormat(t, w.live, logs.Frames, at)
	again.drain()
	if again.log.Flush(again.emit); again.drain() != nil {
		t.Errorf("after a restart again: %q", again.lines)
	}
	// The container is started again, and writes: a little, then beyond the torn frame's
	// length.
	more := 0
	for _, lines := range []int{1, 1, 500} {
		for range lines {
			w.line(logs.Stdout, "again, and again\n")
		}
		more += lines
		for range 3 {
			if r.drain(); len(r.lines) != first+behind+more {
				t.Fatalf("%d lines, want %d", len(r.lines), first+behind+more)
			}
		}
	}
	for range 3 {
		if r.drain(); len(r.lines) != first+behind+more || r.events.corrupt != 1 {
			t.Fatalf("%d lines, %d corrupt records", len(r.lines), r.events.corrupt)
		}
	}
	again = openFormat(t, w.live, logs.Frames, r.saved())
	if again.drain() != nil {
		t.Errorf("after another restart again: %q", again.lines)
	}
}
