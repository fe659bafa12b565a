package tail

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestRotationStorm: files come and go faster than they can be looked at, and their
// timestamps do not tell which is older: all parts of a long line have the same, and a
// clock may be set back. What is captured, and what is opened, is in order all the same,
// each file once.
func TestRotationStorm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		maxFiles int
		compress bool
		clock    int64
	}{
		{"parts of one line", 3, false, 0},
		{"two files", 2, false, 0},
		{"clock goes back", 3, false, -1},
		{"compressed", 4, true, 0},
		{"compressed, clock goes back", 3, true, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(t)
			w.maxFiles, w.compress = c.maxFiles, c.compress
			stop := storm(w, c.clock)
			defer stop()
			t.Run("open", func(t *testing.T) {
				for range rounds(3000, 600) {
					l, err := Open(Config{Path: w.live, Events: &counter{}})
					if err != nil {
						t.Fatal(err)
					}
					inOrder(t, firstNumbers(l.files))
					l.Close()
				}
			})
			t.Run("capture", func(t *testing.T) {
				l, err := Open(Config{Path: w.live, Events: &counter{}})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				captured := 0
				for range rounds(20_000, 4000) {
					if err := l.Capture(); err != nil {
						t.Fatal(err)
					}
					inOrder(t, firstNumbers(l.files))
					for len(l.files) > 1 { // read
						l.finish(l.files[0])
						l.files = l.files[1:]
						captured++
					}
				}
				t.Logf("%d files captured", captured)
			})
		})
	}
}

func inOrder(t *testing.T, numbers []int) {
	t.Helper()
	if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
		t.Fatalf("not in order: %v", numbers)
	}
}

// storm writes bursts of small files until stop is called. From file to file the clock
// goes on by step.
func storm(w *writer, step int64) (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	padding := strings.Repeat("x", 4000)
	wg.Go(func() {
		for n := 0; !over.Load(); n++ {
			w.part(logs.Stdout, fmt.Sprintf("line %d %s", n, padding))
			w.now += step
			w.rotate()
			if n%16 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
	return func() { over.Store(true); wg.Wait() }
}

// TestSlowCompression: with two files the only rotated one is compressed while looks go
// on. One that finds no .1, and then its copy, may have been overtaken by a rotation
// between: what is opened is each content once all the same.
func TestSlowCompression(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	var over atomic.Bool
	var wg sync.WaitGroup
	padding := strings.Repeat("0123456789abcdef", 250)
	wg.Go(func() {
		for n := 0; !over.Load(); n++ {
			w.line(logs.Stdout, fmt.Sprintf("line %d %s", n, padding))
			content, err := os.ReadFile(w.live)
			w.must(errors.Join(err, w.file.Close()))
			_ = os.Remove(w.live + ".1.gz")
			w.must(os.Rename(w.live, w.live+".1"))
			w.reopen(os.O_TRUNC)
			whole := compressed(t, content)
			f, err := os.Create(w.live + ".1.gz")
			w.must(err)
			_, err = f.Write(whole[:len(whole)/2])
			w.must(err)
			time.Sleep(time.Millisecond) // it takes as long as that
			_, err = f.Write(whole[len(whole)/2:])
			w.must(errors.Join(err, f.Close(), os.Remove(w.live+".1")))
		}
	})
	defer func() { over.Store(true); wg.Wait() }()
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		l, err := Open(Config{Path: w.live, Events: &counter{}})
		if err != nil {
			t.Fatal(err)
		}
		inOrder(t, firstNumbers(l.files))
		l.Close()
	}
}
