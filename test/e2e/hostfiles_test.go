package e2e

import (
	"context"
	"fmt"
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

// rotation is a shape of logrotate's, and whether the writer has to be stopped meanwhile:
// what is written between its copy and its truncation it loses itself.
var rotations = []struct {
	name, config string
	truncates    bool
}{
	{"create", "create", false},
	{"copytruncate", "copytruncate", true},
	{"dateext", "create\n dateext\n dateformat -%Y%m%d-%s", false},
	{"compress", "create\n compress", false},
	{"delaycompress", "create\n compress\n delaycompress", false},
	{"nocreate", "nocreate\n extension .log", false},
	{"copytruncate-compress", "copytruncate\n compress", true},
}

// rotate has the real logrotate rotate a log, and its writer find out.
func (h *hostLog) rotate(t testing.TB, dir, config string, truncates bool) {
	conf := filepath.Join(dir, filepath.Base(h.path)+".conf")
	text := fmt.Sprintf("%s {\n size 1\n rotate 1000\n missingok\n su root root\n %s\n}\n", h.path, config)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if truncates {
		h.mu.Lock()
		defer h.mu.Unlock()
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

// TestHostFilesKills: files are rotated in each of logrotate's shapes while they are written,
// and the program is killed again and again: Loki has each line once.
func TestHostFilesKills(t *testing.T) {
	t.Parallel()
	need.Root(t) // logrotate wants to own what it rotates
	need.Program(t, "logrotate")
	loki := lokitest.Shared(t)
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
	var writers sync.WaitGroup
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
				if rand.IntN(40) == 0 {
					h.rotate(t, dir, r.config, r.truncates)
				}
			}
		})
	}
	for range kills(t) {
		time.Sleep(time.Duration(100+rand.IntN(900)) * time.Millisecond) // anywhere, that is the point
		c.Kill9(t)
		c = start()
	}
	close(done)
	writers.Wait()
	want := 0
	for _, h := range all {
		_ = h.file.Close()
		want += h.seq
	}
	count := func(entries []lokitest.Entry) map[string]int {
		got := make(map[string]int)
		for _, e := range entries {
			got[e.Line]++
		}
		return got
	}
	wait.Until(time.Minute, func() bool { return len(count(loki.All(t, selector))) >= want })
	got := count(loki.All(t, selector))
	lost, twice := 0, 0
	for _, h := range all {
		for n := range h.seq {
			switch times := got[h.line(n)]; {
			case times == 0:
				if lost++; lost < 5 {
					t.Errorf("lost: %.60q", h.line(n))
				}
			case times > 1:
				if twice++; twice < 5 {
					t.Errorf("%d times: %.60q", times, h.line(n))
				}
			}
			delete(got, h.line(n))
		}
	}
	for line := range got {
		t.Errorf("nobody has written %.80q", line)
	}
	t.Logf("%d lines of %d files, %d lost, %d twice", want, len(all), lost, twice)
	if lost+twice > 0 {
		out, _ := exec.Command("ls", "-li", logs).CombinedOutput()
		t.Logf("%d lost, %d twice:\n%.3000s", lost, twice, out)
	}
	if c.Terminate(t) != 0 {
		t.Error("it did not end well")
	}
}
