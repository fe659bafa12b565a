package tail

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestCompressedNameUsedAgain: several rotations go by between two looks, fewer
// than files are kept. A compressed file may then have the name and the inode of
// one that was there at the look before, and is new all the same.
func TestCompressedNameUsedAgain(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 5, true
	w.number(0, 9)
	r := openReader(t, w.live, logs.Position{})
	reused, next := 0, 10
	for round := range 60 {
		for range w.maxFiles - 1 {
			w.rotate()
			w.number(next, next+9)
			next += 10
		}
		before := r.log.listed
		if err := r.log.Capture(); err != nil {
			t.Fatal(err)
		}
		for _, n := range r.log.listed {
			for _, old := range before {
				if n.path == old.path && n.id == old.id && isCompressed(n.path) {
					reused++
				}
			}
		}
		r.drain()
		if want := next; len(r.lines) != want {
			t.Fatalf("round %d: %d lines, want %d", round, len(r.lines), want)
		}
	}
	t.Logf("%d names and inodes were used again", reused)
	for i, line := range r.lines {
		if want := fmt.Sprintf("line %d", i); line[len(line)-len(want):] != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}

// TestVanishedFiles: a file that one look has opened and that is deleted before the
// last look is kept, and is the oldest, also when it was compressed in between.
func TestVanishedFiles(t *testing.T) {
	for _, compress := range []bool{false, true} {
		w := newWriter(t)
		w.maxFiles, w.compress = 4, compress
		next := 0
		write := func(files int) {
			for range files {
				w.number(next, next+9)
				next += 10
				w.rotate()
			}
		}
		write(4)
		seen := newOpened(formatOf(logs.JSONLines))
		var last []*generation
		for range 3 { // looks
			before, err := names(w.live)
			if err != nil {
				t.Fatal(err)
			}
			last, err = seen.openNames(before)
			seen.want(last)
			if err != nil {
				t.Fatal(err)
			}
			write(2)
		}
		got := firstNumbers(seen.complete(last, true, age{}))
		want := []int{10, 20, 30, 40, 50, 60, 70, 80} // the last was the live one
		if !slices.Equal(got, want) {
			t.Errorf("compress %v: opened %v, want %v", compress, got, want)
		}
		seen.closeBut(nil)
	}
}

// TestVanishedWhileCaptured: the same while a log is followed. What was known before is
// not taken for new.
func TestVanishedWhileCaptured(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 3
	next := 0
	write := func(files int) {
		for range files {
			w.number(next, next+9)
			next += 10
			w.rotate()
		}
	}
	write(2)
	l, err := Open(Config{Path: w.live, Events: &counter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.number(next, next+9) // 20, which it knows
	next += 10
	w.rotate()
	seen := newOpened(l.format)
	old, err := seen.open(nameOf(w.live+".2", w.live)) // 10, taken for new by mistake
	if err != nil {
		t.Fatal(err)
	}
	seen.want([]*generation{old})
	var fresh []*generation
	for range 2 { // looks
		before, err := names(w.live)
		if err != nil {
			t.Fatal(err)
		}
		if fresh, err = l.newer(seen, before); err != nil {
			t.Fatal(err)
		}
		seen.want(fresh)
		write(3)
	}
	known, _ := l.last().age()
	if got, want := firstNumbers(seen.complete(fresh, true, known)), []int{30, 40, 50, 60}; !slices.Equal(got, want) {
		t.Errorf("captured %v, want %v", got, want)
	}
	seen.closeBut(nil)
}

// TestLastLookUnsettled: where the last look did not see all there is, as Docker was
// deleting the directory, age says where the others belong.
func TestLastLookUnsettled(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 5
	for i := range 4 {
		w.number(10*i, 10*i+9)
		if i < 3 {
			w.rotate()
		}
	}
	seen := newOpened(formatOf(logs.JSONLines))
	defer seen.closeBut(nil)
	before, err := names(w.live)
	if err != nil {
		t.Fatal(err)
	}
	all, err := seen.openNames(before)
	if err != nil {
		t.Fatal(err)
	}
	seen.want(all)
	last := []*generation{all[0], all[2]}
	if got, want := firstNumbers(seen.complete(last, false, age{})), []int{0, 10, 20, 30}; !slices.Equal(got, want) {
		t.Errorf("opened %v, want %v", got, want)
	}
}

// TestCompressedWhileOpened: a file that was opened when its compression had just begun
// is known as the one it is of in the end.
func TestCompressedWhileOpened(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 3, true
	w.number(0, 9)
	content, err := os.ReadFile(w.live)
	if err != nil {
		t.Fatal(err)
	}
	seen := newOpened(formatOf(logs.JSONLines))
	defer seen.closeBut(nil)
	plain, err := seen.open(nameOf(w.live, w.live))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.Create(w.live + ".1.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	early, err := seen.open(nameOf(packed.Name(), w.live))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(packed)
	_, err = z.Write(content)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	seen.want([]*generation{plain, early})
	if got := firstNumbers(seen.complete([]*generation{early}, true, age{})); !slices.Equal(got, []int{0}) {
		t.Errorf("opened %v", got)
	}
	if early.data.(*gzipContent).damaged {
		t.Error("it is still taken for damaged")
	}
}
