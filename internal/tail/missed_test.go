package tail

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestV4LookedWithinARotation: with two files, of which the older has just been removed and
// the newer has not been renamed yet, there is but one; that it does not follow the last
// one known is reported, and only that.
func TestV4LookedWithinARotation(t *testing.T) {
	for _, missed := range []bool{true, false} {
		w := newWriter(t)
		w.maxFiles = 2
		w.number(1, 10)
		r := openReader(t, w.live, logs.Position{})
		turn := func() {
			time.Sleep(20 * time.Millisecond) // the file system's clock is coarse
			w.rotate()
		}
		turn()
		w.number(11, 20)
		w.must(r.log.Capture())
		turn() // 1 to 10 is gone
		w.number(21, 30)
		if !missed {
			w.must(r.log.Capture())
		}
		turn()
		w.number(31, 40)
		time.Sleep(20 * time.Millisecond)
		w.must(os.Remove(w.live + ".1"))
		w.must(r.log.Capture())
		want := 0
		if missed {
			want = 1
		}
		if r.events.away != want {
			t.Errorf("%d times instead of %d", r.events.away, want)
		}
	}
}

// TestV4MissedIsToldByTheReader: the watcher's goroutine notes that files were missed, and the
// reader reads between which times: others wait for the watcher.
func TestV4MissedIsToldByTheReader(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 2
	w.number(1, 10)
	var told bytes.Buffer
	r := openReader(t, w.live, logs.Position{})
	r.log.log = slog.New(slog.NewTextHandler(&told, nil))
	for i := range 3 {
		time.Sleep(20 * time.Millisecond) // the file system's clock is coarse
		w.rotate()
		w.number(11+10*i, 20+10*i)
		if i == 0 {
			w.must(r.log.Capture())
		}
	}
	time.Sleep(20 * time.Millisecond)
	w.must(os.Remove(w.live + ".1"))
	w.must(r.log.Capture())
	if r.events.away != 1 || told.Len() > 0 {
		t.Errorf("counted %d, told at once: %s", r.events.away, told.String())
	}
	expect(t, r.drain(), append(want(1, 20), want(31, 40)...))
	after, before := stampOf(1_700_000_000_000_000_020), stampOf(1_700_000_000_000_000_031)
	if text := told.String(); strings.Count(text, "rotated away") != 1 || !strings.Contains(text, "after="+after+" before="+before) {
		t.Errorf("told %s", text)
	}
}

// TestV1CutCopyOfTheLastFile: a crash has cut the compressed copy of the file that was read,
// or is still to be read. What it holds comes once, also where it is too long to be unpacked
// while others wait.
func TestV1CutCopyOfTheLastFile(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{100, 5 * cutMost / 100} {
		for _, read := range []bool{true, false} {
			w := newWriter(t)
			w.number(1, lines)
			r := openReader(t, w.live, logs.Position{})
			if read {
				r.drain()
			}
			content := compressed(t, w.content())
			w.rotate()
			w.must(os.WriteFile(w.live+".1.gz", content[:len(content)/2], 0o640))
			w.must(os.Remove(w.live + ".1"))
			w.number(lines+1, lines+10)
			w.must(r.log.Capture())
			expect(t, r.drain(), want(1, lines+10))
		}
	}
}

// TestV1LongCopyIsNotUnpacked by the watcher's goroutine, for which others wait.
func TestV1LongCopyIsNotUnpacked(t *testing.T) {
	w := newWriter(t)
	w.number(1, 5*cutMost/100)
	content := compressed(t, w.content())
	path := w.live + ".1.gz"
	w.must(os.WriteFile(path, content[:len(content)-1], 0o640))
	g, err := openGeneration(path, formatOf(logs.JSONLines))
	w.must(err)
	t.Cleanup(func() { _ = g.close() })
	whole, err := openGeneration(w.live, formatOf(logs.JSONLines))
	w.must(err)
	t.Cleanup(func() { _ = whole.close() })
	old := &counting{File: whole.file}
	whole.data = old
	if g.cutFrom(whole) || old.read > cutMost {
		t.Errorf("%d bytes were compared", old.read)
	}
}
