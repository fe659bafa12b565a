package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// PrivateOptions is what a private engine shall be.
type PrivateOptions struct {
	// LiveRestore keeps containers running while the engine is away.
	LiveRestore bool
	// Newest takes the newest engine, from the cache, instead of the installed
	// one, and Installed the latter whatever LIGHTERMAN_TEST_ENGINE says.
	Newest, Installed bool
	// Dockerd is the program, by default "dockerd".
	Dockerd string
	// Path is put before PATH, for a dockerd that needs a newer runc.
	Path string
	// Args are further arguments of dockerd.
	Args []string
	// StorageDriver is by default vfs, which mounts nothing.
	StorageDriver string
	// Remap maps the users of containers to others (userns-remap), from 100000 on.
	Remap bool
	// Usual has the engine's containers see it where engines usually are: its socket in
	// /var/run, its data in /var/lib/docker.
	Usual bool
}

// PrivateEngine is an engine that belongs to one test: it has its own data
// directory, socket and network namespace. The latter keeps it from deleting
// the docker0 bridge of the machine's engine. It has no network but loopback.
type PrivateEngine struct {
	*Engine
	// Dir holds everything: data, exec, docker.sock, dockerd.log.
	Dir string

	opts PrivateOptions
	cmd  *exec.Cmd     // the running dockerd; nil when there is none
	gone chan struct{} // closed when cmd has been waited for
}

// Private starts an engine of the test's own. It is removed, with all its
// containers, when the test ends.
func Private(t testing.TB, opts PrivateOptions) *PrivateEngine {
	t.Helper()
	p := newPrivate(t, opts)
	t.Cleanup(func() { p.destroy(t) })
	p.Up(t)
	return p
}

// newPrivate makes an engine and does not start it.
func newPrivate(t testing.TB, opts PrivateOptions) *PrivateEngine {
	t.Helper()
	newest := opts.Dockerd == "" && !opts.Installed && (opts.Newest || wantsNewest(t))
	switch {
	case newest:
		need.Dockerd(t) // and with it containerd
		opts = opts.newest(need.NewestEngine(t))
	case opts.Dockerd == "":
		need.Dockerd(t)
		opts.Dockerd = "dockerd"
	default:
		need.Root(t)
	}
	if opts.StorageDriver == "" {
		opts.StorageDriver = "vfs"
	}
	sweepPrivate(t)
	// Not shortDir: removing takes a few more steps than there.
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", privatePrefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	// The directory can be passed by those who may use the engine's socket.
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	p := &PrivateEngine{Engine: &Engine{Host: "unix://" + filepath.Join(dir, "docker.sock"), Newest: newest}, Dir: dir, opts: opts}
	if p.API, err = client.New(client.WithHost(p.Host)); err != nil {
		t.Fatal(err)
	}
	return p
}

// DataRoot returns the engine's data directory.
func (p *PrivateEngine) DataRoot() string { return filepath.Join(p.Dir, "data") }

// PID returns the ID of dockerd, which must run.
func (p *PrivateEngine) PID() int { return p.cmd.Process.Pid }

// Log returns what dockerd has written.
func (p *PrivateEngine) Log() string {
	text, err := os.ReadFile(filepath.Join(p.Dir, "dockerd.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Up starts the engine again after Stop or Kill9 and waits until it answers.
func (p *PrivateEngine) Up(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatalf("cannot start a private engine: %v\n%s", err, tail(p.Log(), 30))
	}
}

// start starts dockerd. On a busy machine one that has waited in vain for its
// containerd, which it does for seconds only, ends: then another one is started.
func (p *PrivateEngine) start() (err error) {
	for range 3 {
		if err = p.launch(); err == nil || p.cmd == nil || !closed(p.gone) {
			return err
		}
		if err := p.end(syscall.SIGKILL); err != nil {
			return err
		}
	}
	return err
}

func (p *PrivateEngine) launch() error {
	// The machine's /etc/docker/daemon.json must not apply.
	config := filepath.Join(p.Dir, "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o600); err != nil {
		return err
	}
	args := []string{
		"--net", "sh", "-c", `ip link set lo up; ` + p.before() + ` exec "$@"`, "sh",
		p.opts.Dockerd, "--config-file", config, "-H", p.Host,
		"--data-root", p.DataRoot(), "--exec-root", filepath.Join(p.Dir, "exec"), "--pidfile", filepath.Join(p.Dir, "pid"),
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", p.opts.StorageDriver,
	}
	if p.opts.LiveRestore {
		args = append(args, "--live-restore")
	}
	args = p.placed(args)
	// unshare and sh replace themselves: the process is dockerd in the end.
	return p.run(exec.Command("unshare", append(args, p.opts.Args...)...))
}

// run starts a command that becomes dockerd, or what it runs in, and waits until it answers.
func (p *PrivateEngine) run(cmd *exec.Cmd) error {
	logFile, err := os.OpenFile(filepath.Join(p.Dir, "dockerd.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test, which cleans up
	cmd.Env = append(os.Environ(), "PATH="+strings.TrimPrefix(p.opts.Path+":"+os.Getenv("PATH"), ":"))
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	p.cmd, p.gone = cmd, gone
	ready := wait.Until(2*time.Minute, func() bool { return p.ping() || closed(gone) })
	if !ready || closed(gone) {
		return fmt.Errorf("dockerd does not answer")
	}
	return nil
}

func (p *PrivateEngine) ping() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := p.API.Ping(ctx, client.PingOptions{})
	return err == nil
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// LiveRestore makes the engine keep its containers running, or not, from its
// next start on.
func (p *PrivateEngine) LiveRestore(on bool) { p.opts.LiveRestore = on }

// Stop ends dockerd with SIGTERM and waits for it. Containers end too, unless
// there is live restore.
func (p *PrivateEngine) Stop(t testing.TB) {
	t.Helper()
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Fatalf("cannot stop the private engine: %v\n%s", err, tail(p.Log(), 30))
	}
}

// Kill9 ends dockerd with SIGKILL and waits until the process has vanished, so
// that Up can follow. Containers go on.
func (p *PrivateEngine) Kill9(t testing.TB) {
	t.Helper()
	if err := p.end(syscall.SIGKILL); err != nil {
		t.Fatalf("cannot kill the private engine: %v", err)
	}
}

func (p *PrivateEngine) end(signal syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !closed(p.gone) {
		return err
	}
	select {
	case <-p.gone:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("process %d is still there two minutes after the signal", p.cmd.Process.Pid)
	}
	p.cmd = nil
	return p.buryContainerd()
}

// buryContainerd waits until dockerd's containerd, which ends with it, is dead.
// Nobody may have reaped it then, and a new dockerd would take the PID in its
// file for a living process and wait for it in vain: the file goes too.
func (p *PrivateEngine) buryContainerd() error {
	file := filepath.Join(p.Dir, "exec", "containerd", "containerd.pid")
	pid, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	dead := func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "stat"))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	}
	if !wait.Until(2*time.Minute, dead) {
		return fmt.Errorf("containerd, process %s, is still there", pid)
	}
	return os.Remove(file)
}

// destroy removes the containers, ends dockerd, and deletes the directory.
func (p *PrivateEngine) destroy(t reporter) {
	if p.cmd == nil {
		// Containers may have outlived dockerd: only it can end them properly.
		if err := p.start(); err != nil {
			t.Logf("cannot start the private engine for its cleanup: %v", err)
		}
	}
	if err := p.removeAll(); err != nil {
		t.Logf("cannot remove the private engine's containers: %v", err)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Logf("cannot stop the private engine: %v", err)
		_ = p.end(syscall.SIGKILL)
	}
	_ = p.API.Close()
	killBelow(p.Dir) // nothing, unless the above failed
	if t.Failed() {
		t.Logf("the private engine's log ends:\n%s", tail(p.Log(), 40))
	}
	if err := removeTree(p.Dir); err != nil {
		t.Logf("cannot remove %q: %v", p.Dir, err)
	}
}

// removeAll removes all containers, several at a time.
func (p *PrivateEngine) removeAll() error {
	ctx, cancel := limit()
	defer cancel()
	list, err := p.API.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(8)
	for _, c := range list.Items {
		group.Go(func() error { return (&Container{ID: c.ID, engine: p.Engine}).remove() })
	}
	return group.Wait()
}

// reporter is what destroy needs of a test, which may be over.
type reporter interface {
	Logf(format string, args ...any)
	Failed() bool
}

// removeTree unmounts what is mounted below dir (dockerd binds its data
// directory to itself, and containers' mounts may be left) and deletes it.
func removeTree(dir string) error {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			points = append(points, fields[1])
		}
	}
	for _, point := range slices.Backward(points) {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot unmount %q: %w", point, err)
		}
	}
	return os.RemoveAll(dir)
}

const privatePrefix = "lmd"

// sweepPrivate removes the private engines of test processes that were killed.
func sweepPrivate(t testing.TB) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), privatePrefix+"[0-9]*-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), privatePrefix), "-")
		if alive(owner) {
			continue
		}
		t.Logf("removing the private engine in %q that an earlier test left", dir)
		killBelow(dir)
		if err := removeTree(dir); err != nil {
			t.Logf("cannot remove %q: %v", dir, err)
		}
	}
}

// killBelow kills the processes that have the directory in their command line:
// dockerd, containerd and the shims of the engine in it, and the containers of
// those shims.
func killBelow(dir string) {
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return
	}
	for _, proc := range procs {
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err != nil || !strings.Contains(string(line), dir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || pid == os.Getpid() {
			continue
		}
		var children []string
		threads, _ := filepath.Glob(filepath.Join(proc, "task", "*", "children"))
		for _, thread := range threads {
			list, _ := os.ReadFile(thread)
			children = append(children, strings.Fields(string(list))...)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		for _, child := range children {
			if n, err := strconv.Atoi(child); err == nil && n > 1 {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
}

// tail returns the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
