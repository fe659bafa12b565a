package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// screen is a `lighterman` on a terminal.
type screen struct {
	cmd *exec.Cmd

	mu   sync.Mutex // guards text
	text strings.Builder
	gone chan struct{}
}

// onTerminal runs lighterman with a terminal as its standard output and error.
func onTerminal(t *testing.T, home string, args ...string) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{cmd: exec.Command(carrier.Binary(t), args...), gone: make(chan struct{})}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.Env = []string{"HOME=" + home, "XDG_STATE_HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=xterm"}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	go func() {
		defer close(s.gone)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		s.stop()
		_ = master.Close()
	})
	return s
}

// stop stops it as Ctrl-C does, and returns the exit code.
func (s *screen) stop() int {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT)
		kill := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
		_ = s.cmd.Wait()
		kill.Stop()
	}
	<-s.gone
	return s.cmd.ProcessState.ExitCode()
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// plain returns what is on the screen without colours.
func (s *screen) plain() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(escapes.ReplaceAllString(s.text.String(), ""), "\r\n", "\n")
}

// lines returns the lines of containers on the screen.
func (s *screen) lines() (all []string) {
	for _, line := range strings.Split(s.plain(), "\n") {
		if _, text, ok := strings.Cut(line, "| "); ok {
			all = append(all, text)
		}
	}
	return all
}

func (s *screen) await(t *testing.T, want ...string) {
	t.Helper()
	wait.Until(20*time.Second, func() bool { return len(s.lines()) >= len(want) })
	if got := s.lines(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q; all: %q", got, want, s.plain())
	}
}

// TestP3TerminalBesideService: on a terminal lighterman needs neither the port nor the
// state directory of the service beside it, begins with now unless told otherwise, and
// prints the time; it does so each time, and leaves nothing behind.
func TestP3TerminalBesideService(t *testing.T) {
	t.Parallel()
	root := dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	for i, text := range old(30) {
		web.Append(t, dataroot.JSON(noon.Add(time.Duration(i)*time.Minute), text))
	}
	loki := fakeloki.Start(t, nil)
	home := t.TempDir()
	state := filepath.Join(home, "lighterman") // what is the default for this user
	service := into(t, root, loki, "--state-dir", state)
	service.AwaitReady(t, 20*time.Second)
	// Somebody has the port, be it this test.
	if port, err := net.Listen("tcp", "127.0.0.1:9177"); err == nil {
		defer func() { _ = port.Close() }()
	}
	look := func(more ...string) *screen {
		s := onTerminal(t, home, append([]string{"run", "--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none"}, more...)...)
		wait.For(t, 20*time.Second, "the log to be open", func() bool { return s.reads(web.Log) })
		return s
	}
	write := func(text string) string {
		web.Append(t, dataroot.JSON(time.Now(), text))
		return text
	}
	for _, text := range []string{"new 1", "new 2"} {
		s := look()
		s.await(t, write(text))
		if !strings.Contains(s.plain(), time.Now().Format("2006-01-02 15:")) || !strings.Contains(s.plain(), "web") {
			t.Errorf("no time, or no name: %q", s.plain())
		}
		if code := s.stop(); code != 0 || strings.Contains(s.plain(), "level=") {
			t.Errorf("exit code %d: %q", code, s.plain())
		}
	}
	since := time.Since(noon.Add(28*time.Minute)) + 30*time.Second
	for range 2 { // it is obeyed the second time, too
		s := look("--since", fmt.Sprint(since.Round(time.Second)))
		s.await(t, "old 28", "old 29", "new 1", "new 2")
		s.stop()
	}
	s := look("--tail", "3")
	s.await(t, "old 29", "new 1", "new 2")
	s.await(t, "old 29", "new 1", "new 2", write("new 3"))
	s.stop()
	s = look("--tail", "0")
	s.await(t, write("new 4"))
	s.stop()
	s = look("--tail", "1000")
	s.await(t, append(old(30), "new 1", "new 2", "new 3", "new 4")...)
	s.stop()
	if _, err := os.Stat(filepath.Join(state, "stdout")); err == nil {
		t.Error("a state directory was made")
	}
	awaitLines(t, loki, append(old(30), "new 1", "new 2", "new 3", "new 4")...)
}

// old are the lines that there are before anybody looks.
func old(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("old ", i))
	}
	return all
}

// reads reports whether it has a file open.
func (s *screen) reads(path string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.cmd.Process.Pid))
	return slices.ContainsFunc(fds, func(fd string) bool {
		target, _ := os.Readlink(fd)
		return target == path
	})
}

// TestP3Pipe: into a pipe lines are JSON, unless colours are wanted; a state directory
// that is set is kept as before.
func TestP3Pipe(t *testing.T) {
	t.Parallel()
	root := dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	web.Append(t, dataroot.JSON(noon, "first"), dataroot.JSON(noon, "second"))
	state := t.TempDir()
	c := carrier.Start(t, root.Args("--state-dir", state, "--listen", "off")...)
	wait.For(t, 20*time.Second, "both lines", func() bool { return len(printed(t, c)) == 2 })
	c.Terminate(t)
	c = carrier.Start(t, root.Args("--state-dir", state, "--listen", "off", "--color", "always")...)
	web.Append(t, dataroot.JSON(time.Now(), "third"))
	wait.For(t, 20*time.Second, "a line", func() bool { return strings.Contains(c.Stdout(), "third\n") })
	if text := c.Stdout(); strings.Contains(text, "{") || !strings.Contains(text, "\x1b[") || strings.Contains(text, "first") {
		t.Errorf("got %q", text)
	}
	c.Terminate(t)
}
