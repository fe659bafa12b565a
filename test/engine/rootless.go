package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/need"
)

// RootlessUser is the user that rootless engines belong to. Only namespaces of the engine's
// own know the name.
const RootlessUser = 4711

// rootless makes the user, in the namespaces of the caller, and has it run dockerd in
// RootlessKit as dockerd-rootless.sh does, but without a network.
const rootless = `set -e
dir=$1 user=$2
shift 2
ip link set lo up
for file in passwd group subuid subgid; do
	touch /etc/$file
	cp /etc/$file "$dir/$file"
done
echo "rootless:x:$user:$user::$dir/home:/bin/sh" >>"$dir/passwd"
echo "rootless:x:$user:" >>"$dir/group"
echo "rootless:200000:65536" | tee "$dir/subuid" >"$dir/subgid"
for file in passwd group subuid subgid; do mount --bind "$dir/$file" "/etc/$file"; done
exec setpriv --reuid="$user" --regid="$user" --clear-groups env -i "PATH=$PATH" "HOME=$dir/home" "XDG_RUNTIME_DIR=$dir/run" \
	rootlesskit --state-dir="$dir/run/rootlesskit" --net=host --copy-up=/etc --copy-up=/run \
	sh -c 'rm -f /run/docker /run/containerd /run/xtables.lock; exec "$@"' sh "$@"`

// RootlessEngine is an engine that a user without rights runs for themselves, of a test's own.
type RootlessEngine struct {
	*Engine
	// Home and Runtime are the user's HOME and XDG_RUNTIME_DIR.
	Home, Runtime string
}

// DataRoot returns the engine's data directory, which it has chosen itself.
func (r *RootlessEngine) DataRoot() string { return filepath.Join(r.Home, ".local", "share", "docker") }

// Rootless starts one. It is removed, with its containers, when the test ends.
func Rootless(t testing.TB) *RootlessEngine {
	t.Helper()
	for _, program := range []string{"rootlesskit", "newuidmap", "setpriv"} {
		need.Program(t, program)
	}
	need.Dockerd(t)
	sweepPrivate(t)
	var opts PrivateOptions
	opts.Dockerd = "dockerd"
	newest := wantsNewest(t)
	if newest {
		opts = opts.newest(need.NewestEngine(t))
	}
	// The same name as a private engine's: what a killed test has left is swept with theirs.
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", privatePrefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	r := &RootlessEngine{Home: filepath.Join(dir, "home"), Runtime: filepath.Join(dir, "run")}
	for _, d := range []string{r.Home, r.Runtime} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, RootlessUser, RootlessUser); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--mount", "--net", "sh", "-c", rootless, "sh", dir, fmt.Sprint(RootlessUser), opts.Dockerd, "--rootless", "--config-file", config,
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", "vfs"}, opts.Args...)
	p := &PrivateEngine{Engine: &Engine{Host: "unix://" + filepath.Join(r.Runtime, "docker.sock"), Newest: newest}, Dir: dir, opts: opts}
	if p.API, err = client.New(client.WithHost(p.Host)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.abolish(t) })
	if err := p.run(exec.Command("unshare", args...)); err != nil {
		t.Fatalf("cannot start a rootless engine: %v\n%s", err, tail(p.Log(), 30))
	}
	r.Engine = p.Engine
	return r
}

// abolish ends a rootless engine, which is not started anew for that, and deletes what it had.
func (p *PrivateEngine) abolish(t testing.TB) {
	if p.cmd != nil && !closed(p.gone) {
		if err := p.removeAll(); err != nil {
			t.Logf("cannot remove the rootless engine's containers: %v", err)
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // RootlessKit hands it on
		select {
		case <-p.gone:
		case <-time.After(time.Minute):
			t.Log("the rootless engine does not end")
		}
	}
	_ = p.API.Close()
	killBelow(p.Dir)
	if t.Failed() {
		t.Logf("the rootless engine's log ends:\n%s", tail(p.Log(), 40))
	}
	if err := removeTree(p.Dir); err != nil && !strings.Contains(err.Error(), "no such file") {
		t.Logf("cannot remove %q: %v", p.Dir, err)
	}
}
