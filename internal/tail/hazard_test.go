package tail

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestOpenDuringRotation: while files are rotated one after another, what is opened
// is in order, each file once, and none is left out of those that Docker still has
// in the end.
func TestOpenDuringRotation(t *testing.T) {
	t.Parallel()
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprint("compress ", compress), func(t *testing.T) {
			const files = 6
			opens := rounds(1500, 300)
			w := newWriter(t)
			w.maxFiles, w.compress = files, compress
			for i := range 10 {
				w.number(i*10, i*10+9)
				w.rotate()
			}
			w.number(100, 109)
			var stop atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := 11; !stop.Load() && n < 4000; n++ {
					w.rotate()
					w.number(n*10, n*10+9)
					time.Sleep(2 * time.Millisecond)
				}
			})
			kept := 0
			for range opens {
				l, err := Open(Config{Path: w.live, Events: &counter{}})
				if err != nil {
					t.Fatal(err)
				}
				opened := firstNumbers(l.files)
				if !slices.IsSorted(opened) || len(slices.Compact(slices.Clone(opened))) != len(opened) {
					t.Fatalf("not in order: %v", opened)
				}
				present := 0
				for _, n := range l.listed {
					if n.id != (identity{}) {
						present++
					}
				}
				last := opened[max(0, len(opened)-present+1):]
				for i := 1; i < len(last); i++ {
					if last[i] != last[i-1]+10 {
						t.Errorf("a file is missing: %v, of %d names", opened, present)
					}
				}
				if len(opened) > present {
					kept++
				}
				l.Close()
			}
			stop.Store(true)
			wg.Wait()
			t.Logf("%d of %d opens kept files that were deleted meanwhile", kept, opens)
		})
	}
}

// firstNumbers returns the numbers of the first lines of files that have any.
func firstNumbers(files []*generation) (out []int) {
	for _, g := range files {
		b := make([]byte, 256)
		n, _ := g.data.ReadAt(b, 0)
		_, text, ok := strings.Cut(string(b[:n]), "line ")
		if !ok {
			continue
		}
		var number int
		_, _ = fmt.Sscanf(text, "%d", &number)
		out = append(out, number)
	}
	return out
}

// stdout only, with a floor (the default --since=168h): clock steps back while we are away.
func TestClockBackAfterRestart(t *testing.T) {
	w := newWriter(t)
	w.number(1, 3)
	from := logs.Position{}
	for s := range from.Newest {
		from.Newest[s].Time = 1 // Floor
	}
	r := openReader(t, w.live, from)
	r.drain()
	at := r.saved()
	t.Logf("Behind=%v", at.File.Behind)
	r.log.Close()
	w.now -= 1000 // NTP steps back
	w.line(logs.Stdout, "after the step 1\n")
	w.line(logs.Stdout, "after the step 2\n")
	again := openReader(t, w.live, at)
	if got := again.drain(); len(got) != 2 {
		t.Errorf("got %q, want the two lines written after the step", got)
	}
}

// two files on one reader: a large hole and a noisy log.
func TestBufferLivelock(t *testing.T) {
	dir := t.TempDir()
	hole := dir + "/hole-json.log"
	f, err := os.Create(hole)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Truncate(5 << 20)
	_, _ = f.Seek(5<<20, 0)
	_ = writeRecord(f, 1_700_000_000_000_000_000, logs.Stdout, "late\n")
	_ = f.Close()
	l, err := Open(Config{Path: hole, Events: &counter{}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t)
	for i := range 120_000 {
		w.line(logs.Stdout, fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", 200)))
	}
	noisy := openReader(t, w.live, logs.Position{})
	got := 0
	reads := 0
	for noisy.step2(noisy.buf) {
		p, err := l.Read(noisy.buf, func(logs.Entry) { got++ })
		if err != nil {
			t.Fatal(err)
		}
		reads++
		_ = p
	}
	t.Logf("%d reads of the log with a hole beside a noisy one: offset %d, lines %d", reads, l.files[0].offset, got)
	if got != 1 || reads < 50 {
		t.Errorf("%d lines of the log with a hole after %d reads beside a noisy one", got, reads)
	}
}

func (r *reader) step2(b *Buffer) bool {
	p, err := r.log.Read(b, func(logs.Entry) {})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.More
}

func TestGzipMemory(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 6, true
	for i := range 8 {
		for j := range 2000 {
			w.line(logs.Stdout, fmt.Sprintf("line %d %d\n", i, j))
		}
		w.rotate()
	}
	w.number(1, 10)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all []*Log
	for range 50 {
		l, err := Open(Config{Path: w.live, Events: &counter{}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := 0
	for _, l := range all {
		n += l.Files() - 1
	}
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / int64(n); each > 8<<10 {
		t.Errorf("%d bytes per compressed file that waits", each)
	}
	for _, l := range all {
		l.Close()
	}
}
