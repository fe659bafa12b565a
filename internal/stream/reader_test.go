package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

const start = 1_700_000_000_000_000_000

func stamped(at int64, text string) string {
	return time.Unix(0, start+at).UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
}

func frame(kind byte, payload string) string {
	header := make([]byte, headerSize)
	header[0] = kind
	binary.BigEndian.PutUint32(header[4:], uint32(len(payload)))
	return string(header) + payload
}

type counter struct{ corrupt, cut int }

func (c *counter) CorruptRecord() { c.corrupt++ }
func (c *counter) LineCut()       { c.cut++ }
func (c *counter) LeftOut(_ int)  {}

func (c *counter) LineSkipped(string) {}

func read(t *testing.T, body io.Reader, config Config) (lines []string, r *Reader, end error) {
	t.Helper()
	if config.Events == nil {
		config.Events = &counter{}
	}
	emit := func(e logs.Entry) {
		lines = append(lines, fmt.Sprintf("%d %s %s", e.Time-start, e.Stream, e.Line))
	}
	r = NewReader(body, config)
	for {
		if end = r.Wait(); end != nil {
			break
		}
		r.Take(emit)
	}
	if errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) {
		r.Flush(emit)
	}
	return lines, r, end
}

var full = strings.Repeat("x", logs.PartSize)

func TestFrames(t *testing.T) {
	body := frame(1, stamped(1, "one\n")) + frame(2, stamped(2, "two\n")) + frame(1, stamped(3, "\n")) +
		frame(1, stamped(4, full)) + frame(2, stamped(5, "between\n")) + frame(1, stamped(4, full)) + frame(1, stamped(4, "z\n")) +
		frame(1, stamped(6, "unfinished")) + frame(1, stamped(7, "next run\n")) + frame(1, stamped(8, full))
	want := []string{"1 stdout one", "2 stderr two", "3 stdout ", "5 stderr between", "4 stdout " + full + full + "z",
		"6 stdout unfinished", "7 stdout next run", "8 stdout " + full}
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(body), "byte by byte": iotest.OneByteReader(strings.NewReader(body)),
		"with the end": iotest.DataErrReader(strings.NewReader(body)),
	} {
		t.Run(name, func(t *testing.T) {
			lines, _, end := read(t, r, Config{})
			if !slices.Equal(lines, want) || end != io.EOF {
				t.Errorf("%v: %.200v", end, lines)
			}
		})
	}
}

// TestCut: an end within a frame, or of the connection, is not the end of the run.
func TestCut(t *testing.T) {
	whole := frame(1, stamped(1, "one\n"))
	for name, body := range map[string]io.Reader{
		"in the header":  strings.NewReader(whole + whole[:4]),
		"in the payload": strings.NewReader(whole + whole[:20]),
		"of the chunk":   io.MultiReader(strings.NewReader(whole), iotest.ErrReader(io.ErrUnexpectedEOF)),
		"reported":       strings.NewReader(whole + frame(3, "Error grabbing logs: no such file")),
		"no frame":       strings.NewReader(whole + "HTTP/1.1 500"),
	} {
		t.Run(name, func(t *testing.T) {
			lines, _, end := read(t, body, Config{})
			if len(lines) != 1 || end == nil || end == io.EOF {
				t.Errorf("%d lines, %v", len(lines), end)
			}
		})
	}
}

func TestTTY(t *testing.T) {
	lines, _, end := read(t, strings.NewReader(
		stamped(1, "hello\r\n")+stamped(2, "\r\n")+
			stamped(3, full)+stamped(3, full)+stamped(3, "z\r\n")+
			stamped(5, "it said "+stamped(4, "before\r\n"))+
			stamped(6, "no newline at end")+stamped(7, "next run\r\n")+stamped(8, "last")), Config{TTY: true})
	want := []string{"1 stdout hello\r", "2 stdout \r", "3 stdout " + full + full + "z\r",
		"5 stdout it said " + stamped(4, "before\r"), "6 stdout no newline at end", "7 stdout next run\r", "8 stdout last"}
	if !slices.Equal(lines, want) || end != io.EOF {
		t.Errorf("%v: %.300q", end, lines)
	}
}

// TestTTYReplacedBytes: bytes that are no UTF-8 make a part longer.
func TestTTYReplacedBytes(t *testing.T) {
	part := strings.Repeat("\ufffd", logs.PartSize)
	lines, _, _ := read(t, iotest.OneByteReader(strings.NewReader(
		stamped(3, part)+stamped(3, part)+stamped(3, "z\r\n"))), Config{TTY: true})
	if want := []string{"3 stdout " + part + part + "z\r"}; !slices.Equal(lines, want) {
		t.Errorf("%d lines", len(lines))
	}
}

func TestJournaldParts(t *testing.T) {
	lines, _, _ := read(t, strings.NewReader(
		frame(1, stamped(1000, full))+frame(1, stamped(2000, full))+frame(1, stamped(3000, "z\n"))), Config{TimesDiffer: true})
	if want := []string{"1000 stdout " + full + full + "z"}; !slices.Equal(lines, want) {
		t.Errorf("%d lines", len(lines))
	}
}

// TestResume reads a log up to every frame, and on from what Since asks for.
func TestResume(t *testing.T) {
	type record struct {
		at   int64
		text string
		kind byte
	}
	records := []record{{1, "a\n", 1}, {2, "b\n", 2}, {2, "B\n", 2}, {3, full, 1}, {2e9, "c\n", 2}, {3, "end\n", 1},
		{3e9, "d\n", 1}, {3e9 - 5, "late\n", 2}, {4e9, "e\n", 1}}
	body := func(from int, since int64) (out string) {
		for _, r := range records[from:] {
			if start+r.at >= since {
				out += frame(r.kind, stamped(r.at, r.text))
			}
		}
		return out
	}
	whole, _, _ := read(t, strings.NewReader(body(0, 0)), Config{})
	for cut := range records {
		head := ""
		for _, r := range records[:cut] {
			head += frame(r.kind, stamped(r.at, r.text))
		}
		lines, first, _ := read(t, io.MultiReader(strings.NewReader(head), iotest.ErrReader(io.ErrUnexpectedEOF)), Config{})
		at := first.Position()
		rest, _, _ := read(t, strings.NewReader(body(0, Since(at))), Config{Resume: at})
		if got := slices.Concat(lines, rest); !slices.Equal(got, whole) {
			t.Errorf("cut at %d:\n got %.200v\nwant %.200v", cut, got, whole)
		}
	}
}

func TestHostileFrames(t *testing.T) {
	events := &counter{}
	long := stamped(1, strings.Repeat("y", maxFrame+100)+"\n")
	lines, r, end := read(t, strings.NewReader(frame(1, "no stamp\n")+frame(1, "")+frame(1, long)+frame(1, stamped(2, "after\n"))),
		Config{Events: events})
	if len(lines) != 2 || lines[1] != "2 stdout after" || end != io.EOF || events.corrupt < 2 || events.cut != 1 {
		t.Errorf("%d lines, %v, %+v", len(lines), end, events)
	}
	if cap(r.buf) > keepBuffer {
		t.Errorf("%d bytes held", cap(r.buf))
	}
}

// TestHugeFrame: a frame may claim up to 4 GiB; no more than maxFrame of it is held,
// the rest is passed over as it arrives, and it is one cut.
func TestHugeFrame(t *testing.T) {
	const huge = 256 << 20
	events := &counter{}
	header := []byte{1, 0, 0, 0, huge >> 24, 0, 0, 0}
	body := io.MultiReader(bytes.NewReader(header), strings.NewReader(stamped(1, "")),
		io.LimitReader(repeated{}, int64(huge-stampSize)), strings.NewReader(frame(1, stamped(2, "after\n"))))
	largest := 0
	var lines []string
	r := NewReader(body, Config{Events: events, MaxLine: 256 << 10})
	for r.Wait() == nil {
		largest = max(largest, cap(r.buf))
		r.Take(func(e logs.Entry) { lines = append(lines, string(e.Line)) })
	}
	if len(lines) != 2 || lines[1] != "after" || len(lines[0]) > 256<<10 || events.cut != 1 || events.corrupt != 0 {
		t.Errorf("%d lines, %+v", len(lines), events)
	}
	if largest > maxFrame+2*readSize {
		t.Errorf("%d bytes held", largest)
	}
}

type repeated struct{}

// Read implements io.Reader.
func (repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'y'
	}
	return len(p), nil
}

// pieces is a body that comes in pieces of given sizes, less one, over and over.
type pieces struct {
	body  []byte
	sizes []byte
	next  int
}

// Read implements io.Reader.
func (p *pieces) Read(to []byte) (int, error) {
	if len(p.body) == 0 {
		return 0, io.EOF
	}
	n := min(len(to), len(p.body))
	if len(p.sizes) > 0 {
		n = min(n, 1+int(p.sizes[p.next%len(p.sizes)]))
		p.next++
	}
	copy(to, p.body[:n])
	p.body = p.body[n:]
	return n, nil
}

// FuzzReader: whatever an engine answers, and however that is split on its way, the reader
// comes to the same end with the same lines, counts and position.
func FuzzReader(f *testing.F) {
	f.Add([]byte(frame(1, stamped(1, "one\n"))), false, []byte{0})
	f.Add([]byte(stamped(1, "hello\r\n")+stamped(2, "last")), true, []byte{0, 40})
	f.Add([]byte(frame(1, stamped(1, "one\n"))+frame(1, stamped(1, "one\n"))+frame(2, stamped(1, "one\n"))), false, []byte{7, 30, 0})
	f.Add([]byte(frame(1, stamped(1, full))+frame(2, stamped(2, "two\n"))+frame(1, stamped(1, full))+frame(1, stamped(1, "end\n"))), false, []byte{255})
	f.Add([]byte(frame(1, stamped(1, "one\n"))+frame(3, "the engine reports an error")+frame(1, stamped(2, "two\n"))), false, []byte{3})
	f.Add([]byte(frame(9, "no stream")+"no frame"), false, []byte{1})
	f.Add([]byte(strings.Repeat(stamped(3, "same\n"), 5)+"no time\n"+stamped(1, "earlier\n")), true, []byte{20})
	f.Fuzz(func(t *testing.T, body []byte, tty bool, sizes []byte) {
		const most = 64 // bytes per line, so that some are cut
		type outcome struct {
			lines    []string
			position logs.Position
			events   counter
			end      string
		}
		run := func(r io.Reader) outcome {
			var events counter
			lines, reader, end := read(t, r, Config{TTY: tty, Events: &events, MaxLine: most})
			if end == nil || len(lines) > len(body) {
				t.Fatal(end, len(lines))
			}
			return outcome{lines, reader.Position(), events, end.Error()}
		}
		once, split := run(bytes.NewReader(body)), run(&pieces{body: body, sizes: sizes})
		if !reflect.DeepEqual(once, split) {
			t.Errorf("at once: %+v\nin pieces: %+v", once, split)
		}
	})
}
