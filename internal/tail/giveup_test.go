package tail

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestGiveUp: over the bound the oldest go, over several logs; the rest is
// delivered, and what is lost is counted to the byte.
func TestGiveUp(t *testing.T) {
	for _, linked := range []bool{false, true} {
		t.Run(fmt.Sprint("linked ", linked), func(t *testing.T) {
			k := newKeeper(t, 3000, linked)
			a, b := newWriter(t), newWriter(t)
			a.maxFiles, b.maxFiles = 2, 2
			a.number(1, 10)
			b.number(1, 10)
			ra, rb := k.reader(a.live, 1, logs.Position{}), k.reader(b.live, 2, logs.Position{})
			size := fileSize(t, a.live)
			// Of the file being rotated away a half was read.
			ra.log.files[0].offset = size / 2
			unread := []int64{-size / 2}
			step := func(w *writer, r *reader, first int) {
				unread = append(unread, fileSize(t, w.live))
				w.rotate()
				w.must(r.log.Capture())
				w.number(first, first+9)
			}
			for i := range 4 {
				step(a, ra, 11+10*i)
				step(b, rb, 11+10*i)
			}
			lost := k.files
			if k.Stats().Bytes > 3000 || lost == 0 {
				t.Fatalf("%+v, %d given up", k.Stats(), lost)
			}
			for _, n := range unread[:lost+1] {
				k.unread -= n
			}
			if k.unread != 0 {
				t.Errorf("%d bytes too many given up in %d files of %v", k.unread, lost, unread)
			}
			na, nb := ra.drain(), rb.drain()
			if total := int64(len(na) + len(nb)); total != 100-10*lost {
				t.Errorf("%d lines, %d files given up", total, lost)
			}
			expect(t, na, want(51-len(na), 50))
			expect(t, nb, want(51-len(nb), 50))
			ra.deliver()
			rb.deliver()
			if got := k.Stats(); got.Bytes != 0 || (linked && got.Links != 2) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestGiveUpDuringRead: the read under way ends in peace, and its lines count.
func TestGiveUpDuringRead(t *testing.T) {
	k := newKeeper(t, 1, true)
	w := newWriter(t)
	w.maxFiles = 2
	for i := range 3000 {
		w.line(logs.Stdout, fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", 100)))
	}
	size := fileSize(t, w.live)
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	w.now++
	during := false
	progress, err := r.log.Read(r.buf, func(e logs.Entry) {
		r.emit(e)
		if during {
			return
		}
		during = true
		w.rotate() // of an empty file: nothing
		w.number(1, 2)
		w.rotate()
		w.must(r.log.Capture())
		if k.Stats().Bytes > 0 || k.files > 0 {
			t.Errorf("%+v, %d given up", k.Stats(), k.files)
		}
	})
	if err != nil || !during {
		t.Fatal(err)
	}
	if k.files != 1 || k.unread != size-int64(progress.Bytes) || r.log.Position().File.Offsets[0] != 0 {
		t.Errorf("%d files, %d bytes of %d, %d read", k.files, k.unread, size, progress.Bytes)
	}
	n := len(r.lines)
	if got := r.drain(); len(got) != n+2 {
		t.Errorf("%d lines after the gap", len(got)-n)
	}
}

// TestGapEndsLine: the parts before a gap are not joined with those behind it.
func TestGapEndsLine(t *testing.T) {
	k := newKeeper(t, 1, false)
	w := newWriter(t)
	w.maxFiles = 2
	w.line(logs.Stdout, fullPart)
	began := w.now
	r := k.reader(w.live, 1, logs.Position{})
	r.drain()
	w.line(logs.Stderr, "lost\n")
	w.rotate()
	w.must(r.log.Capture())
	w.now = began
	w.part(logs.Stdout, "end\n")
	w.rotate()
	w.must(r.log.Capture())
	w.number(1, 0)
	if k.files != 1 {
		t.Fatalf("%d given up", k.files)
	}
	at := r.log.Position()
	if at.File.Offsets != [logs.Streams]int64{} {
		t.Errorf("a place in the next file that is one in the lost file: %+v", at.File)
	}
	r.drain()
	r.log.Flush(r.emit)
	if got := r.lines; len(got) != 2 || !strings.HasSuffix(got[0], fullPart) || !strings.HasSuffix(got[1], " end") {
		t.Errorf("%.100q", got)
	}
}

// TestGiveUpTakesCompressed: while Docker has the content compressed nothing
// is lost.
func TestGiveUpTakesCompressed(t *testing.T) {
	k := newKeeper(t, 1, true)
	w := newWriter(t)
	w.maxFiles, w.compress = 4, true
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	w.number(11, 20)
	r.step()
	for i := range 3 {
		w.rotate()
		w.must(r.log.Capture())
		w.number(21+10*i, 30+10*i)
	}
	if k.files != 0 || k.Stats().Bytes > 0 {
		t.Fatalf("%d given up, %+v", k.files, k.Stats())
	}
	links := k.links(1)
	if n := slices.IndexFunc(links, func(s string) bool { return !strings.HasSuffix(s, ".gz") }); n != len(links)-1 {
		t.Errorf("links: %v", links)
	}
	expect(t, r.drain(), want(1, 50))
	r.deliver()
	if got := k.links(1); len(got) != 1 {
		t.Errorf("links: %v", got)
	}
}
