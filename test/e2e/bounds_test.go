package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// memory returns a line of the process's status, such as VmHWM, in bytes.
func memory(t testing.TB, c *carrier.Carrier, name string) int {
	t.Helper()
	n, err := statusLine(c.PID(), name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func statusLine(pid int, name string) (bytes int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\n"+name+":")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(kilobytes)
	if err != nil {
		return 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return n << 10, nil
}

// measured starts a carrier as it is released, to look at its memory or speed.
func measured(t testing.TB, args ...string) *carrier.Carrier {
	t.Helper()
	return carrier.StartWith(t, carrier.Options{Args: args, Measured: true})
}

func mebibytes(bytes int) float64 { return float64(bytes) / (1 << 20) }

// jsonRecord is a record as the json-file driver writes it.
func jsonRecord(at time.Time, text string) string {
	return fmt.Sprintf(`{"log":"%s","stream":"stdout","time":%q}`+"\n", text, at.UTC().Format(time.RFC3339Nano))
}

// writeLog replaces the log of a container that does not run.
func writeLog(t testing.TB, c *engine.Container, write func(w *bufio.Writer)) {
	t.Helper()
	f, err := os.Create(c.LogPath(t))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const lokiLine = 256 << 10

// TestLinesFitLoki: a Loki with its own limit of a line's size takes all lines,
// cut ones too, from every driver and on both routes; each cut is counted.
func TestLinesFitLoki(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.New(t, map[string]string{"max_line_size": "256KB"})
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local", "journald"} {
		for _, tty := range []bool{false, true} {
			if driver == "journald" && tty {
				continue
			}
			c := docker.Start(t, engine.Spec{Name: fmt.Sprint("fit-", driver, tty), Driver: driver, TTY: tty,
				Args: []string{"-sizes", "10,262143,262144,262145,300000,1048576", "-invalid", "100000"}})
			c.Wait(t)
			all = append(all, c)
		}
	}
	for _, mode := range []string{"hybrid", "stream"} {
		t.Run(mode, func(t *testing.T) {
			l := carrier.Start(t, ledger.Mine(t, loki.URL, "--mode", mode, "--external-label", "run="+mode)...)
			cuts := 0
			for _, c := range all {
				want := ledger.Stored(t, c)
				if driver := c.Spec.Driver; driver == "journald" && mode == "hybrid" {
					want = ledger.Journal(t, c, 7)
				}
				for i := range want {
					var cut bool
					if want[i].Text, cut = cutLine(want[i].Text); cut {
						cuts++
					}
				}
				got := ledger.Delivered(loki.Await(t, strings.Replace(ledger.Selector(c), "{", `{run="`+mode+`", `, 1), len(want), 2*time.Minute))
				for i := range got {
					got[i].Text = withoutEnd(got[i].Text)
				}
				ledger.Compare(t, c.Name, want, got)
			}
			if n := int(l.Metrics(t).Sum("lighterman_cut_lines_total")); n != cuts || cuts == 0 {
				t.Errorf("%d cuts are counted, want %d", n, cuts)
			}
			ledger.Clean(t, l)
		})
	}
}

const cutMark = "… [cut by lighterman: the line had more than "

// cutLine cuts a line as far as it is the same wherever its runes end.
func cutLine(text string) (string, bool) {
	if len(text) <= lokiLine {
		return text, false
	}
	return text[:lokiLine/2] + cutMark, true
}

// withoutEnd does the same to a line that was cut.
func withoutEnd(text string) string {
	if at := strings.LastIndex(text, cutMark); at > 0 && len(text) <= lokiLine && len(text) > lokiLine-8 {
		return text[:lokiLine/2] + cutMark
	}
	return text
}

// TestGiantLine: a line of 256 MiB, with LIGHTERMAN_FULL=1 of 1 GiB, costs no memory,
// from the file and through the API, with and without a terminal. It arrives cut, and what
// follows too.
func TestGiantLine(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	const part = 16 << 10
	giant := 256 << 20
	if os.Getenv("LIGHTERMAN_FULL") == "1" {
		giant = 1 << 30
	}
	for _, test := range []struct {
		mode string
		tty  bool
	}{{"file", false}, {"stream", false}, {"stream", true}} {
		name := fmt.Sprintf("%s-%v", test.mode, test.tty)
		t.Run(name, func(t *testing.T) {
			peak := make(map[string]int)
			for _, size := range []int{1 << 20, giant} {
				c := docker.Start(t, engine.Spec{Name: fmt.Sprint("giant-", name, size), TTY: test.tty, Args: []string{"-n", "0"}})
				c.Wait(t)
				now := time.Now()
				writeLog(t, c, func(w *bufio.Writer) {
					record := jsonRecord(now, strings.Repeat("x", part))
					for range size / part {
						_, _ = w.WriteString(record)
					}
					_, _ = w.WriteString(jsonRecord(now, `\n`) + jsonRecord(now.Add(time.Second), `after\n`))
				})
				l := measured(t, ledger.Mine(t, loki.URL, "--mode", test.mode, "--include-name", c.Name)...)
				got := loki.Await(t, ledger.Selector(c), 2, 2*time.Minute)
				if len(got) != 2 || got[1].Line != "after" || !strings.HasSuffix(got[0].Line, fmt.Sprintf("%s%d bytes]", cutMark, lokiLine)) {
					t.Errorf("%d lines", len(got))
				}
				wait.For(t, 10*time.Second, "the cut to be counted", func() bool { return l.Metrics(t).Sum("lighterman_cut_lines_total") == 1 })
				peak[fmt.Sprint(size == giant)] = memory(t, l, "VmHWM")
				ledger.Clean(t, l)
				c.Remove(t)
			}
			grown := peak["true"] - peak["false"]
			t.Logf("peak with 1 MiB %.1f MiB, with %d MiB %.1f MiB", mebibytes(peak["false"]), giant>>20, mebibytes(peak["true"]))
			if grown > 12<<20 {
				t.Errorf("%d MiB in a line raise the peak of memory by %.1f MiB", giant>>20, mebibytes(grown))
			}
		})
	}
}

// outage is how long TestOutage watches; LIGHTERMAN_OUTAGE makes it longer.
func outage(t testing.TB) time.Duration {
	text := os.Getenv("LIGHTERMAN_OUTAGE")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// backlog is a json-file log of about size bytes.
func backlog(begin time.Time, size int) []byte {
	var out bytes.Buffer
	for i := 0; out.Len() < size; i++ {
		out.WriteString(jsonRecord(begin.Add(time.Duration(i)*time.Microsecond), fmt.Sprintf(`line %d %s\n`, i, strings.Repeat("y", 60+i%200))))
	}
	return out.Bytes()
}

func zipped(t testing.TB, content []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestOutage: 200 containers with a long backlog, rotated, compressed and live, of which 60
// go on writing; Loki refuses connections, or takes them and never answers. Memory is
// bounded by --max-memory and does not grow. To start a container keeps the machine busy for
// a third of a second, and by file makes no difference to what is read.
func TestOutage(t *testing.T) {
	docker := engine.Private(t, engine.PrivateOptions{})
	frozen := lokitest.New(t, nil)
	frozen.Freeze(t)
	defer frozen.Thaw(t)
	const containers, writing, workers = 200, 60, 8
	began := time.Now()
	old, live := zipped(t, backlog(began.Add(-time.Hour), 4<<20)), backlog(began.Add(-time.Minute), 1<<20)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < containers; i += workers {
				c := docker.Create(t, engine.Spec{Name: fmt.Sprint("outage", i), Args: []string{"-n", "-1", "-rate", "5", "-streams", "alternate"},
					Opts: map[string]string{"max-size": "50m", "max-file": "5", "compress": "true"}})
				if i < writing {
					c.Start(t)
				}
				appendTo(t, c.LogPath(t), live)
				appendTo(t, c.LogPath(t)+".1.gz", old)
			}
		})
	}
	group.Wait()
	t.Logf("%d containers after %v", containers, time.Since(began).Round(time.Second))
	running := map[string]*carrier.Carrier{
		"refused": measured(t, "--loki-url", lokitest.Reserve(t, nil).URL, "--docker-host", docker.Host),
		"frozen":  measured(t, "--loki-url", frozen.URL, "--docker-host", docker.Host),
		"api":     measured(t, "--loki-url", frozen.URL, "--docker-host", docker.Host, "--mode", "stream"),
		"idle":    measured(t, "--loki-url", frozen.URL, "--docker-host", docker.Host, "--include-name", "nothing"),
	}
	const held = 64 << 20
	for name, c := range running {
		if name != "idle" {
			wait.For(t, 5*time.Minute, "an answer", func() bool { code, _, _ := c.Get("/metrics"); return code == http.StatusOK })
			fill(t, name, c)
		}
	}
	first := make(map[string]int)
	for name, c := range running {
		// Garbage may grow as far as the collector lets it: with little work a
		// collection comes every few minutes only.
		m := c.Metrics(t)
		first[name] = memory(t, c, "VmRSS") + int(m.Sum("go_memstats_next_gc_bytes")-m.Sum("go_memstats_heap_alloc_bytes"))
	}
	until := time.Now().Add(outage(t))
	wait.Until(outage(t), func() bool { return time.Now().After(until) })
	idle := memory(t, running["idle"], "VmHWM")
	for name, c := range running {
		now, peak := memory(t, c, "VmRSS"), memory(t, c, "VmHWM")
		t.Logf("%s: %.1f MiB with full buffers and garbage, %.1f MiB after %v, peak %.1f MiB; %.1f MiB of lines held", name, mebibytes(first[name]), mebibytes(now),
			outage(t), mebibytes(peak), mebibytes(int(c.Metrics(t).Sum("lighterman_buffered_bytes"))))
		if now > first[name]+8<<20 {
			t.Errorf("%s: memory grows while Loki is away", name)
		}
		// The lines, as much again for what carries them and for garbage.
		if peak > idle+2*held {
			t.Errorf("%s: the peak is %.1f MiB, %.1f MiB when idle", name, mebibytes(peak), mebibytes(idle))
		}
	}
}

// fill waits until the buffers of a lighterman are full: once it shows that Loki takes
// nothing, no more is read ahead.
func fill(t testing.TB, name string, c *carrier.Carrier) {
	t.Helper()
	held, since := 0.0, time.Now()
	wait.For(t, 10*time.Minute, "full buffers of "+name, func() bool {
		if now := c.Metrics(t).Sum("lighterman_buffered_bytes"); now > held+64<<10 {
			held, since = now, time.Now()
		}
		return held > 3<<20 && time.Since(since) > 3*time.Second
	})
}

func appendTo(t testing.TB, path string, content []byte) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Errorf("cannot write a log: %v", err)
	}
}
