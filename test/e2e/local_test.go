package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// witness holds all files of a log open that it has seen, and so knows what the
// engine has deleted since. It tells files apart by what is in them.
type witness struct {
	t     testing.TB
	live  string
	files map[string]*os.File // by inode and whether compressed
	stop  chan struct{}
	done  sync.WaitGroup
}

// framesOf is where a container's log lies that is kept in frames.
func framesOf(t testing.TB, c *engine.Container) string {
	if c.Spec.Driver == "local" {
		return filepath.Join(c.Dir(t), "local-logs", "container.log")
	}
	return filepath.Join(c.Dir(t), "container-cached.log")
}

func watch(t testing.TB, c *engine.Container) *witness {
	w := &witness{t: t, live: framesOf(t, c), files: make(map[string]*os.File), stop: make(chan struct{})}
	w.done.Go(func() {
		for tick := time.NewTicker(time.Millisecond); ; {
			w.look()
			select {
			case <-tick.C:
			case <-w.stop:
				tick.Stop()
				w.look()
				return
			}
		}
	})
	t.Cleanup(func() {
		w.end()
		for _, f := range w.files {
			_ = f.Close()
		}
	})
	return w
}

// end stops looking.
func (w *witness) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.done.Wait()
}

func (w *witness) look() {
	for _, suffix := range []string{"", ".1", ".1.gz", ".2.gz", ".3.gz", ".4.gz"} {
		f, err := os.Open(w.live + suffix)
		if err != nil {
			continue
		}
		// An inode is not used again as long as it is held here.
		var st syscall.Stat_t
		err = syscall.Fstat(int(f.Fd()), &st)
		key := fmt.Sprintf("%d%v", st.Ino, strings.HasSuffix(suffix, ".gz"))
		if err != nil || w.files[key] != nil {
			_ = f.Close()
			continue
		}
		w.files[key] = f
	}
}

// records returns all lines of all files, each once, decoded and joined without
// anything of what is tested.
func (w *witness) records() []engine.Record {
	w.t.Helper()
	seen := make(map[string]bool)
	open := make(map[string]*joined)
	var out []*joined
	for key, f := range w.files {
		var content io.Reader = io.NewSectionReader(f, 0, 1<<40)
		if strings.HasSuffix(key, "true") {
			z, err := gzip.NewReader(content)
			if err != nil {
				continue // caught while it was being made: the other one is there
			}
			content = z
		}
		raw, _ := io.ReadAll(content) // a cut one is there whole, too
		for len(raw) >= 8 {
			n := int(binary.BigEndian.Uint32(raw))
			if len(raw) < n+8 {
				break
			}
			message := raw[4 : 4+n]
			if !bytes.Equal(raw[:4], raw[4+n:8+n]) {
				w.t.Fatalf("%s: broken frame", key)
			}
			raw = raw[8+n:]
			if seen[string(message)] {
				continue
			}
			seen[string(message)] = true
			e := fields(w.t, message)
			if e.id == "" {
				out = append(out, &joined{record: e.record, parts: map[int]string{1: e.record.Line}})
				continue
			}
			if open[e.id] == nil {
				open[e.id] = &joined{record: e.record, parts: make(map[int]string)}
				out = append(out, open[e.id])
			}
			open[e.id].parts[e.ordinal] = e.record.Line
		}
	}
	records := make([]engine.Record, 0, len(out))
	for _, j := range out {
		j.record.Line = ""
		for i := 1; i <= len(j.parts); i++ {
			part, ok := j.parts[i]
			if !ok {
				w.t.Fatalf("part %d of %d of a line is missing", i, len(j.parts))
			}
			j.record.Line += part
		}
		records = append(records, j.record)
	}
	return records
}

// joined is a line and its parts.
type joined struct {
	record engine.Record
	parts  map[int]string
}

// entry is what a frame holds.
type entry struct {
	record  engine.Record
	id      string
	ordinal int
}

// fields reads a protobuf message by hand.
func fields(t testing.TB, m []byte) (e entry) {
	t.Helper()
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		v, k := binary.Uvarint(m[n:])
		m = m[n+k:]
		var body []byte
		if tag&7 == 2 {
			body, m = m[:v], m[v:]
		}
		switch tag >> 3 {
		case 1:
			e.record.Stream = string(body)
		case 2:
			e.record.Time = int64(v)
		case 3:
			e.record.Line = string(body)
		case 5:
			for p := body; len(p) > 0; {
				tag, v := p[0], int(p[1])
				p = p[2:]
				if tag>>3 == 2 {
					e.id, p = string(p[:v]), p[v:]
				}
				if tag>>3 == 3 {
					e.ordinal = v
				}
			}
		}
	}
	return e
}

// check wants all that was seen in Loki, each line once.
func (w *witness) check(loki *lokitest.Loki, c *engine.Container, least int) {
	w.t.Helper()
	w.end()
	want := ledger.Expected(w.records())
	if len(want) < least {
		w.t.Fatalf("%s: the witness has seen %d lines of at least %d", c.Name, len(want), least)
	}
	w.t.Logf("%s: %d lines in %d files", c.Name, len(want), len(w.files))
	ledger.Compare(w.t, c.Name, want, ledger.Delivered(loki.Await(w.t, ledger.Selector(c), len(want), 2*time.Minute)))
}

// seam is a line with a rune that lies across the end of Docker's first part.
var seam = strings.Repeat("a", 16<<10-1) + "é水" + strings.Repeat("b", 20_000)

// awkward are the arguments of a logwriter that writes what is hard to join.
func awkward(n int, more ...string) []string {
	return append([]string{"-n", fmt.Sprint(n), "-tag", "frame", "-streams", "alternate", "-pattern", "escapes",
		"-sizes", "0,1,16383,16384,16385,32768,32769,200000,0", "-corpus", "-say", seam, "-invalid", "40000", "-unterminated"}, more...)
}

// TestLocalRotates: 20,000 lines through files of 100 kB, of which five are kept, while
// lighterman is killed again and again, and 20,000 where it is not and they come faster:
// the engine deletes a file half a second after it has made it, which is more than a busy
// machine keeps a process waiting. Every line is in Loki once.
func TestLocalRotates(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	opts := map[string]string{"max-size": "100k", "max-file": "5", "compress": "true"}
	t.Run("fast", func(t *testing.T) {
		// As released: the engine does not wait for a race detector.
		l := measured(t, ledger.Mine(t, loki.URL)...)
		l.AwaitReady(t, 2*time.Minute)
		c := docker.Create(t, engine.Spec{Name: "local-fast", Driver: "local", Opts: opts, Args: awkward(20_000, "-delay", "1s", "-rate", "5000")})
		w := watch(t, c)
		c.Start(t)
		c.Wait(t)
		onRoute(t, l, "file", 1)
		w.check(loki, c, 20_060)
		ledger.Clean(t, l)
	})
	t.Run("killed", func(t *testing.T) {
		args := ledger.Mine(t, loki.URL, "--state-dir", t.TempDir())
		l := carrier.Start(t, args...)
		l.AwaitReady(t, 2*time.Minute)
		c := docker.Create(t, engine.Spec{Name: "local-killed", Driver: "local", Opts: opts, Args: awkward(20_000, "-rate", "2000")})
		w := watch(t, c)
		c.Start(t)
		for range 4 {
			// On a slow host all of it may be there before it is asked for again.
			before := loki.Count(t, ledger.Selector(c))
			wait.For(t, 2*time.Minute, "more lines", func() bool { return loki.Count(t, ledger.Selector(c)) >= min(before+1000, 20_060) })
			l.Kill9(t)
			l = carrier.Start(t, args...)
		}
		c.Wait(t)
		w.check(loki, c, 20_060)
		ledger.Clean(t, l)
	})
}

// TestFramesLikeTheAPI: what goes by file is what the engine says of it, of local
// and of a cached driver, with and without a terminal; and going over from one route
// to the other in the middle neither loses nor repeats a line. A state directory of
// before is one of a log that went by API.
func TestFramesLikeTheAPI(t *testing.T) {
	t.Parallel()
	docker, loki, syslog := engine.Default(t), lokitest.Shared(t), engine.StartSyslog(t)
	cache := map[string]string{"syslog-address": syslog.UDP, "mode": "blocking"}
	var all, running []*engine.Container
	for _, tty := range []bool{false, true} {
		for driver, opts := range map[string]map[string]string{"local": nil, "syslog": cache} {
			name := fmt.Sprintf("frames-%s-%v", driver, tty)
			all = append(all, docker.Start(t, engine.Spec{Name: name, Driver: driver, Opts: opts, TTY: tty, Args: awkward(500)}))
			running = append(running, docker.Start(t, engine.Spec{Name: name + "-running", Driver: driver, Opts: opts, TTY: tty,
				Args: []string{"-n", "-1", "-rate", "300", "-tag", "switch", "-streams", "alternate"}}))
		}
	}
	state := t.TempDir()
	for _, mode := range []string{"stream", "hybrid", "stream", "file"} {
		l := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state, "--mode", mode)...)
		l.AwaitReady(t, 2*time.Minute)
		if mode != "stream" {
			onRoute(t, l, "file", len(all)+len(running))
		}
		ledger.GrowthOf(t, loki, running, 200)
		if mode == "hybrid" {
			l.Kill9(t)
			continue
		}
		ledger.Clean(t, l)
	}
	for _, c := range running {
		c.Stop(t)
	}
	last := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	for _, c := range append(all, running...) {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, last)
	// And from nothing, by file alone.
	file := carrier.Start(t, ledger.Mine(t, loki.URL, "--external-label", "run=file")...)
	for _, c := range all {
		want := ledger.Stored(t, c)
		by := strings.Replace(ledger.Selector(c), "{", `{run="file", `, 1)
		ledger.Compare(t, c.Name+" by file", want, ledger.Delivered(loki.Await(t, by, len(want), 2*time.Minute)))
	}
	ledger.Clean(t, file)
}

// TestFramesOfRemoved: a burst, with Loki frozen, and `docker rm -f`.
func TestFramesOfRemoved(t *testing.T) {
	docker, loki, syslog := engine.Default(t), lokitest.Shared(t), engine.StartSyslog(t)
	l := carrier.Start(t, ledger.Mine(t, loki.URL)...)
	l.AwaitReady(t, 2*time.Minute)
	type burst struct {
		*engine.Container
		*witness
	}
	var all []burst
	for driver, opts := range map[string]map[string]string{
		"local":  {"max-size": "100k", "max-file": "3"},
		"syslog": {"syslog-address": syslog.UDP, "mode": "blocking"},
	} {
		c := docker.Create(t, engine.Spec{Name: "removed-" + driver, Driver: driver, Opts: opts,
			// A hundredth of a second is too short for a file to be there: a busy host cannot open it.
			Args: []string{"-n", "5000", "-rate", "5000", "-tag", "removed", "-streams", "alternate", "-delay", "1s"}})
		all = append(all, burst{c, watch(t, c)})
	}
	loki.Freeze(t)
	t.Cleanup(func() { loki.Thaw(t) })
	for _, b := range all {
		b.Start(t)
	}
	for _, b := range all {
		b.Wait(t)
		b.Remove(t)
	}
	loki.Thaw(t)
	for _, b := range all {
		b.check(loki, b.Container, 5000)
	}
	ledger.Clean(t, l)
}
