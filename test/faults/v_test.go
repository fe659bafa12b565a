package faults

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// played is an engine that writes a container's log and rotates it, as Docker does, and
// keeps account: it shares no code with the other models and witnesses.
type played struct {
	t        testing.TB
	live     string
	maxSize  int
	maxFile  int
	compress bool

	mu   sync.Mutex
	file *os.File
	size int
	last time.Time
	// lines are the texts by their times, in order.
	lines map[int64]string
	// rotations and the number of the file that a line ends in.
	rotations int
	in        map[int64]int
}

func play(t testing.TB, c *dataroot.Container, maxSize, maxFile int, compress bool) *played {
	p := &played{t: t, live: c.Log, maxSize: maxSize, maxFile: maxFile, compress: compress, lines: map[int64]string{}, in: map[int64]int{}}
	p.open(os.O_APPEND)
	return p
}

func (p *played) must(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Error(err)
	}
}

func (p *played) open(flag int) {
	f, err := os.OpenFile(p.live, os.O_WRONLY|os.O_CREATE|flag, 0o640)
	p.must(err)
	p.file, p.size = f, 0
}

// line writes one, in parts where it is long.
func (p *played) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().UTC()
	if !now.After(p.last) {
		now = p.last.Add(1)
	}
	p.last = now
	p.lines[now.UnixNano()] = text
	for rest := text + "\n"; rest != ""; {
		part := rest[:min(len(rest), logs.PartSize)]
		rest = rest[len(part):]
		if p.size >= p.maxSize {
			p.rotate()
		}
		n, err := fmt.Fprintf(p.file, `{"log":"%s","stream":"stdout","time":"%s"}`+"\n", strings.ReplaceAll(part, "\n", `\n`), now.Format(time.RFC3339Nano))
		p.must(err)
		p.size += n
	}
	p.in[now.UnixNano()] = p.rotations
}

func (p *played) rotate() {
	p.rotations++
	p.must(p.file.Close())
	ext := ""
	if p.compress {
		ext = ".gz"
	}
	p.must(os.Remove(fmt.Sprintf("%s.%d%s", p.live, p.maxFile-1, ext)))
	for n := min(p.maxFile-2, p.rotations); n >= 1; n-- {
		p.must(os.Rename(fmt.Sprintf("%s.%d%s", p.live, n, ext), fmt.Sprintf("%s.%d%s", p.live, n+1, ext)))
	}
	p.must(os.Rename(p.live, p.live+".1"))
	p.open(os.O_TRUNC)
	if !p.compress {
		return
	}
	raw, err := os.ReadFile(p.live + ".1")
	p.must(err)
	f, err := os.Create(p.live + ".1.gz")
	p.must(err)
	w := gzip.NewWriter(f)
	w.Extra = fmt.Appendf(nil, `{"lastTime":%q}`, p.last.Format(time.RFC3339Nano))
	_, err = w.Write(raw)
	p.must(errors.Join(err, w.Close(), f.Close(), os.Remove(p.live+".1")))
}

// lossy is a Loki that takes a sixth of what is pushed without saying so.
func lossy(t testing.TB, seed uint64) (*fakeloki.Loki, *sync.Map) {
	rng := rand.New(rand.NewPCG(seed, 2))
	got := new(sync.Map)
	loki := fakeloki.StartWith(t, &fakeloki.Loki{CountOnly: true, Answer: func(_ *http.Request, entries []fakeloki.Entry) (int, string) {
		for _, e := range entries {
			got.Store(e.Nanos, e.Line)
		}
		if rng.IntN(6) == 0 {
			return http.StatusServiceUnavailable, "lost"
		}
		return http.StatusNoContent, ""
	}})
	return loki, got
}

// of reads a number from the environment.
func of(t testing.TB, name string, otherwise int) int {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return otherwise
}

// TestV1LongLinesThroughKills: files of parts that are all alike, answers lost, and
// lighterman killed again and again: every line arrives with its own text.
// LIGHTERMAN_KILLS sets how often it is killed.
func TestV1LongLinesThroughKills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ compress, hold bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		t.Run(fmt.Sprintf("compress=%v,hold=%v", c.compress, c.hold), func(t *testing.T) {
			t.Parallel()
			root := dataroot.New(t)
			loki, got := lossy(t, 1)
			p := play(t, root.Add(t, dataroot.Spec{Name: "alike"}), 20_000, 400, c.compress)
			args := []string{"--state-dir", t.TempDir()}
			if c.hold {
				args = append(args, "--hold-dir", filepath.Join(root.Dir, "hold"))
			}
			rng := rand.New(rand.NewPCG(3, 4))
			l := into(t, root, loki, args...)
			for range of(t, "LIGHTERMAN_KILLS", 6) {
				for range 5 + rng.IntN(15) {
					p.line(strings.Repeat("x", 100_000+rng.IntN(20_000)))
					time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
				}
				l.Kill9(t)
				for range rng.IntN(8) {
					p.line(strings.Repeat("x", 100_000+rng.IntN(20_000)))
				}
				l = into(t, root, loki, args...)
				// Nothing that was not read is rotated away.
				wait.For(t, 2*time.Minute, "most lines", func() bool { return missing(p, got) < 40 })
			}
			wait.For(t, 2*time.Minute, "all lines", func() bool { return missing(p, got) == 0 })
			wrong := 0
			got.Range(func(at, line any) bool {
				if p.lines[at.(int64)] != line.(string) {
					wrong++
				}
				return true
			})
			if wrong > 0 {
				t.Errorf("%d of %d lines have another text", wrong, len(p.lines))
			}
		})
	}
}

func missing(p *played, got *sync.Map) (n int) {
	for at := range p.lines {
		if _, ok := got.Load(at); !ok {
			n++
		}
	}
	return n
}

var rotatedAway = regexp.MustCompile(`log files were rotated away .*?after"?[=:]"?([0-9TZ:.-]+)"?.*?before"?[=:]"?([0-9TZ:.-]+)`)

// TestV4Witness: files that come and go quickly, and kills. A line that does not arrive is
// between two times that the log tells of. LIGHTERMAN_KILLS sets how many there are.
func TestV4Witness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size int
		hold bool
	}{{100_000, false}, {200_000, false}, {100_000, true}, {200_000, true}} {
		t.Run(fmt.Sprintf("%d,hold=%v", c.size, c.hold), func(t *testing.T) {
			t.Parallel()
			witness(t, c.size, c.hold)
		})
	}
}

func witness(t *testing.T, size int, hold bool) {
	root := dataroot.New(t)
	got := new(sync.Map)
	loki := fakeloki.StartWith(t, &fakeloki.Loki{CountOnly: true, Answer: func(_ *http.Request, entries []fakeloki.Entry) (int, string) {
		for _, e := range entries {
			got.Store(e.Line, true)
		}
		return http.StatusNoContent, ""
	}})
	p := play(t, root.Add(t, dataroot.Spec{Name: "quick"}), size, 2, false)
	args := []string{"--state-dir", t.TempDir()}
	if hold {
		args = append(args, "--hold-dir", filepath.Join(root.Dir, "hold"))
	}
	p.line("the first")
	all := []*carrier.Carrier{into(t, root, loki, args...)}
	wait.For(t, 2*time.Minute, "the first line", func() bool { _, ok := got.Load("the first"); return ok })
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			for range 60 {
				n++
				p.line(fmt.Sprintf("line %d %s", n, strings.Repeat("y", 100)))
			}
		}
	}()
	end := sync.OnceFunc(func() {
		close(over)
		wait.Closed(t, time.Minute, "the last line of the writer", done)
	})
	defer end() // also of a test that has failed
	rng := rand.New(rand.NewPCG(uint64(size), 5))
	for range of(t, "LIGHTERMAN_KILLS", 8) {
		time.Sleep(time.Duration(200+rng.IntN(800)) * time.Millisecond)
		all[len(all)-1].Kill9(t)
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		all = append(all, into(t, root, loki, args...))
	}
	last := all[len(all)-1]
	last.AwaitReady(t, 2*time.Minute)
	time.Sleep(time.Second)
	end()
	p.line("the last")
	wait.For(t, 2*time.Minute, "the last line", func() bool { _, ok := got.Load("the last"); return ok })
	type gap struct{ after, before time.Time }
	var gaps []gap
	for _, l := range all {
		for _, m := range rotatedAway.FindAllStringSubmatch(l.Stderr(), -1) {
			after, err1 := time.Parse(time.RFC3339Nano, m[1])
			before, err2 := time.Parse(time.RFC3339Nano, m[2])
			if err1 != nil || err2 != nil {
				t.Errorf("%q", m[0])
			}
			gaps = append(gaps, gap{after, before})
		}
	}
	missing, told := 0, 0
	var unexplained []string
	for _, at := range slices.Sorted(maps.Keys(p.lines)) {
		text := p.lines[at]
		if _, ok := got.Load(text); ok {
			continue
		}
		missing++
		stated := false
		for _, g := range gaps {
			stated = stated || at > g.after.UnixNano() && at < g.before.UnixNano()
		}
		if stated {
			told++
		} else {
			unexplained = append(unexplained, fmt.Sprintf("%s %.20s in file %d", time.Unix(0, at).UTC().Format(time.RFC3339Nano), text, p.in[at]))
		}
	}
	t.Logf("%d lines in %d files, %d starts, %d missing, of them %d between the times of %d warnings", len(p.lines), p.rotations+1, len(all), missing, told, len(gaps))
	if len(unexplained) > 0 {
		t.Errorf("%d lines are missing and nothing is said of it: %.60q\n%.60q", len(unexplained), unexplained[:min(len(unexplained), 5)], unexplained[len(unexplained)-min(len(unexplained), 5):])
	}
}
