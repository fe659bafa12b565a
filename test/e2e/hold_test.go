package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

var numbered = regexp.MustCompile(`^\S+ (\d{7}) `)

// number returns the number of a line of logwriter.
func number(t testing.TB, text string) int {
	t.Helper()
	m := numbered.FindStringSubmatch(text + " ")
	if m == nil {
		t.Fatalf("no number in %.60q", text)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// logFile is a log file of Docker's that the test has opened.
type logFile struct {
	*os.File
	zipped bool
}

// openLogs opens all files of a container's log, oldest first.
func openLogs(t testing.TB, c *engine.Container) (out []logFile) {
	t.Helper()
	live := c.LogPath(t)
	for _, path := range []string{live + ".1.gz", live + ".1", live} {
		f, err := os.Open(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		out = append(out, logFile{f, strings.HasSuffix(path, ".gz")})
	}
	return out
}

// numbers returns the numbers of the lines in a file, as it is now. A record that the
// engine is about to write, without its line feed, is not in it yet.
func (f logFile) numbers(t testing.TB) (out []int) {
	t.Helper()
	var r io.Reader = io.NewSectionReader(f, 0, 1<<40)
	if f.zipped {
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	}
	for all := bufio.NewReader(r); ; {
		text, err := all.ReadBytes('\n')
		if err == io.EOF || err == io.ErrUnexpectedEOF { // the latter where the engine is still compressing
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var record struct{ Log string }
		if err := json.Unmarshal(text, &record); err != nil {
			t.Fatalf("%s: %v in %q", f.Name(), err, text)
		}
		out = append(out, number(t, record.Log))
	}
}

// awaitRotations waits until a log was rotated n times.
func awaitRotations(t testing.TB, c *engine.Container, n int) {
	t.Helper()
	var last os.FileInfo
	wait.For(t, 2*time.Minute, "rotations of "+c.Name, func() bool {
		info, err := os.Stat(c.LogPath(t))
		if err == nil && (last == nil || !os.SameFile(last, info)) {
			if last != nil {
				n--
			}
			last = info
		}
		return n <= 0
	})
}

// exactly wants these numbers in Loki, each once.
func exactly(t testing.TB, loki *lokitest.Loki, c *engine.Container, want map[int]bool) {
	t.Helper()
	got := make(map[int]int)
	for _, e := range loki.Await(t, ledger.Selector(c), len(want), 2*time.Minute) {
		got[number(t, e.Line)]++
	}
	lost, extra := 0, 0
	for n := range want {
		if got[n] == 0 {
			lost++
		}
	}
	for n, times := range got {
		if times > 1 || !want[n] {
			extra++
		}
	}
	t.Logf("%s: %d lines expected", c.Name, len(want))
	if lost+extra > 0 {
		t.Errorf("%s: %d lines wanted, %d lost, %d twice or not expected", c.Name, len(want), lost, extra)
	}
}

// TestHoldWhileDown: lighterman is killed with lines it has not delivered.
// While it is down Docker rotates away what was live, and removes a container.
// What was in files that existed before, or exist after, is in Loki in the end,
// each line once; nothing is left of what is delivered.
func TestHoldWhileDown(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.New(t, nil) // it is frozen
	state, holdDir := t.TempDir(), filepath.Join(docker.DataRoot(), "lighterman-hold")
	start := func(name, compress string) *engine.Container {
		return docker.Start(t, engine.Spec{Name: name, Args: []string{"-n", "-1", "-rate", "200", "-tag", name},
			Opts: map[string]string{"max-size": "50k", "max-file": "2", "compress": compress}})
	}
	args := ledger.Mine(t, loki.URL, "--docker-host", docker.Host, "--state-dir", state, "--hold-dir", holdDir)
	first := carrier.Start(t, args...)
	first.AwaitReady(t, 2*time.Minute)
	all := []*engine.Container{start("plain", "false"), start("zipped", "true"), start("removed", "false")}
	ledger.GrowthOf(t, loki, all, 600)
	loki.Freeze(t)
	for _, c := range all {
		awaitRotations(t, c, 3)
		c.Pause(t) // files stay as they are
	}
	wait.For(t, 2*time.Minute, "all live logs to be linked", func() bool {
		for _, c := range all {
			if links(t, c.LogPath(t)) != 2 {
				return false
			}
		}
		return true
	})
	first.Kill9(t)
	loki.Thaw(t)
	before := make(map[*engine.Container][]logFile)
	for _, c := range all {
		before[c] = openLogs(t, c)
		c.Unpause(t)
	}
	for _, c := range all[:2] {
		awaitRotations(t, c, 4)
		c.Stop(t)
	}
	all[2].Remove(t)
	want := make(map[*engine.Container]map[int]bool)
	for _, c := range all {
		want[c] = make(map[int]bool)
		seen := before[c][len(before[c])-1].numbers(t)
		for n := range seen[len(seen)-1] + 1 {
			want[c][n] = true
		}
	}
	for _, c := range all[:2] {
		for _, f := range openLogs(t, c) {
			for _, n := range f.numbers(t) {
				want[c][n] = true
			}
		}
		if want[c][len(want[c])-1] {
			t.Errorf("%s: nothing was made and deleted while lighterman was down: too few rotations to show anything", c.Name)
		}
	}
	last := carrier.Start(t, args...)
	for _, c := range all {
		exactly(t, loki, c, want[c])
	}
	wait.For(t, 2*time.Minute, "links of what is delivered to go", func() bool {
		return last.Metrics(t).Sum("lighterman_hold_links") == 2 && !exists(filepath.Join(holdDir, all[2].ID))
	})
	for _, c := range all[:2] {
		c.Remove(t)
	}
	wait.For(t, 2*time.Minute, "the hold directory to be empty", func() bool {
		list, err := os.ReadDir(holdDir)
		return err == nil && len(list) == 0
	})
	if n := last.Metrics(t).Sum("lighterman_hold_given_up_files_total"); n != 0 {
		t.Errorf("%v files given up", n)
	}
	ledger.Clean(t, last)
}

// TestHoldKilledAgainAndAgain: kill -9 at random moments while two files are all
// that Docker keeps and Loki is away now and then. Every line comes once. Before the next
// lighterman has the live file there may be two rotations, which take seven seconds.
func TestHoldKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.New(t, nil) // it is frozen
	args := ledger.Mine(t, loki.URL, "--docker-host", docker.Host, "--state-dir", t.TempDir(),
		"--hold-dir", filepath.Join(docker.DataRoot(), "lighterman-hold"))
	l := carrier.Start(t, args...)
	l.AwaitReady(t, 2*time.Minute)
	var all []*engine.Container
	for i, compress := range []string{"false", "true"} {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("again", i), Args: []string{"-n", "-1", "-rate", "100", "-tag", "again"},
			Opts: map[string]string{"max-size": "50k", "max-file": "2", "compress": compress}}))
	}
	for range 6 {
		ledger.Growth(t, loki, all[0], 50)
		loki.Freeze(t)
		awaitRotations(t, all[0], 1+rand.IntN(3))
		l.Kill9(t)
		loki.Thaw(t)
		l = carrier.Start(t, args...)
		ledger.Growth(t, loki, all[1], rand.IntN(200))
	}
	for _, c := range all {
		c.Stop(t)
		files := openLogs(t, c)
		last := files[len(files)-1].numbers(t)
		if len(last) == 0 {
			last = files[len(files)-2].numbers(t)
		}
		want := make(map[int]bool)
		for n := range last[len(last)-1] + 1 {
			want[n] = true
		}
		exactly(t, loki, c, want)
	}
	ledger.Clean(t, l)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func links(t testing.TB, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return uint64(st.Nlink) //nolint:unconvert // it is narrower on some architectures
}

// TestHoldBytes: with Loki frozen a container rotates far more away than may be
// held. Descriptors and disk stay bounded, what is given up is counted to the
// byte, and everything else is delivered.
func TestHoldBytes(t *testing.T) {
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t)
	const bound, file, count = 1 << 20, 100_000, 40_000
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", docker.Host, "--hold-bytes", "1MiB", "--max-memory", "1MiB", "--batch-size", "128KiB",
		"--max-line-bytes", "128KiB", "--hold-dir", filepath.Join(docker.DataRoot(), "lighterman-hold"))...)
	l.AwaitReady(t, 2*time.Minute)
	c := docker.Start(t, engine.Spec{Name: "storm", Args: []string{"-n", fmt.Sprint(count), "-rate", "5000", "-tag", "storm", "-linger"},
		Opts: map[string]string{"max-size": fmt.Sprint(file), "max-file": "2"}})
	ledger.Growth(t, loki, c, 100)
	loki.Freeze(t)
	held, deleted := 0.0, 0
	wait.For(t, 2*time.Minute, "the last line", func() bool {
		held = max(held, l.Metrics(t).Sum("lighterman_held_bytes"))
		n := 0
		for _, target := range l.FDs(t) {
			if strings.HasSuffix(target, "(deleted)") || strings.Contains(target, c.ID) {
				n++
			}
		}
		deleted = max(deleted, n)
		live, err := os.Open(c.LogPath(t))
		if os.IsNotExist(err) { // in the middle of a rotation
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = live.Close() }()
		got := logFile{File: live}.numbers(t)
		return len(got) > 0 && got[len(got)-1] == count-1
	})
	t.Logf("at most %.0f bytes held, %d log files open", held, deleted)
	if held > bound || held < bound/2 {
		t.Errorf("%.0f bytes held", held)
	}
	if deleted > bound/file+4 {
		t.Errorf("%d log files open", deleted)
	}
	loki.Thaw(t)
	c.Stop(t)
	files := l.Metrics(t).Sum("lighterman_hold_given_up_files_total")
	bytes := l.Metrics(t).Sum("lighterman_hold_given_up_bytes_total")
	if files == 0 {
		t.Fatal("nothing was given up")
	}
	if _, body, err := l.Get("/status.json"); err != nil || !strings.Contains(body, "given up") {
		t.Errorf("the status page does not tell: %v", err)
	}
	if n := strings.Count(l.Stderr(), "gave up deleted log files"); n == 0 || n > 20 {
		t.Errorf("said %d times", n)
	}
	wait.For(t, 2*time.Minute, "everything else", func() bool {
		return l.Metrics(t).Sum("lighterman_container_lag_bytes") == 0 && l.Metrics(t).Sum("lighterman_held_bytes") == 0
	})
	got := make(map[int]int)
	for _, e := range loki.All(t, ledger.Selector(c)) {
		got[number(t, e.Line)]++
	}
	// A record is its text, what surrounds it, and a time of 20 to 30 bytes.
	const around = len(`{"log":"\n","stream":"stdout","time":""}`) + 1
	lost, gaps, least, most := 0, 0, 0, 0
	for n := range count {
		switch got[n] {
		case 1:
		case 0:
			lost++
			if n > 0 && got[n-1] > 0 {
				gaps++
			}
			size := len(lines.Text("storm", lines.Plain, n)) + around
			least, most = least+size+20, most+size+30
		default:
			t.Errorf("line %d is there %d times", n, got[n])
		}
	}
	t.Logf("%v files, %v bytes given up: %d lines in %d gaps", files, bytes, lost, gaps)
	if bytes < float64(least) || bytes > float64(most) || float64(gaps) > files {
		t.Errorf("%v bytes given up, %d to %d are lost", bytes, least, most)
	}
	ledger.Clean(t, l)
}

// TestHoldElsewhere: a directory on another file system is said once, with the
// cure, and everything else works.
func TestHoldElsewhere(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	elsewhere, err := os.MkdirTemp("/dev/shm", "lighterman-hold-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--hold-dir", elsewhere)...)
	var all []*engine.Container
	for i := range 3 {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("elsewhere", i), Args: []string{"-n", "2000", "-tag", "x"},
			Opts: map[string]string{"max-size": "100k", "max-file": "20"}}))
	}
	for _, c := range all {
		c.Wait(t)
		ledger.Check(t, loki, c)
	}
	if n := strings.Count(l.Stderr(), "a hard link cannot leave its file system"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if m := l.Metrics(t); m.Sum("lighterman_hold_ok") != 0 || m.Sum("lighterman_hold_link_failures_total") == 0 {
		t.Error("the metrics do not tell")
	}
	if _, stderr, code := carrier.Run(t, "check", "--docker-host", docker.Host, "--docker-root", docker.Root(t), "--hold-dir", elsewhere); code != 1 || !strings.Contains(stderr, "cannot be linked") {
		t.Errorf("check: %d %s", code, stderr)
	}
	if _, stderr, code := carrier.Run(t, "run", "--docker-host", docker.Host, "--docker-root", docker.Root(t), "--hold-dir", filepath.Join(docker.Root(t), "containers", "hold"), "--listen", "off",
		"--state-dir", t.TempDir()); code != 1 || !strings.Contains(stderr, "within Docker's directory") {
		t.Errorf("within: %d %s", code, stderr)
	}
	ledger.Clean(t, l)
}
