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

// sinceEver is before every file.
func sinceEver() age { return age{} }

// TestAgeWhileRead: the watcher's goroutine asks how old the file is that the reader's
// is reading. Neither may disturb the other.
func TestAgeWhileRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		format logs.FileFormat
		zipped bool
	}{{"json", logs.JSONLines, false}, {"json.gz", logs.JSONLines, true}, {"frames", logs.Frames, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(t)
			w.format, w.compress = c.format, c.zipped
			const lines = 20_000
			first := w.now + 1
			for i := range lines {
				w.line(logs.Stdout, fmt.Sprintf("line \t %d\n", i))
				w.now += 5e8 // each second is parsed anew
			}
			if c.zipped {
				w.rotate()
			}
			r := openFormat(t, w.live, c.format, logs.Position{})
			g := r.log.files[0]
			if g.compressed != c.zipped {
				t.Fatalf("compressed %v", g.compressed)
			}
			stop, asked := make(chan struct{}), make(chan error)
			go func() {
				defer close(asked)
				for {
					if got, _ := g.age(); got.first != first {
						asked <- fmt.Errorf("first record at %d, want %d", got.first, first)
						return
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
			for len(r.lines) < lines && r.log.files[0] == g && r.step() {
				continue
			}
			close(stop)
			if err := <-asked; err != nil {
				t.Error(err)
			}
			if len(r.lines) != lines {
				t.Fatalf("%d lines, want %d", len(r.lines), lines)
			}
			for i, line := range r.lines {
				if want := fmt.Sprintf("%d stdout line \t %d", first+int64(i)*(5e8+1), i); line != want {
					t.Fatalf("line %d is %q, want %q", i, line, want)
				}
			}
		})
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
		got := firstNumbers(seen.complete(last, true, sinceEver))
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
	if got, want := firstNumbers(seen.complete(fresh, true, func() age { return known })), []int{30, 40, 50, 60}; !slices.Equal(got, want) {
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
	if got, want := firstNumbers(seen.complete(last, false, sinceEver)), []int{0, 10, 20, 30}; !slices.Equal(got, want) {
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
	if got := firstNumbers(seen.complete([]*generation{early}, true, sinceEver)); !slices.Equal(got, []int{0}) {
		t.Errorf("opened %v", got)
	}
	if early.data.(*gzipContent).damaged {
		t.Error("it is still taken for damaged")
	}
}
