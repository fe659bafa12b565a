package terminal

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// Tmux is a program in a terminal of tmux.
type Tmux struct{ socket, config string }

// history is how many rows a pane remembers.
const history = 2_000_000

// StartTmux runs a program in a terminal of a size. It is killed when the test ends.
func StartTmux(t testing.TB, columns, rows int, program string, args ...string) *Tmux {
	t.Helper()
	need.Program(t, "tmux")
	dir, err := os.MkdirTemp("", "tmux") // a socket has a short path
	if err != nil {
		t.Fatal(err)
	}
	m := &Tmux{socket: filepath.Join(dir, "s"), config: filepath.Join(dir, "c")}
	config := fmt.Sprintf("set -g history-limit %d\nset -g remain-on-exit on\nset -g status off\n", history)
	if err := os.WriteFile(m.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = m.run("kill-server")
		_ = os.RemoveAll(dir)
	})
	quoted := []string{}
	for _, word := range append([]string{program}, args...) {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	if out, err := m.run("new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows), "exec "+strings.Join(quoted, " ")); err != nil {
		t.Fatalf("cannot start tmux: %v: %s", err, out)
	}
	return m
}

func (m *Tmux) run(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-f", m.config, "-S", m.socket}, args...)...)
	cmd.Env = append(environment(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Screen returns what is on the screen, row by row.
func (m *Tmux) Screen(t testing.TB) string {
	t.Helper()
	return m.ask(t, "capture-pane", "-p")
}

// Lines returns all that was written, with rows joined that are one line, and without blanks
// at the ends.
func (m *Tmux) Lines(t testing.TB) []string {
	t.Helper()
	lines := strings.Split(m.ask(t, "capture-pane", "-p", "-J", "-S", "-"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// Settle waits until nothing has been written for a second.
func (m *Tmux) Settle(t testing.TB) {
	t.Helper()
	last, since := "", time.Now()
	wait.For(t, 2*time.Minute, "a terminal to come to rest", func() bool {
		now := m.ask(t, "display-message", "-p", "#{history_size} #{cursor_x} #{cursor_y}")
		if now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

// Resize gives the terminal another width.
func (m *Tmux) Resize(t testing.TB, columns int) {
	t.Helper()
	m.ask(t, "resize-window", "-x", strconv.Itoa(columns))
}

func (m *Tmux) ask(t testing.TB, args ...string) string {
	t.Helper()
	out, err := m.run(args...)
	if err != nil {
		t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return out
}
