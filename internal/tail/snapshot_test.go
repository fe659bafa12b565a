package tail

import (
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// see makes a look at w's files that counts.
func (s *snapshot) see(w *writer) {
	now, err := s.look()
	w.must(err)
	s.seen = append(s.seen, now)
}

// kept is what looks lead to, as the numbers of the first lines.
func (s *snapshot) kept(w *writer) []int {
	all := s.ordered()
	for _, g := range all {
		w.must(g.recognise())
	}
	return firstNumbers(s.unique(all))
}

// files writes and rotates n files of ten lines each, all at the same time.
func (w *writer) files(next *int, n int) {
	for range n {
		now := w.now
		w.number(*next, *next+9)
		w.now = now
		*next += 10
		w.rotate()
	}
}

// TestVanishedFiles: a file that one look has seen and that is deleted before the
// last look is kept, and is the oldest, also when it was compressed in between.
func TestVanishedFiles(t *testing.T) {
	for _, compress := range []bool{false, true} {
		w := newWriter(t)
		w.maxFiles, w.compress = 4, compress
		next := 0
		w.files(&next, 4)
		s := newSnapshot(w.live, formatOf(logs.JSONLines), nil)
		for range 3 {
			s.see(w)
			w.files(&next, 2)
		}
		want := []int{10, 20, 30, 40, 50, 60, 70, 80} // the last was the live one
		if got := s.kept(w); !slices.Equal(got, want) {
			t.Errorf("compress %v: opened %v, want %v", compress, got, want)
		}
		s.closeBut(nil)
	}
}

// TestVanishedWhileCaptured: the same while a log is followed. What was known before is
// not taken for new, though one look may have missed the last one known.
func TestVanishedWhileCaptured(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 4
	next := 0
	w.files(&next, 2)
	l, err := Open(Config{Path: w.live, Events: &counter{}})
	w.must(err)
	defer l.Close()
	w.files(&next, 1) // 20, which it knows
	s := newSnapshot(w.live, l.format, l.files)
	s.see(w)
	s.seen[0] = slices.DeleteFunc(s.seen[0], func(now sighting) bool { return now.file == l.last() })
	if got := firstNumbers([]*generation{s.seen[0][0].file, s.seen[0][1].file}); !slices.Equal(got, []int{0, 10}) {
		t.Fatalf("the first look saw %v", got)
	}
	w.files(&next, 2) // 0 goes
	s.see(w)
	w.files(&next, 3)
	s.see(w)
	fresh, err := l.newer(s)
	w.must(err)
	if got, want := firstNumbers(s.unique(fresh)), []int{30, 40, 50, 60, 70}; !slices.Equal(got, want) {
		t.Errorf("captured %v, want %v", got, want)
	}
	s.closeBut(nil)
}

// TestOrdered: whatever part of the files each look sees, the order is right, also where
// every other look misses one.
func TestOrdered(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		all := make([]*generation, 12)
		for i := range all {
			all[i] = &generation{order: i}
		}
		s := &snapshot{}
		from, to, missed := 0, 1+rng.IntN(4), false
		for from < len(all) {
			var look []sighting
			for _, g := range all[from:min(to, len(all))] {
				look = append(look, sighting{file: g})
			}
			if missed = !missed && len(look) > 2 && rng.IntN(2) == 0; missed { // a rotation in the middle of the look
				at := 1 + rng.IntN(len(look)-2)
				look = slices.Delete(look, at, at+1)
			}
			s.seen = append(s.seen, look)
			from += rng.IntN(3)
			to = max(to, from) + rng.IntN(3)
		}
		got := s.ordered()
		if !slices.IsSortedFunc(got, func(a, b *generation) int { return a.order - b.order }) {
			var looks [][]int
			for _, look := range s.seen {
				var numbers []int
				for _, now := range look {
					numbers = append(numbers, now.file.order)
				}
				looks = append(looks, numbers)
			}
			t.Fatalf("not in order after looks that saw %v", looks)
		}
	}
}

// TestOrderedContradiction: files renamed by somebody else come each once all the same.
func TestOrderedContradiction(t *testing.T) {
	a, b, c := &generation{}, &generation{}, &generation{}
	s := &snapshot{seen: [][]sighting{{{file: a}, {file: b}, {file: c}}, {{file: c}, {file: a}}, {{file: b}, {file: a}, {file: b}}}}
	got := s.ordered()
	if len(got) != 3 || !slices.Contains(got, a) || !slices.Contains(got, b) || !slices.Contains(got, c) {
		t.Errorf("%d files", len(got))
	}
}

// TestCompressedWhileOpened: a file that was opened when its compression had just begun
// is known as the one it is of in the end.
func TestCompressedWhileOpened(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 3, true
	w.number(0, 9)
	content, err := os.ReadFile(w.live)
	w.must(err)
	s := newSnapshot(w.live, formatOf(logs.JSONLines), nil)
	defer s.closeBut(nil)
	s.see(w)
	w.must(os.Rename(w.live, w.live+".1"))
	packed, err := os.Create(w.live + ".1.gz")
	w.must(err)
	defer func() { _ = packed.Close() }()
	_, early, err := s.open(packed.Name())
	w.must(err)
	z := gzip.NewWriter(packed)
	_, err = z.Write(content)
	w.must(errors.Join(err, z.Close(), os.Remove(w.live+".1")))
	s.see(w)
	if got := s.kept(w); !slices.Equal(got, []int{0}) {
		t.Errorf("opened %v", got)
	}
	if early.data.(*gzipContent).damaged {
		t.Error("it is still taken for damaged")
	}
}

// TestExchangedWhileAhead: a file of which one stream was read further than the other is
// replaced by what Docker has made of it, compressed. Nothing comes again.
func TestExchangedWhileAhead(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 4, true
	w.number(1, 3)
	w.line(logs.Stderr, fullPart) // held back: its end has not come
	w.number(5, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	r.log.Close()
	if at.File.Offsets[0] == at.File.Offsets[1] {
		t.Fatal("no stream is ahead")
	}
	w.line(logs.Stderr, "end\n")
	w.number(12, 14)

	k := newKeeper(t, 1, false)
	r = k.reader(w.live, 1, at)
	w.rotate() // and compressed
	w.must(r.log.Capture())
	w.line(logs.Stdout, "line 15\n")
	got := r.drain()
	if len(got) != 6 {
		t.Errorf("%d lines, want 6; given up %d", len(got), k.files)
	}
}

// TestShorterThanAhead: the end of a file was lost with the host's power, and the position
// was not. What is written there since is new.
func TestShorterThanAhead(t *testing.T) {
	w := newWriter(t)
	w.number(1, 3)
	w.line(logs.Stderr, fullPart)
	w.number(5, 6)
	cut, err := w.file.Stat()
	w.must(err)
	w.number(7, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	r.log.Close()
	w.must(os.Truncate(w.live, cut.Size()))
	r = openReader(t, w.live, at)
	w.now += 100
	for i := range 3 {
		w.line(logs.Stdout, fmt.Sprintf("new %d\n", i))
	}
	got := r.drain()
	n := 0
	for _, l := range got {
		if strings.Contains(l, "new ") {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d of 3 new lines: %.300v", n, got)
	}
}

// TestAlikeFilesCompressed: of two files with the same content, parts of one long line, one
// vanishes and the other is compressed. That one stands for one of them only.
func TestAlikeFilesCompressed(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 2, false
	w.now++
	fill := func() {
		for range 4 {
			w.part(logs.Stdout, fullPart)
		}
	}
	fill()
	w.rotate() // F1 = .1
	fill()     // F2 = live
	s := newSnapshot(w.live, formatOf(logs.JSONLines), nil)
	s.see(w)
	w.must(os.Remove(w.live + ".1")) // compressed, and rotated away
	w.rotate()
	fill()
	s.see(w)
	w.compress = true
	w.gzip()
	s.see(w)
	s.see(w)
	all := s.ordered()
	for _, g := range all {
		w.must(g.recognise())
	}
	out := s.unique(all)
	for i, g := range out {
		if slices.Contains(out[:i], g) {
			t.Errorf("file %d is there twice (compressed %v)", i, g.compressed)
		}
	}
	if len(out) != 3 {
		t.Errorf("%d files, want 3", len(out))
	}
	s.closeBut(nil)
}
