package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// PTY is a program in a terminal that the test is behind.
type PTY struct {
	cmd    *exec.Cmd
	master *os.File
	gone   chan struct{}

	mu    sync.Mutex // guards lines
	lines []Line
}

// Line is a line that the program has written, and when it arrived.
type Line struct {
	At   time.Time
	Text string
}

// Start runs a program in a terminal of a size. It is killed when the test ends.
func Start(t testing.TB, columns, rows int, env []string, program string, args ...string) *PTY {
	t.Helper()
	p, err := start(columns, rows, env, program, args)
	if err != nil {
		t.Fatalf("cannot start %s in a terminal: %v", program, err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.gone
		_ = p.master.Close()
	})
	return p
}

func start(columns, rows int, env []string, program string, args []string) (*PTY, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	slave, err := open(master)
	if err != nil {
		_ = master.Close()
		return nil, err
	}
	defer func() { _ = slave.Close() }()
	p := &PTY{cmd: exec.Command(program, args...), master: master, gone: make(chan struct{})}
	if err := p.resize(columns, rows); err != nil {
		return nil, errors.Join(err, master.Close())
	}
	p.cmd.Env = append(environment(), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, master.Close())
	}
	go p.read()
	return p, nil
}

// environment is ours without LIGHTERMAN_ variables, which would be read as configuration.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") })
}

// open opens the other end of a terminal.
func open(master *os.File) (*os.File, error) {
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
}

// read takes what the program writes until nobody has the other end open.
func (p *PTY) read() {
	defer close(p.gone)
	in := bufio.NewReaderSize(p.master, 1<<20)
	for {
		text, err := in.ReadString('\n')
		if text != "" {
			for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
				text = text[:len(text)-1]
			}
			p.mu.Lock()
			p.lines = append(p.lines, Line{time.Now(), text})
			p.mu.Unlock()
		}
		if err != nil {
			_ = p.cmd.Wait()
			return
		}
	}
}

// Lines returns what was written by now.
func (p *PTY) Lines() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[:len(p.lines):len(p.lines)]
}

// Type types keys.
func (p *PTY) Type(t testing.TB, keys string) {
	t.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		t.Fatal(err)
	}
}

// Resize gives the terminal another size, and tells the program as a terminal does.
func (p *PTY) Resize(t testing.TB, columns, rows int) {
	t.Helper()
	if err := p.resize(columns, rows); err != nil {
		t.Fatal(err)
	}
}

func (p *PTY) resize(columns, rows int) error {

	return unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
}

// Wait returns the exit code.
func (p *PTY) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.gone:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		t.Fatal("the program does not end")
		return 0
	}
}
