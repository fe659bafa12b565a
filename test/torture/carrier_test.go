package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/wait"
)

// supervisor runs lighterman, one process after another, with one state.
type supervisor struct {
	t        testing.TB
	args     []string
	stateDir string
	log      *os.File
	keep     *keeper
	// pid is that of the running process; 0 while it cannot hold anything.
	pid atomic.Int64

	mu      sync.Mutex // guards the fields below
	current *carrier.Carrier
	// overflows is the number of events dropped by inotify in all processes.
	overflows float64
	starts    int

	// damaged is the file that was damaged last, under its name then.
	damaged     os.FileInfo
	damagedName string
}

func newSupervisor(t testing.TB, stateDir string, args ...string) *supervisor {
	t.Helper()
	keep := newKeeper(t)
	log, err := os.Create(filepath.Join(keep.dir, "lighterman.log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{t: t, stateDir: stateDir, log: log, keep: keep, args: append(args, "--state-dir", stateDir)}
	if keep.on {
		s.args = append(s.args, "--log-level", "debug")
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("lighterman's log ends:\n%s", s.lastWords())
		}
		_ = log.Close()
	})
	return s
}

func (s *supervisor) lastWords() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

func (s *supervisor) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.log, "--- start %d at %s\n", s.starts, time.Now().UTC().Format(time.RFC3339Nano))
	s.keep.positions(s.stateDir, s.starts)
	s.starts++
	s.current = carrier.StartWith(s.t, carrier.Options{Args: s.args, Log: s.log})
	s.pid.Store(int64(s.current.PID()))
}

// begun tells whether the last process came as far as to say so.
func (s *supervisor) begun() bool {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return true
	}
	last := text[max(0, bytes.LastIndex(text, []byte("--- start "))):]
	return bytes.Contains(last, []byte("msg=starting"))
}

// said tells whether a process has logged something.
func (s *supervisor) said(what string) bool {
	text, err := os.ReadFile(s.log.Name())
	return err == nil && bytes.Contains(text, []byte(what))
}

// end sends a signal that ends the process, and returns the exit code.
func (s *supervisor) end(signal syscall.Signal) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code, body, err := s.current.Get("/status.json"); err == nil && code == 200 {
		var last status
		_ = json.Unmarshal([]byte(body), &last)
		s.overflows += last.InotifyOverflows
	}
	s.pid.Store(0) // before: what it held when it died is not certain
	s.current.Signal(s.t, signal)
	return s.current.Wait(s.t, time.Minute)
}

// freeze stops the process for a while.
func (s *supervisor) freeze(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid.Store(0)
	s.current.Signal(s.t, syscall.SIGSTOP)
	time.Sleep(d)
	s.current.Signal(s.t, syscall.SIGCONT)
	s.pid.Store(int64(s.current.PID()))
}

// status is what /status.json says of the containers.
type status struct {
	BufferedBytes    int64   `json:"buffered_bytes"`
	InotifyOverflows float64 `json:"inotify_overflows"`
	Containers       []struct {
		Name       string  `json:"name"`
		ID         string  `json:"id"`
		Driver     string  `json:"driver"`
		Route      string  `json:"route"`
		LagBytes   int64   `json:"lag_bytes"`
		LagSeconds float64 `json:"lag_seconds"`
	} `json:"containers"`
}

func (s *supervisor) status() (status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out status
	code, body, err := s.current.Get("/status.json")
	if err != nil || code != 200 || json.Unmarshal([]byte(body), &out) != nil {
		return out, false
	}
	return out, true
}

// caughtUp tells whether everything older than a second was delivered.
func (s *supervisor) caughtUp() bool {
	now, ok := s.status()
	if !ok || len(now.Containers) == 0 {
		return false
	}
	for _, c := range now.Containers {
		if c.LagSeconds > 1 || c.LagBytes > 64<<10 {
			return false
		}
	}
	return true
}

// idle waits until nothing is left to deliver, as far as lighterman knows.
func (s *supervisor) idle(timeout time.Duration) bool {
	return wait.Until(timeout, func() bool {
		now, ok := s.status()
		if !ok || now.BufferedBytes != 0 {
			return false
		}
		for _, c := range now.Containers {
			if c.LagBytes > 0 {
				return false
			}
		}
		return true
	})
}

// damage changes a file of the saved positions while no process runs, if there are both,
// and neither is one that was damaged before: on a full disk that cannot be replaced, nor
// can a process that was killed as it began. Where both are gone, nobody knows the names
// that containers had.
func (s *supervisor) damage(name string, change func([]byte) []byte) {
	var before os.FileInfo
	for _, needed := range []string{"positions", "positions.previous"} {
		info, err := os.Stat(filepath.Join(s.stateDir, needed))
		if err != nil || needed == s.damagedName && os.SameFile(info, s.damaged) {
			return
		}
		if needed == name {
			before = info
		}
	}
	s.damaged, s.damagedName = before, name
	path := filepath.Join(s.stateDir, name)
	content, err := os.ReadFile(path)
	if err != nil {
		return // none saved yet
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		s.t.Logf("cannot damage the positions: %v", err) // the disk is full
	}
}

// awaitInotify waits until the process has its inotify instance.
func (s *supervisor) awaitInotify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait.For(s.t, time.Minute, "lighterman's inotify instance", func() bool {
		n, _ := s.current.InotifyWatches(s.t)
		return n > 0
	})
}

// awaitFiles waits until no json-file log goes by the API any more.
func (s *supervisor) awaitFiles(timeout time.Duration) {
	wait.Until(timeout, func() bool {
		now, ok := s.status()
		for _, c := range now.Containers {
			ok = ok && (c.Driver == "journald" || c.Route == "file")
		}
		return ok
	})
}
