package tail

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fmt"

	"github.com/lighterman/lighterman/internal/logs"
)

// files opened must be consecutive generations.
func TestOpenDuringRotation(t *testing.T) {
	for _, c := range []bool{false, true} {
		t.Run(fmt.Sprint("compress ", c), func(t *testing.T) {
			w := newWriter(t)
			w.maxFiles, w.compress = 6, c
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
			lost := 0
			opens := 0
			for ; opens < 1500; opens++ {
				l, err := Open(Config{Path: w.live, Events: &counter{}})
				if err != nil {
					t.Fatal(err)
				}
				last := -1
				gap := false
				for _, g := range l.files {
					b := make([]byte, 256)
					n, _ := g.data.ReadAt(b, 0)
					s := string(b[:n])
					i := strings.Index(s, "line ")
					if i < 0 {
						continue
					}
					var num int
					_, _ = fmt.Sscanf(s[i:], "line %d", &num)
					if last >= 0 && num > last+10 {
						gap = true
					}
					last = num
				}
				if gap {
					lost++
				}
				l.Close()
			}
			stop.Store(true)
			wg.Wait()
			t.Logf("%d of %d opens missed a whole file", lost, opens)
			if lost > 0 {
				t.Fail()
			}
		})
	}
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
	for i := range 200000 {
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
	if got == 0 && reads > 100 {
		t.Error("starved")
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
		for j := range 20000 {
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
	t.Logf("%d KiB per compressed file that waits", (after.HeapAlloc-before.HeapAlloc)/1024/uint64(n))
	for _, l := range all {
		l.Close()
	}
}
