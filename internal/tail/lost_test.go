package tail

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestPowerCut: the end of a file that was read is lost with the host's power, and the
// engine writes on where the file ends now. What it writes is delivered, all of it and,
// unless the clock is behind, nothing else, be the file shorter still than it was or longer.
func TestPowerCut(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, test := range []struct {
			name string
			torn int64 // bytes of the last record that is left
			back bool  // whether the clock is behind, as of a host without one
			more int   // lines written after the cut
		}{
			{"nothing since", 0, false, 0},
			{"shorter", 0, false, 3},
			{"shorter, the clock is behind", 0, true, 3},
			{"shorter, torn", 20, false, 0},
			{"longer", 0, false, 300},
			{"longer by a little", 0, false, 101},
		} {
			t.Run(fmt.Sprint(format, " ", test.name), func(t *testing.T) {
				w := newWriter(t)
				w.format = format
				lines := func(text string, n int) {
					for i := range n {
						w.now += 1_000_003
						w.line(logs.Stream(i%2), fmt.Sprintf("%s %03d\n", text, i))
					}
				}
				lines("old", 900)
				cut, err := w.file.Stat()
				w.must(err)
				lines("lost", 100)
				r := openFormat(t, w.live, format, logs.Position{})
				if r.drain(); len(r.lines) != 1000 {
					t.Fatalf("%d lines", len(r.lines))
				}
				at := r.saved()
				r.log.Close()
				w.must(os.Truncate(w.live, cut.Size()+test.torn))
				w.now += 1_000_000_000_000
				if test.back {
					w.now -= 2_000_000_000_000
				}
				lines("new", test.more)
				r = openFormat(t, w.live, format, at)
				r.drain()
				fresh := 0
				for _, l := range r.lines {
					if test.back && strings.Contains(l, "old ") {
						continue // nothing tells it from what is new
					}
					if !strings.Contains(l, "new ") {
						t.Errorf("again: %s", l)
					} else {
						fresh++
					}
				}
				if fresh != test.more {
					t.Errorf("%d of %d new lines", fresh, test.more)
				}
			})
		}
	}
}

// TestPowerCutAhead: one stream had a long line begun, the other was read on from there.
func TestPowerCutAhead(t *testing.T) {
	w := newWriter(t)
	part := strings.Repeat("x", logs.PartSize)
	lines := func(text string, n int) {
		for i := range n {
			w.now += 1_000_003
			w.line(logs.Stderr, fmt.Sprintf("%s %03d\n", text, i))
		}
	}
	lines("old", 50)
	w.now += 1_000_003
	w.part(logs.Stdout, part)
	cut, err := w.file.Stat()
	w.must(err)
	lines("lost", 100)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	r.log.Close()
	if at.Pending == 0 || at.File.Offsets[logs.Stderr] <= cut.Size() {
		t.Fatalf("%+v", at)
	}
	w.must(os.Truncate(w.live, cut.Size()))
	w.now += 1_000_000_000_000
	lines("new", 300)
	r = openReader(t, w.live, at)
	fresh := 0
	for _, l := range r.drain() {
		if strings.Contains(l, "new ") {
			fresh++
		}
	}
	if fresh != 300 {
		t.Errorf("%d of 300 new lines", fresh)
	}
}

// TestNotRewritten: a file that was left in the middle of a long line, or after
// something that is no record, is not taken for another.
func TestNotRewritten(t *testing.T) {
	for name, end := range map[string]func(w *writer){
		"long line": func(w *writer) { w.part(logs.Stdout, strings.Repeat("x", logs.PartSize)) },
		"no record": func(w *writer) { _, err := w.file.WriteString("nonsense\n"); w.must(err) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t)
			for range 10 {
				w.now += 1_000_003
				w.line(logs.Stdout, "old\n")
			}
			w.now += 1_000_003
			end(w)
			r := openReader(t, w.live, logs.Position{})
			r.drain()
			at := r.saved()
			r.log.Close()
			if r = openReader(t, w.live, at); r.log.files[0].offset != at.File.Start() {
				t.Errorf("begins at %d, not at %d", r.log.files[0].offset, at.File.Start())
			}
		})
	}
}
