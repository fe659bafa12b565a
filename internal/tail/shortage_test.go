package tail

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// roomFor returns what leaves so many descriptors, and one more for what rotation makes.
func roomFor(t *testing.T, files int) Room {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	return Room{Opened: int(f.Fd()) + files, Rotated: int(f.Fd()) + files + 1}
}

// openShort is openReader with few descriptors.
func openShort(t *testing.T, w *writer, from logs.Position, files int) *reader {
	t.Helper()
	r := &reader{t: t, buf: NewBuffer()}
	l, err := Open(Config{Path: w.live, Format: logs.JSONLines, Resume: from, Events: &r.events, Room: roomFor(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	r.log = l
	t.Cleanup(l.Close)
	return r
}

// TestD11MoreFilesThanDescriptors: all files are read in order, whatever is open at a time,
// from any place, while rotation goes on.
func TestD11MoreFilesThanDescriptors(t *testing.T) {
	for _, compress := range []bool{false, true} {
		for _, files := range []int{2, 3, 5} {
			t.Run(fmt.Sprint(files, " descriptors, compressed ", compress), func(t *testing.T) {
				w := newWriter(t)
				w.compress, w.maxFiles = compress, 40
				last := 0
				write := func() { w.number(last+1, last+10); last += 10 }
				write()
				for range 20 {
					w.rotate()
					write()
				}
				var at logs.Position
				var got []string
				for stop := 30; ; stop += 70 {
					r := openShort(t, w, at, files)
					for {
						if more := r.step(); !more {
							end, err := r.log.AtEnd()
							if err != nil {
								t.Fatal(err)
							}
							if end {
								break
							}
						}
						if n := r.log.Files(); n > files+1 {
							t.Fatalf("%d files are open", n)
						}
						if len(got)+len(r.lines) >= stop {
							break
						}
					}
					got, at = append(got, r.lines...), r.saved()
					if stop < 150 {
						w.rotate()
						write()
					}
					short := r.log.Short()
					r.log.Close()
					if len(got) >= last && stop >= 150 {
						if short {
							t.Error("at the end some are not open")
						}
						break
					}
					if len(r.lines) == 0 {
						t.Fatalf("nothing more comes after %d lines", len(got))
					}
					if r.events != (counter{}) {
						t.Errorf("counted %+v", r.events)
					}
				}
				expect(t, got, want(1, last))
			})
		}
	}
}

// TestD11RotationWithoutDescriptors: what rotation makes is opened once there are
// descriptors again, the oldest first; what has gone until then is counted.
func TestD11RotationWithoutDescriptors(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 6
	w.number(1, 10)
	r := openShort(t, w, logs.Position{}, 2)
	expect(t, r.drain(), want(1, 10))
	for i := range 5 {
		w.rotate()
		w.number(11+10*i, 20+10*i)
	}
	var taken []*os.File
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
	if _, err := r.log.AtEnd(); !NoDescriptor(err) || !r.log.Short() {
		t.Fatalf("%v, short: %v", err, r.log.Short())
	}
	for _, f := range taken {
		_ = f.Close()
	}
	expect(t, r.drain(), want(1, 60))
	if r.events != (counter{}) || r.log.Short() {
		t.Errorf("counted %+v, short: %v", r.events, r.log.Short())
	}
}

// TestD11SinceWithManyFiles: since holds for all that was there when the log was opened, and
// for nothing that is written later, also where not all of it can be open.
func TestD11SinceWithManyFiles(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 20
	w.number(1, 10)
	for i := range 9 {
		w.rotate()
		w.number(11+10*i, 20+10*i)
	}
	all := want(1, 100)
	r := openShort(t, w, logs.Position{Since: 1_700_000_000_000_000_000 + 66}, 3)
	r.drain()
	w.record(1_700_000_000_000_000_001, logs.Stdout, "an old clock\n")
	w.rotate()
	w.record(1_700_000_000_000_000_002, logs.Stdout, "again\n")
	got := r.drain()
	if !slices.Equal(got[:len(got)-2], all[65:]) {
		t.Errorf("got %v", got)
	}
	if r.events.skipped != 65 {
		t.Errorf("%d lines are left out", r.events.skipped)
	}
}

// fewDescriptors leaves so many that can still be opened, until the function returned is
// called.
func fewDescriptors(t *testing.T, free int) (restore func()) {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	next := int(f.Fd())
	_ = f.Close()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	fewer := limit
	fewer.Cur = uint64(next + free)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &fewer); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
}

// TestD11CopyAmongMany: what a file was compressed to is found among more files than there
// are descriptors, to be linked in its stead.
func TestD11CopyAmongMany(t *testing.T) {
	k, w := newKeeper(t, 0, true), newWriter(t)
	w.compress, w.maxFiles = true, 30
	w.number(1, 10)
	for n := range 20 {
		w.rotate()
		w.number(11+10*n, 20+10*n)
	}
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	g := r.log.files[20] // which was the live one, and was compressed since
	g.held.Release()
	restore := fewDescriptors(t, 8)
	defer restore()
	r.log.mu.Lock()
	r.log.linkCopies(r.log.files[20:21])
	r.log.mu.Unlock()
	restore()
	if g.held.Name() == "" {
		t.Errorf("it is not linked: %v", k.links(1))
	}
}

// TestD11BesideOthers: compressed files that somebody has moved beside others with their
// numbers are in their place also where not all can be open: what is older than the file that
// was read last is not opened for it.
func TestD11BesideOthers(t *testing.T) {
	for _, in := range []string{".4", ".2.gz", ".2"} {
		t.Run(in, func(t *testing.T) {
			w := newWriter(t)
			w.maxFiles = 9
			w.number(1, 10)
			next := 11
			for range 3 {
				w.rotate()
				w.number(next, next+9)
				next += 10
			}
			// What there is by now is moved away, compressed, beside what comes next.
			var moved [][]byte
			for i := range 3 {
				content, err := os.ReadFile(fmt.Sprint(w.live, ".", i+1))
				w.must(err)
				moved = append(moved, compressed(t, content))
				w.must(os.Remove(fmt.Sprint(w.live, ".", i+1)))
			}
			for range 4 {
				w.rotate()
				w.number(next, next+9)
				next += 10
			}
			for i, content := range moved {
				w.must(os.WriteFile(fmt.Sprint(w.live, ".", i+2, gzipSuffix), content, 0o640))
			}
			all := openReader(t, w.live, logs.Position{})
			var at logs.Position
			for {
				more := all.step()
				if at = all.saved(); endsIn(t, w, at, in) || !more {
					break
				}
			}
			done := len(all.lines)
			rest := all.drain()[done:]
			all.log.Close()
			r := openShort(t, w, at, 3) // one and its neighbour
			if got := r.drain(); !slices.Equal(got, rest) {
				t.Errorf("after %d lines %d come, want %d", done, len(got), len(rest))
			}
			if r.events != (counter{}) {
				t.Errorf("counted %+v", r.events)
			}
		})
	}
}

// endsIn reports whether a position is in the file with a name.
func endsIn(t *testing.T, w *writer, at logs.Position, name string) bool {
	t.Helper()
	g, err := openIdentified(w.live+name, formatOf(w.format))
	w.must(err)
	defer func() { _ = g.close() }()
	return g.is(at.File)
}
