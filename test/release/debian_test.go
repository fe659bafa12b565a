package release

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/wait"
)

// debian is a bare Debian of the test's own: what is written to it is laid over the one
// in the cache.
type debian struct {
	t testing.TB
	// lower is that of the cache; upper, work and merged are the test's.
	lower, dir string
	// docker is the directory that is /var/lib/docker there.
	docker string
}

// newDebian makes one of what is in the cache under a name.
func newDebian(t testing.TB, name string) *debian {
	t.Helper()
	d := &debian{t: t, lower: need.Debian(t, name), dir: t.TempDir(), docker: t.TempDir()}
	for _, sub := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(d.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// inside is a command in that Debian. Mounts are in a namespace of the command's own, and
// go with it.
func (d *debian) inside(args ...string) *exec.Cmd {
	script := `set -e
mount -t overlay overlay -o lowerdir="$1",upperdir="$2/upper",workdir="$2/work" "$2/merged"
mount -t proc proc "$2/merged/proc"
mkdir -p "$2/merged/var/lib/docker"
mount --bind "$3" "$2/merged/var/lib/docker"
root=$2/merged
shift 3
exec chroot "$root" "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh", d.lower, d.dir, d.docker}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	return cmd
}

func (d *debian) run(args ...string) string {
	d.t.Helper()
	out, err := d.inside(args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// with runs a command that has a file, as /tmp/package and its ending.
func (d *debian) with(file, command string) string {
	d.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	copied := "/tmp/package" + filepath.Ext(file)
	cmd := d.inside("sh", "-ec", fmt.Sprintf("cat >%[1]s; %[2]s; rm %[1]s", copied, command))
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// files are all paths there, without what dpkg, rpm and dnf themselves keep and log.
func (d *debian) files() []string {
	d.t.Helper()
	out := d.run("find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/tmp", "-o", "-path", "/var/lib/dpkg", "-o", "-path", "/var/lib/rpm", "-o", "-name", ".rpmdb", "-o", "-path", "/var/lib/dnf", "-o", "-name", "__pycache__", "-o", "-path", "/run", "-o", "-path", "/var/log", "-o", "-path", "/var/lib/docker",
		"-o", "-name", "*-", "-o", "-path", "/var/cache", ")", "-prune", "-o", "-print")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(lines)
	return lines
}

// users are the names in the files of users and groups.
func (d *debian) users() string {
	return d.run("sh", "-c", "cut -d: -f1 /etc/passwd /etc/group /etc/shadow /etc/gshadow")
}

// service is lighterman, started as the unit does, as far as that goes by hand: its user,
// its one right, its state directory, its notifications.
type service struct {
	cmd    *exec.Cmd
	log    bytes.Buffer
	notify *net.UnixConn
	ended  chan error
}

func (d *debian) service() *service {
	d.t.Helper()
	name := fmt.Sprintf("@lighterman-release-%d-%d", os.Getpid(), time.Now().UnixNano())
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = notify.Close() })
	d.run("install", "-d", "-o", "lighterman", "-g", "lighterman", "-m", "0700", "/var/lib/lighterman")
	unit := d.run("cat", "/usr/lib/systemd/system/lighterman.service")
	_, start, _ := strings.Cut(unit, "ExecStart=")
	start, _, _ = strings.Cut(start, "\n")
	s := &service{notify: notify, ended: make(chan error, 1)}
	const right = "-all,+dac_read_search"
	s.cmd = d.inside(append([]string{
		"setpriv", "--reuid=lighterman", "--regid=lighterman", "--clear-groups", "--no-new-privs", "--inh-caps=" + right, "--ambient-caps=" + right, "--bounding-set=" + right,
		"env", "STATE_DIRECTORY=/var/lib/lighterman", "NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=300000",
	}, strings.Fields(start)...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	d.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// hears waits until systemd would have heard something.
func (s *service) hears(t testing.TB, line string) {
	t.Helper()
	if err := s.notify.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		n, err := s.notify.Read(buffer)
		if err != nil {
			t.Fatalf("systemd does not hear %s: %v", line, err)
		}
		if slices.Contains(strings.Split(string(buffer[:n]), "\n"), line) {
			return
		}
	}
}

// stop ends it as systemd does.
func (s *service) stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.hears(t, "STOPPING=1")
	select {
	case err := <-s.ended:
		if err != nil {
			t.Fatalf("it ends with %v:\n%s", err, s.log.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}

// manager is a program that installs packages.
type manager struct {
	// tree has it; pattern is what its packages are called.
	tree, pattern string
	// install and upgrade are commands that have the package in /tmp/package and its ending.
	install, upgrade, remove string
	// kept is where a changed configuration is after removing.
	kept string
	// purge removes what removing leaves.
	purge string
}

// TestDebian: the package on a bare Debian.
func TestDebian(t *testing.T) {
	t.Parallel()
	life(t, manager{
		tree: "debian-bookworm", pattern: ours("deb"),
		install: "dpkg -i /tmp/package.deb", upgrade: "dpkg -i /tmp/package.deb", remove: "dpkg -r lighterman",
		kept: "/etc/lighterman/config.yaml", purge: "dpkg -P lighterman",
	})
}

// TestFedora: the package for Fedora and its like, by dnf, on a Debian that has it. What dnf
// leaves is removed as docs/install.md says.
func TestFedora(t *testing.T) {
	t.Parallel()
	const dnf = "dnf -y --disablerepo='*' "
	life(t, manager{
		tree: "debian-bookworm-rpm", pattern: ours("rpm"),
		install: dnf + "install /tmp/package.rpm", upgrade: dnf + "upgrade /tmp/package.rpm", remove: dnf + "remove lighterman",
		kept: "/etc/lighterman/config.yaml.rpmsave", purge: "rm -r /etc/lighterman /var/lib/lighterman; userdel lighterman",
	})
}

// life is that of a package on a bare system. Its service, run by hand as the unit would,
// carries lines; an upgrade keeps the configuration and the positions, so that nothing
// comes twice; removing keeps both; purging leaves nothing.
func life(t *testing.T, m manager) {
	d := newDebian(t, m.tree)
	loki := fakeloki.Start(t, nil)
	containers := dataroot.In(t, d.docker)
	web := containers.Add(t, dataroot.Spec{Name: "web"})
	web.Append(t, dataroot.JSON(time.Now(), "before"))
	filesBefore, usersBefore := d.files(), d.users()

	d.with(only(t, made(t, "0.1.0"), m.pattern), m.install)
	for _, want := range []string{"lighterman", "/usr/bin/lighterman", "/usr/share/bash-completion/completions/lighterman", "/usr/share/man/man5/lighterman-config.5.gz"} {
		if !strings.Contains(strings.Join(append(d.files(), d.users()), "\n"), want) {
			t.Errorf("%s is not there after installing", want)
		}
	}
	listener, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Release)
	listen := listener.Addr()
	const config = "/etc/lighterman/config.yaml"
	d.run("sed", "-i", "-e", "s|^loki-url:.*|loki-url: "+loki.URL+"|", "-e", "$a listen: "+listen, config)
	asChanged := d.run("cat", config)

	s := d.service()
	s.hears(t, "READY=1")
	s.hears(t, "WATCHDOG=1")
	wait.For(t, time.Minute, "the first line", func() bool { return slices.Equal(loki.Lines(), []string{"before"}) })
	wait.For(t, time.Minute, "health", func() bool { return d.inside("lighterman", "health", "--ready", "--config", config).Run() == nil })
	s.stop(t)
	if err := d.inside("lighterman", "health", "--config", config).Run(); err == nil {
		t.Error("health says that one that has ended is healthy")
	}

	web.Append(t, dataroot.JSON(time.Now(), "meanwhile"))
	d.with(only(t, made(t, "0.1.1"), m.pattern), m.upgrade)
	if got := d.run("lighterman", "version"); !strings.HasPrefix(got, "lighterman 0.1.1 ") {
		t.Errorf("after the upgrade it is %s", got)
	}
	if got := d.run("cat", config); got != asChanged {
		t.Errorf("the upgrade has changed the configuration:\n%s", got)
	}
	s = d.service()
	s.hears(t, "READY=1")
	wait.For(t, time.Minute, "the second line", func() bool { return slices.Contains(loki.Lines(), "meanwhile") })
	s.stop(t)
	if loki.Count() != 2 {
		t.Errorf("%d entries were sent: %q", loki.Count(), loki.Lines())
	}

	d.run("sh", "-ec", m.remove)
	left := d.files()
	if !slices.Contains(left, m.kept) || !slices.Contains(left, "/var/lib/lighterman/positions") || slices.Contains(left, "/usr/bin/lighterman") {
		t.Errorf("removing does not leave just configuration and positions: %q", difference(filesBefore, left))
	}
	if got := d.run("cat", m.kept); got != asChanged {
		t.Errorf("removing has changed the configuration:\n%s", got)
	}
	d.run("sh", "-ec", m.purge)
	if got := d.files(); !slices.Equal(got, filesBefore) {
		t.Errorf("after purging there are more or fewer files: %q", difference(filesBefore, got))
	}
	if got := d.users(); got != usersBefore {
		t.Errorf("after purging there are other users:\n%s", got)
	}
}

// difference is what only one of two lists has.
func difference(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, "-"+s)
		}
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			out = append(out, "+"+s)
		}
	}
	return out
}
