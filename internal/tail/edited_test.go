package tail

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// edits are what operators do to a log that is being read. The engine writes on into the
// same file; each returns whether it now has another one.
var edits = map[string]func(w *writer, rng *rand.Rand) (replaced bool){
	"cut within the last record": func(w *writer, rng *rand.Rand) bool {
		size := int64(len(w.content()))
		w.must(os.Truncate(w.live, max(0, size-int64(1+rng.IntN(40)))))
		return false
	},
	"emptied": func(w *writer, _ *rand.Rand) bool {
		w.must(os.Truncate(w.live, 0))
		return false
	},
	"emptied and filled with the same": func(w *writer, _ *rand.Rand) bool {
		w.fill(w.content())
		return false
	},
	"restored in place from an older backup": func(w *writer, rng *rand.Rand) bool {
		content := w.content()
		w.fill(content[:w.ends[rng.IntN(len(w.ends))]])
		return false
	},
	"without its first record": func(w *writer, _ *rand.Rand) bool {
		if content := w.content(); len(content) > w.ends[0] {
			w.fill(content[w.ends[0]:])
		}
		return false
	},
	"replaced by its copy": func(w *writer, _ *rand.Rand) bool {
		content := w.content()
		w.must(os.WriteFile(w.live+"~", content, 0o640))
		w.must(os.Rename(w.live+"~", w.live))
		w.must(w.file.Close())
		w.reopen(os.O_APPEND)
		return true
	},
}

func (w *writer) content() []byte {
	content, err := os.ReadFile(w.live)
	w.must(err)
	return content
}

// fill puts other content into the live file, as cp does.
func (w *writer) fill(content []byte) { w.must(os.WriteFile(w.live, content, 0o640)) }

// note writes a line as the others do and remembers where it ends.
func (w *writer) noted(at int64, s logs.Stream, text string) {
	w.record(at, s, text)
	w.ends = append(w.ends, len(w.content()))
}

// some writes lines of both streams, of which some are equal to the nanosecond, and some
// are older than those of the other stream.
func (w *writer) some(rng *rand.Rand, n int) {
	for range n {
		w.now += int64(rng.IntN(3)) * 1000
		s := logs.Stream(rng.IntN(2))
		at := w.now
		if s == logs.Stderr {
			at -= 500
		}
		for range 1 + rng.IntN(3)/2 {
			w.noted(at, s, fmt.Sprintf("%s line %d\n", s, rng.IntN(3)))
		}
	}
	w.now += 100_000
}

// TestV3EditedWhileRead: whatever is done to the file, what was delivered is sent again
// with the timestamps of the first time or not at all, and what is written since is
// delivered.
func TestV3EditedWhileRead(t *testing.T) {
	t.Parallel()
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, restart := range []bool{false, true} {
			for name := range maps.Keys(edits) {
				t.Run(fmt.Sprint(name, ", format ", of, ", stopped ", restart), func(t *testing.T) {
					for seed := range rounds(30, 6) {
						edited(t, rand.New(rand.NewPCG(seed, 5)), of, restart, []string{name})
					}
				})
			}
			t.Run(fmt.Sprint("several, format ", of, ", stopped ", restart), func(t *testing.T) {
				names := slices.Sorted(maps.Keys(edits))
				for seed := range rounds(60, 12) {
					edited(t, rand.New(rand.NewPCG(seed, 5)), of, restart, names)
				}
			})
		}
	}
}

func edited(t *testing.T, rng *rand.Rand, of logs.FileFormat, restart bool, names []string) {
	t.Helper()
	w := newWriter(t)
	w.format = of
	stored := make(map[string]int)
	want := make(map[string]int)
	take := func(r *reader) {
		for _, line := range r.lines {
			stored[line]++
		}
		r.lines = nil
	}
	r := openFormat(t, w.live, of, logs.Position{})
	round := func() {
		w.ends = nil
		if size := len(w.content()); size > 0 {
			w.ends = []int{size}
		}
		w.some(rng, 1+rng.IntN(6))
		r.drain()
		take(r)
	}
	round()
	for range 3 {
		maps.Copy(want, stored)
		name := names[rng.IntN(len(names))]
		at := r.saved()
		if restart {
			r.log.Close()
		}
		edits[name](w, rng)
		if restart {
			r = openFormat(t, w.live, of, at)
		} else if rng.IntN(2) == 0 {
			r.drain()
		}
		before := w.now
		w.ends = nil
		if size := len(w.content()); size > 0 {
			w.ends = []int{size}
		}
		w.some(rng, 1+rng.IntN(4))
		r.drain()
		take(r)
		for line := range stored {
			var nano int64
			if _, err := fmt.Sscan(line, &nano); err != nil {
				t.Fatal(err)
			}
			if nano >= before-1000 {
				want[line] = 1
			} else if want[line] == 0 {
				t.Fatalf("%s: %q was not sent before", name, line)
			}
		}
		fresh := openFormat(t, w.live, of, logs.Position{})
		for _, line := range fresh.drain() {
			if stored[line] == 0 {
				t.Fatalf("%s: %q was not delivered", name, line)
			}
		}
	}
}

// TestV3Seam: a log that was cut within its last record while lighterman was stopped, and
// written on, costs at most that record, which was delivered before.
func TestV3Seam(t *testing.T) {
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for cut := range int64(60) {
			w := newWriter(t)
			w.format = of
			w.number(1, 10)
			r := openFormat(t, w.live, of, logs.Position{})
			r.drain()
			at := r.saved()
			r.log.Close()
			w.must(os.Truncate(w.live, int64(len(w.content()))-cut))
			w.number(11, 20)
			r = openFormat(t, w.live, of, at)
			got := make(map[string]bool)
			for _, line := range r.drain() {
				got[line] = true
			}
			for _, line := range want(11, 20) {
				if !got[line] {
					t.Errorf("format %d, cut by %d: %q is missing", of, cut, line)
				}
			}
		}
	}
}

// TestV3SeamOfFrames: a log of frames that was cut by the last length of its last frame,
// and written on, loses nothing: not while it is read, not where the frame at the seam was
// not read yet, and not where the next one is written in pieces.
func TestV3SeamOfFrames(t *testing.T) {
	for _, read := range []int{0, 9, 10} {
		for pieces := range 3 {
			w := newWriter(t)
			w.format = logs.Frames
			w.number(1, read)
			r := openFormat(t, w.live, logs.Frames, logs.Position{})
			r.drain()
			w.number(read+1, 10)
			if pieces < 2 {
				r.drain()
			}
			size := int64(len(w.content()))
			w.must(os.Truncate(w.live, size-4))
			w.number(11, 12)
			whole := w.content()
			for _, n := range [][]int{nil, {4, 6, 30, 60}, {2, 9, 40}}[pieces] {
				w.must(os.Truncate(w.live, size-4+int64(n)))
				r.drain()
				w.fill(whole)
			}
			w.number(13, 20)
			r.drain()
			got := make(map[string]bool)
			for _, line := range r.lines {
				got[line] = true
			}
			for _, line := range want(1, 20) {
				if !got[line] {
					t.Errorf("%d read before, pieces %d: %q is missing", read, pieces, line)
				}
			}
		}
	}
}

// TestV3EditedBehindASeam: a line that began in an older file keeps its beginning when the
// file that it goes on in is edited, and so read again.
func TestV3EditedBehindASeam(t *testing.T) {
	w := newWriter(t)
	at := w.now
	first, second := "A"+fullPart[1:], "B"+fullPart[1:]
	w.record(at, logs.Stdout, first)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	w.rotate()
	w.must(r.log.Capture())
	w.record(at, logs.Stdout, second)
	w.record(at+1, logs.Stderr, "one\n")
	w.record(at+2, logs.Stderr, "two\n")
	r.drain()
	w.cut(5) // within the last record
	r.drain()
	w.put("\n")
	w.record(at, logs.Stdout, "end\n")
	r.drain()
	var out []string
	for _, line := range r.lines {
		if strings.Contains(line, " stdout ") {
			out = append(out, line)
		}
	}
	if want := fmt.Sprintf("%d stdout %s%send", at, first, second); len(out) != 1 || out[0] != want {
		t.Errorf("%d lines: %.60q", len(out), out)
	}
}
