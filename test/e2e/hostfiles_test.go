package e2e

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// hostLog is a file that somebody writes to, as a service does: it is open all the time, and
// opened again some time after it was rotated.
type hostLog struct {
	path string
	mu   sync.Mutex // guards what follows; whoever has it keeps the writer from writing
	file *os.File
	seq  int
	// rotated is how often it was; it belongs to whoever rotates.
	rotated int
}

func (h *hostLog) reopen(t testing.TB) {
	f, err := os.OpenFile(h.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if h.file != nil {
		_ = h.file.Close()
	}
	h.file = f
}

// line is the n-th one.
func (h *hostLog) line(n int) string {
	return fmt.Sprintf("%s %d %s", filepath.Base(h.path), n, strings.Repeat("x", n%300))
}

func (h *hostLog) write(t testing.TB, lines int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var text strings.Builder
	for range lines {
		text.WriteString(h.line(h.seq) + "\n")
		h.seq++
	}
	if _, err := h.file.WriteString(text.String()); err != nil {
		t.Error(err)
	}
}

// rotations are the shapes of logrotate's, and whether it loses lines itself: what is written
// between its copy and its truncation, or while it compresses what somebody still writes to.
var rotations = []struct {
	name, config string
	loses        bool
}{
	{"create", "create", false},
	{"copytruncate", "copytruncate", true},
	{"dateext", "create\n dateext\n dateformat -%Y%m%d-%s", false},
	{"compress", "create\n compress", true},
	{"delaycompress", "create\n compress\n delaycompress", false},
	{"nocreate", "nocreate\n extension .log", false},
	{"copytruncate-compress", "copytruncate\n compress", true},
}

// rotate has the real logrotate rotate a log, and its writer find out.
func (h *hostLog) rotate(t testing.TB, dir, config string, truncates bool) {
	h.rotated++
	conf := filepath.Join(dir, filepath.Base(h.path)+".conf")
	text := fmt.Sprintf("%s {\n size 1\n rotate 1000\n missingok\n su root root\n %s\n}\n", h.path, config)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(context.Background(), "logrotate", "--force", "--state", conf+".state", conf).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "already exists") { // twice within a second
		t.Errorf("logrotate: %v: %s", err, out)
	}
	if !truncates {
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // as long as a service takes to hear of it
		h.mu.Lock()
		defer h.mu.Unlock()
		h.reopen(t)
	}
}

// kills is how often the program is killed: LIGHTERMAN_KILLS, or few.
func kills(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("LIGHTERMAN_KILLS"))
	if err != nil {
		return 5
	}
	t.Logf("%d kills", n)
	return n
}

// onDisk returns the lines that the files of a directory have, and what stands at the end of
// a copy that was made while a line was written.
func onDisk(t testing.TB, dir string) (lines map[string]string, pieces map[string]bool) {
	lines, pieces = make(map[string]string), make(map[string]bool)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var from io.Reader = f
		if strings.HasSuffix(e.Name(), ".gz") {
			if from, err = gzip.NewReader(f); err != nil {
				t.Fatal(e.Name(), err)
			}
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(e.Name(), err)
		}
		_ = f.Close()
		for line := range strings.Lines(string(text)) {
			if whole, ended := strings.CutSuffix(line, "\n"); ended {
				lines[whole] = e.Name()
			} else {
				pieces[line] = true
			}
		}
	}
	return lines, pieces
}

// TestHostFilesKills: files are rotated in each of logrotate's shapes while they are written,
// and the program is killed again and again: Loki has each line once that the disk has.
func TestHostFilesKills(t *testing.T) {
	t.Parallel()
	need.Root(t) // logrotate wants to own what it rotates
	need.Program(t, "logrotate")
	// Shards of a busy stream would keep copies of what is sent again.
	loki := lokitest.New(t, map[string]string{"shard_streams": "{enabled: false}"})
	dir, state := t.TempDir(), t.TempDir()
	logs := filepath.Join(dir, "log")
	if err := os.Mkdir(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("hostfiles%d", time.Now().UnixNano())
	config := filepath.Join(dir, "lighterman.yaml")
	text := fmt.Sprintf("docker-host: unix://%s/none.sock\nfiles:\n  - paths: [%s/*.log]\n    labels: {job: %s}\n", dir, logs, mark)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *carrier.Carrier {
		return carrier.Start(t, "--config", config, "--loki-url", loki.URL, "--state-dir", state, "--batch-wait", "50ms")
	}
	all := make([]*hostLog, 0, len(rotations))
	for _, r := range rotations {
		h := &hostLog{path: filepath.Join(logs, r.name+".log")}
		h.reopen(t)
		h.write(t, 1)
		all = append(all, h)
	}
	selector := fmt.Sprintf("{job=%q}", mark)
	c := start()
	loki.Await(t, selector, len(all), time.Minute) // what was rotated before the first start is not collected
	done := make(chan struct{})
	var writers, rotators sync.WaitGroup
	for i, r := range rotations {
		h := all[i]
		writers.Go(func() {
			for ended := false; !ended; {
				select {
				case <-done:
					ended = true
				case <-time.After(time.Duration(1+rand.IntN(40)) * time.Millisecond):
				}
				h.write(t, 1+rand.IntN(50))
			}
		})
		rotators.Go(func() { // beside the writer, as on a host
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-time.After(time.Duration(min(n, 1)*(300+rand.IntN(1500))) * time.Millisecond):
				}
				h.rotate(t, dir, r.config, strings.HasPrefix(r.config, "copytruncate"))
			}
		})
	}
	for range kills(t) {
		time.Sleep(time.Duration(100+rand.IntN(900)) * time.Millisecond) // anywhere, that is the point
		c.Kill9(t)
		c = start()
	}
	close(done)
	rotators.Wait()
	writers.Wait()
	want, written, shapes := 0, 0, ""
	disk, pieces := onDisk(t, logs)
	for i, h := range all {
		_ = h.file.Close()
		written += h.seq
		for n := range h.seq {
			if disk[h.line(n)] != "" || !rotations[i].loses {
				want++
			}
		}
		shapes += fmt.Sprintf(" %s %d", rotations[i].name, h.rotated)
	}
	count := func(entries []lokitest.Entry) map[string]int {
		got := make(map[string]int)
		for _, e := range entries {
			got[e.Line]++
		}
		return got
	}
	wait.Until(time.Minute, func() bool { return len(count(loki.All(t, selector))) >= want })
	entries := loki.All(t, selector)
	got := count(entries)
	when := func(line string) (times []string) {
		for _, e := range entries {
			if e.Line == line {
				times = append(times, time.Unix(0, e.Time).Format("15:04:05.000000000"))
			}
		}
		return times
	}
	lost, twice, truncated, saved := 0, 0, 0, 0
	worst := make(map[string]int) // every hundredth of a shape is named
	for i, h := range all {
		for n := range h.seq {
			gone := rotations[i].loses && disk[h.line(n)] == "" // logrotate has lost it
			switch times := got[h.line(n)]; {
			case times == 0 && gone:
				truncated++
			case times == 1 && gone:
				saved++
			case times == 0:
				if lost++; worst[rotations[i].name]%100 == 0 {
					t.Errorf("lost: %.60q of %s", h.line(n), disk[h.line(n)])
				}
				worst[rotations[i].name]++
			case times > 1:
				if twice++; worst[rotations[i].name]%100 == 0 {
					t.Errorf("%d times: %.60q of %s at %v", times, h.line(n), disk[h.line(n)], when(h.line(n)))
				}
				worst[rotations[i].name]++
			}
			delete(got, h.line(n))
		}
	}
	for line := range got {
		if pieces[line] {
			delete(got, line)
			continue
		}
		t.Errorf("nobody has written %.80q", line)
	}
	t.Logf("%d lines of %d files, %d lost, %d twice, %d changed; of those that logrotate has lost itself %d are not there and %d are; rotations:%s", written, len(all), lost, twice, len(got), truncated, saved, shapes)
	if lost+twice > 0 {
		out, _ := exec.Command("ls", "-li", logs).CombinedOutput()
		t.Logf("%d lost, %d twice:\n%.3000s", lost, twice, out)
	}
	if c.Terminate(t) != 0 {
		t.Error("it did not end well")
	}
}
