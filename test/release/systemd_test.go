package release

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/wait"
)

// machine is a Debian with systemd as its first process, in a container: the package's
// unit is run by who it is for.
type machine struct {
	t  testing.TB
	id string
}

// boot starts one of what is in the cache under a name, with further options of docker run. What it may do beyond other containers is what systemd needs to make
// the units' sandboxes.
func boot(t testing.TB, name string, more ...string) *machine {
	t.Helper()
	tree := need.Debian(t, name)
	need.Engine(t)
	image := "lighterman-test/" + name
	if exec.Command("docker", "image", "inspect", image).Run() != nil {
		output(t, "sh", "-c", `tar -C "$0" -c . | docker import --change 'LABEL lighterman.test.image=1' - "$1"`, tree, image)
	}
	args := append([]string{"run", "-d"}, more...)
	id := strings.TrimSpace(output(t, "docker", append(args, "--label", "lighterman.enable=false", "--cap-add", "SYS_ADMIN", "--cap-add", "DAC_READ_SEARCH", "--cap-add", "NET_ADMIN",
		"--security-opt", "seccomp=unconfined", "--network", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock", "-e", "container=docker", image, "/sbin/init")...))
	m := &machine{t, id}
	t.Cleanup(func() { output(t, "docker", "rm", "-fv", id) })
	wait.For(t, time.Minute, "systemd", func() bool { return strings.Contains(m.try("systemctl", "is-system-running"), "running") })
	return m
}

// try runs a command and returns what it says.
func (m *machine) try(args ...string) string {
	out, _ := exec.Command("docker", append([]string{"exec", m.id}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out))
}

func (m *machine) run(args ...string) string {
	m.t.Helper()
	return strings.TrimSpace(output(m.t, "docker", append([]string{"exec", m.id}, args...)...))
}

// property is one of the service's.
func (m *machine) property(name string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "lighterman", "--value", "-p", name)
}

// TestSystemd: the unit under systemd. It has one right and reads root's logs with it; one
// that hangs is restarted by the watchdog; an upgrade restarts it; a stop is clean; purging
// ends it and leaves nothing.
func TestSystemd(t *testing.T) {
	t.Parallel()
	m := boot(t, "debian-bookworm-systemd")
	deb := only(t, made(t, "0.1.0"), ours("deb"))
	output(t, "docker", "cp", deb, m.id+":/root/lighterman.deb")
	m.run("dpkg", "-i", "/root/lighterman.deb")
	if got := m.try("systemctl", "is-active", "lighterman"); got != "inactive" {
		t.Errorf("installing has made it %s", got)
	}
	listener, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Release)
	id := strings.Repeat("a", 64)
	m.run("sh", "-ec", fmt.Sprintf(`echo 'listen: %s' >> /etc/lighterman/config.yaml
dir=/var/lib/docker/containers/%[2]s
mkdir -p $dir && chmod 0710 /var/lib/docker/containers $dir
umask 0077
echo '{"ID":"%[2]s","Name":"/web","State":{"Running":true},"Config":{"Image":"i"}}' > $dir/config.v2.json
echo '{"LogConfig":{"Type":"json-file","Config":{}}}' > $dir/hostconfig.json
echo '{"log":"hello\n","stream":"stdout","time":"'$(date -u +%%FT%%T.%%NZ)'"}' > $dir/%[2]s-json.log
mkdir -p /etc/systemd/system/lighterman.service.d
printf '[Service]\nWatchdogSec=3s\nRestartSec=100ms\n' > /etc/systemd/system/lighterman.service.d/quick.conf
systemctl daemon-reload`, listener.Addr(), id))

	m.run("systemctl", "enable", "--now", "lighterman")
	pid := m.property("MainPID")
	status := m.run("cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapEff:\t0000000000000004", "CapBnd:\t0000000000000004", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	const config = "--config=/etc/lighterman/config.yaml"
	wait.For(t, time.Minute, "the log of a container", func() bool { return strings.Contains(m.try("lighterman", "ls", config), "web  ") })
	if got := m.run("lighterman", "health", config); !strings.HasPrefix(got, "healthy") {
		t.Errorf("health: %s", got)
	}
	if got := m.run("lighterman", "ls", "--json", config); !strings.Contains(got, `"route": "file"`) {
		t.Errorf("the log is not read from its file: %s", got)
	}

	m.run("sh", "-c", "kill -STOP "+pid)
	wait.For(t, time.Minute, "the watchdog", func() bool { return m.property("NRestarts") == "1" && m.property("ActiveState") == "active" })
	if log := m.run("journalctl", "-u", "lighterman", "--no-pager"); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("restarted, and not by the watchdog:\n%s", log)
	}

	before := m.property("MainPID")
	m.run("dpkg", "-i", "/root/lighterman.deb")
	if after := m.property("MainPID"); after == before || after == "0" {
		t.Errorf("the upgrade leaves process %s running as %s", before, after)
	}
	m.run("systemctl", "stop", "lighterman")
	if result := m.property("Result"); result != "success" {
		t.Errorf("a stop ends with %s", result)
	}
	m.run("systemctl", "start", "lighterman")
	m.run("rm", "-r", "/etc/systemd/system/lighterman.service.d")
	m.run("dpkg", "-P", "lighterman")
	if got := m.try("pidof", "lighterman"); got != "" {
		t.Errorf("purged, and %s still runs", got)
	}
	if got := m.run("sh", "-c", "ls -d /var/lib/lighterman /etc/lighterman /usr/bin/lighterman /etc/systemd/system/*.wants/lighterman.service 2>/dev/null || true"); got != "" {
		t.Errorf("purging leaves %s", got)
	}
}

// TestUnit: the score of the unit's sandbox, of which 2.0 is the most, and its syntax.
func TestUnit(t *testing.T) {
	t.Parallel()
	need.Program(t, "systemd-analyze")
	unit := filepath.Join(root(t), "packaging", "files", "lighterman.service")
	out, _ := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit).CombinedOutput()
	_, score, found := strings.Cut(string(out), "Overall exposure level for lighterman.service: ")
	var exposure float64
	if _, err := fmt.Sscan(score, &exposure); err != nil || !found || exposure > 2 {
		t.Errorf("exposure %v (%v):\n%s", exposure, err, out)
	}
	// What it starts is not on this machine, nor need its manual be.
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "Documentation=") {
			kept = append(kept, strings.Replace(line, "ExecStart=/usr/bin/lighterman", "ExecStart=/bin/true", 1))
		}
	}
	here := filepath.Join(t.TempDir(), "lighterman.service")
	if err := os.WriteFile(here, []byte(strings.Join(kept, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", here).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
