package carrier

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

// Binary returns the path of the program, built once per process, or the one
// that LIGHTERMAN_BINARY names. It reports data races where the test does, or where
// LIGHTERMAN_RACE is 1.
func Binary(t testing.TB) string {
	t.Helper()
	return build(t, underRace || os.Getenv("LIGHTERMAN_RACE") == "1")
}

// Released is the program as it is released, without the race detector, for measuring.
func Released(t testing.TB) string {
	t.Helper()
	return build(t, false)
}

func build(t testing.TB, race bool) string {
	t.Helper()
	if path := os.Getenv("LIGHTERMAN_BINARY"); path != "" {
		return path
	}
	args := []string{"-buildvcs=false"}
	if race {
		args = append(args, "-race")
	}
	path, err := repo.Build("./cmd/lighterman", race, args...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Options is how the program shall be run.
type Options struct {
	// Args follow "run". Unless they hold --listen and --state-dir, a free port
	// of loopback and a temporary directory are added.
	Args []string
	// Env is added to the environment, which has no LIGHTERMAN_ variables.
	Env []string
	// Wrap is put before the program: "strace", "-f", …
	Wrap []string
	// Program is run instead of Binary: a copy that other users may run.
	Program string
	// Measured runs the program as it is released, without the race detector, whose
	// own memory and time would be what is measured.
	Measured bool
	// Command is another subcommand than run.
	Command string
	// Log receives its standard error instead of the test's own log.
	Log *os.File
}

// Carrier is a running `lighterman run`.
type Carrier struct {
	// Addr is what --listen was given, StateDir what --state-dir was.
	Addr, StateDir string

	cmd            *exec.Cmd
	stdout, stderr output
	gone           chan struct{} // closed when the process has been waited for
	listens        atomic.Bool   // it has answered
}

// Start runs `lighterman run` with the arguments. The process is killed when the
// test ends; if the test failed, its stderr is shown.
func Start(t testing.TB, args ...string) *Carrier {
	t.Helper()
	return StartWith(t, Options{Args: args})
}

// StartWith is Start with more to say.
func StartWith(t testing.TB, o Options) *Carrier {
	t.Helper()
	c := &Carrier{gone: make(chan struct{})}
	args := append([]string{cmp.Or(o.Command, "run")}, o.Args...)
	if c.Addr = value(o.Args, "--listen"); c.Addr == "" {
		c.Addr = takePort(t)
		args = append(args, "--listen", c.Addr)
	}
	if c.StateDir = value(o.Args, "--state-dir"); c.StateDir == "" {
		c.StateDir = t.TempDir()
		args = append(args, "--state-dir", c.StateDir)
	}
	program := o.Program
	switch {
	case program != "":
	case o.Measured:
		program = Released(t)
	default:
		program = Binary(t)
	}
	line := append(append(slices.Clone(o.Wrap), program), args...)
	c.cmd = exec.Command(line[0], line[1:]...)
	c.cmd.Env = append(environment(), o.Env...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if o.Log != nil {
		c.cmd.Stderr = o.Log
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = 10 * time.Second // for what it has started and left behind with its output
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("cannot start lighterman: %v", err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.gone)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		wait.Closed(t, time.Minute, "the end of lighterman, which was killed", c.gone)
		if _, race, found := strings.Cut(c.Stderr(), "WARNING: DATA RACE\n"); found {
			lines := strings.Split(race, "\n")
			t.Errorf("lighterman has a data race:\n%s", strings.Join(lines[:min(len(lines), 35)], "\n"))
		}
		if t.Failed() && o.Log == nil {
			t.Logf("lighterman %s\n%s", strings.Join(args, " "), c.Stderr())
		}
	})
	return c
}

// Run runs the program to its end, whatever the arguments, and returns what it
// wrote and its exit code.
func Run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return RunFor(t, 5*time.Minute, args...)
}

// RunFor is Run for what may take longer.
func RunFor(t testing.TB, most time.Duration, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runFor(t, Binary(t), most, args)
}

// RunReleased is Run with the program as it is released: for what computes alone, which under
// the race detector would take most of the machine.
func RunReleased(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runFor(t, Released(t), 5*time.Minute, args)
}

func runFor(t testing.TB, binary string, most time.Duration, args []string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	// One that takes too long says where it is.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }, 10*time.Second
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if failure := cmd.Run(); failure != nil && !errors.As(failure, &exit) {
		t.Fatalf("cannot run lighterman: %v", failure)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// environment is ours without LIGHTERMAN_ variables, which would be read as
// configuration.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") })
}

// value returns the value of a flag among args, empty if it is not there.
func value(args []string, flag string) string {
	for i, arg := range args {
		if text, ok := strings.CutPrefix(arg, flag+"="); ok {
			return text
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// takePort returns the address of a port that is the test's until it ends.
func takePort(t testing.TB) string {
	t.Helper()
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p.Addr()
}

// PID returns the ID of the process.
func (c *Carrier) PID() int { return c.cmd.Process.Pid }

// Stdout returns what the program has written to its standard output.
func (c *Carrier) Stdout() string { return c.stdout.String() }

// Stderr returns what the program has written to its standard error.
func (c *Carrier) Stderr() string { return c.stderr.String() }

// Signal sends a signal.
func (c *Carrier) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatalf("cannot send %v to lighterman: %v", s, err)
	}
}

// Terminate sends SIGTERM and returns the exit code.
func (c *Carrier) Terminate(t testing.TB) int {
	t.Helper()
	c.Signal(t, syscall.SIGTERM)
	return c.Wait(t, time.Minute)
}

// Kill9 ends the program with SIGKILL.
func (c *Carrier) Kill9(t testing.TB) {
	t.Helper()
	c.Signal(t, syscall.SIGKILL)
	c.Wait(t, time.Minute)
}

// Wait waits for the end of the program and returns its exit code, -1 after a
// signal.
func (c *Carrier) Wait(t testing.TB, timeout time.Duration) int {
	t.Helper()
	select {
	case <-c.gone:
	case <-time.After(timeout):
		t.Fatalf("lighterman still runs after %v", timeout)
	}
	return c.cmd.ProcessState.ExitCode()
}

// Running tells whether the process exists.
func (c *Carrier) Running() bool {
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// Get asks the program's HTTP server and returns status and body. Not being
// answered is an error.
func (c *Carrier) Get(path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Addr+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Close = true // no connection of ours among its descriptors
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	c.listens.Store(true)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

// AwaitReady waits until /readyz says so. The program ending is a failure.
func (c *Carrier) AwaitReady(t testing.TB, timeout time.Duration) {
	t.Helper()
	var last string
	ready := wait.Until(timeout, func() bool {
		code, body, err := c.Get("/readyz")
		last = fmt.Sprintf("%d %s %v", code, body, err)
		return code == http.StatusOK || !c.Running()
	})
	if !c.Running() {
		t.Fatalf("lighterman ended with code %d before it was ready", c.cmd.ProcessState.ExitCode())
	}
	if !ready {
		t.Fatalf("waited %v in vain for lighterman to be ready: %s", timeout, last)
	}
}

// Metrics scrapes the program; one that was just started, as soon as it listens.
func (c *Carrier) Metrics(t testing.TB) Metrics {
	t.Helper()
	var code int
	var body string
	var err error
	wait.Until(time.Minute, func() bool {
		code, body, err = c.Get("/metrics")
		return err == nil || c.listens.Load() || !c.Running()
	})
	if err != nil || code != http.StatusOK {
		c.dump()
		t.Fatalf("cannot scrape lighterman: %d %v", code, err)
	}
	m, err := parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("cannot scrape lighterman: %v", err)
	}
	return m
}

// dump ends the program with the stacks of all its goroutines on its stderr.
func (c *Carrier) dump() {
	_ = c.cmd.Process.Signal(syscall.SIGQUIT) // it may be gone
	select {
	case <-c.gone:
	case <-time.After(10 * time.Second):
	}
}

// FDs returns the targets of the open descriptors of the process.
func (c *Carrier) FDs(t testing.TB) []string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", c.PID())
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("cannot list lighterman's descriptors: %v", err)
	}
	var out []string
	for _, fd := range list {
		if target, err := os.Readlink(dir + "/" + fd.Name()); err == nil {
			out = append(out, target)
		}
	}
	return out
}

// InotifyWatches returns the number of inotify instances and watches of the
// process.
func (c *Carrier) InotifyWatches(t testing.TB) (instances, watches int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fdinfo", c.PID())
	for _, target := range c.FDs(t) {
		if target == "anon_inode:inotify" {
			instances++
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("cannot list lighterman's descriptors: %v", err)
	}
	for _, fd := range list {
		text, err := os.ReadFile(dir + "/" + fd.Name())
		if err == nil {
			watches += strings.Count(string(text), "inotify wd:")
		}
	}
	return instances, watches
}

// output gathers what a process writes.
type output struct {
	mu  sync.Mutex // guards buf: the process writes while the test reads
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns all that was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
