package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/process"
	"github.com/lighterman/lighterman/test/wait"
)

// Config says what is run.
type Config struct {
	// Name is what it is called in messages.
	Name string
	// Program is its path, and Args are its arguments.
	Program string
	Args    []string
	// Dir is where it runs, and where what it says is kept.
	Dir string
	// Ready reports whether it answers.
	Ready func() bool
}

// Service is a program under test. Its methods are for one goroutine.
type Service struct {
	config Config
	cmd    *exec.Cmd // nil while it does not run
	gone   chan struct{}
}

// New makes one. Start starts it, and it is killed when the test ends.
func New(t testing.TB, config Config) *Service {
	t.Helper()
	s := &Service{config: config}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.end(t, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", config.Name, s.said())
		}
	})
	return s
}

// Start starts it, again after Stop, and waits until it is ready.
func (s *Service) Start(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(s.config.Dir, "output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(s.config.Program, s.config.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.config.Dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test, which cleans up
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start %s: %v", s.config.Name, err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	s.cmd, s.gone = cmd, gone
	ready := wait.Until(time.Minute, func() bool {
		select {
		case <-gone:
			return true
		default:
			return s.config.Ready()
		}
	})
	if !ready || !s.config.Ready() {
		t.Fatalf("%s is not ready; it said:\n%s", s.config.Name, s.said())
	}
}

// Stop ends it with SIGTERM and waits for that.
func (s *Service) Stop(t testing.TB) { t.Helper(); s.end(t, syscall.SIGTERM) }

// Kill9 ends it with SIGKILL, and all that it has started.
func (s *Service) Kill9(t testing.TB) { t.Helper(); s.end(t, syscall.SIGKILL) }

// Freeze stops it with SIGSTOP: it accepts connections and answers nothing, until Thaw.
func (s *Service) Freeze(t testing.TB) {
	t.Helper()
	pid := s.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatalf("cannot freeze %s: %v", s.config.Name, err)
	}
	wait.For(t, 10*time.Second, s.config.Name+" to stand still", func() bool { return process.Stopped(pid) })
}

// Thaw ends a Freeze.
func (s *Service) Thaw(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGCONT); err != nil {
		t.Fatalf("cannot thaw %s: %v", s.config.Name, err)
	}
}

func (s *Service) end(t testing.TB, with syscall.Signal) {
	t.Helper()
	pid := s.cmd.Process.Pid
	if with == syscall.SIGKILL {
		pid = -pid // it cannot end what it has started
	}
	_ = syscall.Kill(pid, with) // it may be gone
	wait.Closed(t, time.Minute, fmt.Sprint("the end of ", s.config.Name), s.gone)
	s.cmd = nil
}

// said is the end of what it has said.
func (s *Service) said() string {
	text, err := os.ReadFile(filepath.Join(s.config.Dir, "output"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
