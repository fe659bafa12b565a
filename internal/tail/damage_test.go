package tail

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/sparse"
)

// put writes what is no record.
func (w *writer) put(text string) {
	w.t.Helper()
	_, err := io.WriteString(w.file, text)
	w.must(err)
}

// bare writes a record of which the line feed is missing.
func (w *writer) bare(text string) {
	w.t.Helper()
	w.now++
	var b strings.Builder
	w.must(writeRecord(&b, w.now, logs.Stdout, text))
	w.put(strings.TrimSuffix(b.String(), "\n"))
}

// texts are the lines that a reader has, without their times.
func (r *reader) texts() (out []string) {
	for _, line := range r.lines {
		out = append(out, strings.SplitN(line, " ", 3)[2])
	}
	return out
}

// TestD1ZerosInLog: zeros within records and between them, of any size, cost the records
// that they are in, and are counted.
func TestD1ZerosInLog(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 47, 48, 4096, 300 << 10, 5 << 20} {
		for _, buffer := range []int{8 << 10, chunkSize} {
			t.Run(fmt.Sprint(size, " zeros, chunks of ", buffer), func(t *testing.T) {
				zeros := strings.Repeat("\x00", size)
				w := newWriter(t)
				w.number(1, 3)
				w.put(`{"log":"torn` + zeros + ` end\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}` + "\n")
				w.number(4, 5)
				w.put(`{"log":"torn` + zeros)
				w.number(6, 7)
				w.put(zeros)
				w.number(8, 9)
				w.put(zeros)
				r := openReader(t, w.live, logs.Position{})
				r.buf = NewBufferSize(buffer)
				r.drain()
				w.number(10, 11)
				w.put("\n\n")
				w.number(12, 12)
				got := r.drain()
				expect(t, r.texts(), numbered(1, 12))
				if r.events.corrupt != 2 {
					t.Errorf("%d corrupt records", r.events.corrupt)
				}
				again := openReader(t, w.live, r.saved())
				if again.drain() != nil {
					t.Errorf("after a restart again: %q", again.lines)
				}
				again = openReader(t, w.live, logs.Position{})
				again.buf = NewBufferSize(buffer)
				expect(t, again.drain(), got)
			})
		}
	}
}

func numbered(first, last int) (out []string) {
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("line %d", i))
	}
	return out
}

// TestD1AnyDamage: whatever blocks of a log are zeros, every line that comes was written,
// and every record that no zero is in comes; cut into chunks of any size alike.
func TestD1AnyDamage(t *testing.T) {
	t.Parallel()
	for seed := range rounds(40, 8) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWriter(t)
		var ends []int64
		for i := range 400 {
			w.line(logs.Stdout, fmt.Sprintf("line %d %s\n", i, strings.Repeat("é\t\"x", random.IntN(60))))
			info, err := w.file.Stat()
			w.must(err)
			ends = append(ends, info.Size())
		}
		content, err := os.ReadFile(w.live)
		w.must(err)
		whole := openReader(t, w.live, logs.Position{})
		whole.drain()
		var hurt []bool
		for range 1 + random.IntN(4) {
			at := random.IntN(len(content))
			clear(content[at:min(len(content), at+1+random.IntN(9000))])
		}
		begin := int64(0)
		for _, end := range ends {
			hurt = append(hurt, slices.Contains(content[begin:end-1], 0))
			begin = end
		}
		w.must(os.WriteFile(w.live, content, 0o640))
		for _, buffer := range []int{4 << 10, 32 << 10, chunkSize} {
			r := openReader(t, w.live, logs.Position{})
			r.buf = NewBufferSize(buffer)
			r.drain()
			r.log.Flush(r.emit)
			r.drain()
			var want []string
			for i, line := range whole.lines {
				if !hurt[i] {
					want = append(want, line)
				}
			}
			expect(t, r.lines, want)
		}
	}
}

// TestD2NoLineFeed: records that only lack their line feed come, each once, also the last
// one of a log when nothing more will be written; and what is appended right behind it.
func TestD2NoLineFeed(t *testing.T) {
	t.Parallel()
	t.Run("within", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 1)
		w.bare("line 2\n")
		w.bare("line 3\n")
		w.number(4, 4)
		w.put(`{"log":"torn`)
		w.bare("line 5\n")
		w.number(6, 6)
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		if expect(t, r.texts(), numbered(1, 6)); r.events.corrupt != 1 {
			t.Errorf("%d corrupt records", r.events.corrupt)
		}
	})
	for _, first := range []int{0, 3} {
		for _, torn := range []string{"", `{"log":"torn\n","stream":"std`} {
			t.Run(fmt.Sprint("at the end, ", first, " before, then ", torn), func(t *testing.T) {
				w := newWriter(t)
				w.number(1, first)
				w.bare(fmt.Sprintf("line %d\n", first+1))
				w.bare(fmt.Sprintf("line %d\n", first+2))
				w.put(torn)
				r := openReader(t, w.live, logs.Position{})
				r.drain()
				expect(t, r.texts(), numbered(1, first)) // it may still be written to
				for range 3 {
					r.log.Flush(r.emit)
					r.drain()
				}
				expect(t, r.texts(), numbered(1, first+2))
				restarted := openReader(t, w.live, r.saved())
				for range 3 {
					restarted.drain()
					restarted.log.Flush(restarted.emit)
				}
				if restarted.drain() != nil {
					t.Errorf("after a restart again: %q", restarted.lines)
				}
				w.number(first+3, first+4)
				for range 3 {
					r.drain()
					restarted.drain()
				}
				expect(t, r.texts(), numbered(1, first+4))
				expect(t, restarted.texts(), numbered(first+3, first+4))
				again := openReader(t, w.live, r.saved())
				if again.drain() != nil {
					t.Errorf("after another restart again: %q", again.lines)
				}
			})
		}
	}
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprint("rotated away, compressed ", compress), func(t *testing.T) {
			w := newWriter(t)
			w.compress = compress
			w.number(1, 2)
			w.bare("line 3\n")
			w.bare("line 4\n")
			w.rotate()
			w.number(5, 5)
			r := openReader(t, w.live, logs.Position{})
			r.drain()
			if expect(t, r.texts(), numbered(1, 5)); r.events.corrupt != 0 {
				t.Errorf("%d corrupt records", r.events.corrupt)
			}
		})
	}
	t.Run("not one line feed", func(t *testing.T) {
		w := newWriter(t)
		for i := 1; i <= 40_000; i++ { // more than the longest record
			w.bare(fmt.Sprintf("line %d\n", i))
		}
		info, err := w.file.Stat()
		w.must(err)
		if info.Size() < maxRecord/2 {
			t.Fatal("too short")
		}
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		r.log.Flush(r.emit)
		r.drain()
		expect(t, r.texts(), numbered(1, 40_000))
	})
}

// TestD13Hole: a hole is passed over at once, and zeros that were written a chunk at a
// time; both move the position, and what follows them comes once.
func TestD13Hole(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, first := range []int{0, 5} {
			t.Run(fmt.Sprint("format ", format, ", lines before ", first), func(t *testing.T) {
				const hole = 200 << 30
				w := newWriterIn(t, sparse.Dir(t, hole))
				w.format = format
				w.number(1, first)
				info, err := w.file.Stat()
				w.must(err)
				w.must(w.file.Truncate(info.Size() + hole))
				w.number(first+1, first+3)
				start := time.Now()
				r := openFormat(t, w.live, format, logs.Position{})
				steps := 0
				for r.step() {
					if steps++; steps == 3 { // killed within it
						at := r.saved()
						if at.File.Start() < hole {
							t.Errorf("after three steps at %d", at.File.Start())
						}
						r.log.Close()
						before := r.lines
						r = openFormat(t, w.live, format, at)
						r.lines = before
					}
				}
				r.drain()
				if expect(t, r.texts(), numbered(1, first+3)); steps > 10 || r.events.corrupt > 0 {
					t.Errorf("%d steps in %v, %d corrupt records", steps, time.Since(start), r.events.corrupt)
				}
				w.number(first+4, first+4)
				r.drain()
				expect(t, r.texts(), numbered(1, first+4))
			})
		}
	}
	t.Run("written", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 1)
		for range 64 {
			w.put(strings.Repeat("\x00", 1<<20))
		}
		w.number(2, 2)
		r := openReader(t, w.live, logs.Position{})
		for {
			p, err := r.log.Read(r.buf, r.emit)
			w.must(err)
			if p.Bytes == 0 || p.Bytes > chunkSize {
				t.Fatalf("%+v", p)
			}
			if !p.More {
				break
			}
		}
		expect(t, r.texts(), numbered(1, 2))
	})
	t.Run("up to the end", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 2)
		w.must(w.file.Truncate(40 << 30))
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		w.number(3, 4)
		r.drain()
		expect(t, r.texts(), numbered(1, 4))
	})
}

// TestD2FrameWithoutEnd: a frame of which only the second length is not all there comes,
// within a log and as the last one, once, and so does what is appended right behind it.
func TestD2FrameWithoutEnd(t *testing.T) {
	for missing := 1; missing <= 4; missing++ {
		w := newWriter(t)
		w.format = logs.Frames
		cut := func(i int) {
			w.now++
			whole := w.parts.frame(w.now, logs.Stdout, fmt.Sprintf("line %d\n", i))
			w.put(string(whole[:len(whole)-missing]))
		}
		w.number(1, 2)
		cut(3)
		w.number(4, 4)
		cut(5)
		r := openFormat(t, w.live, logs.Frames, logs.Position{})
		r.drain()
		expect(t, r.texts(), numbered(1, 4))
		for range 3 {
			r.log.Flush(r.emit)
			r.drain()
		}
		expect(t, r.texts(), numbered(1, 5))
		restarted := openFormat(t, w.live, logs.Frames, r.saved())
		for range 3 {
			restarted.drain()
			restarted.log.Flush(restarted.emit)
		}
		if restarted.drain() != nil {
			t.Errorf("after a restart again: %q", restarted.lines)
		}
		w.number(6, 7)
		for range 3 {
			r.drain()
			restarted.drain()
		}
		expect(t, r.texts(), numbered(1, 7))
		if expect(t, restarted.texts(), numbered(6, 7)); r.events.corrupt != 0 {
			t.Errorf("%d corrupt records", r.events.corrupt)
		}
	}
}

// TestD12AcrossFiles: a line without end goes on over any number of rotations. It comes
// once, no file is kept for it, and after a restart the rest of it is none.
func TestD12AcrossFiles(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format, w.maxFiles = format, 2
		open := func(from logs.Position) *reader {
			r := &reader{t: t, buf: NewBuffer()}
			l, err := Open(Config{Path: w.live, Format: format, Resume: from, Events: &r.events, MaxLine: 64 << 10})
			w.must(err)
			t.Cleanup(l.Close)
			r.log = l
			return r
		}
		w.line(logs.Stdout, "first\n")
		w.now++
		r := open(logs.Position{})
		var at logs.Position
		for range 20 {
			for range 3 {
				w.part(logs.Stdout, fullPart)
			}
			r.drain()
			if n := r.log.Files(); n > 1 || len(r.lines) > 1 && r.log.Needed() != r.log.files[0].order {
				t.Fatalf("%d files are open, %d is needed", n, r.log.Needed())
			}
			at = r.saved()
			w.rotate()
			w.must(r.log.Capture())
		}
		if len(r.lines) != 2 || r.events.cut != 1 || r.events.leftOut < 50*logs.PartSize {
			t.Fatalf("%d lines, %+v", len(r.lines), r.events)
		}
		for range 5 { // what the position speaks of is gone
			w.part(logs.Stdout, fullPart)
			w.rotate()
		}
		again := open(at)
		w.part(logs.Stdout, "end\n")
		w.line(logs.Stdout, "next\n")
		if again.drain(); len(again.lines) != 1 || !strings.HasSuffix(again.lines[0], "next") {
			t.Errorf("format %v: %d lines, %.200q", format, len(again.lines), again.lines)
		}
	}
}
