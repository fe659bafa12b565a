package release

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/wait"
)

// TestAnsible: the role, run by Ansible itself on a Debian with systemd, installs and starts
// the service; run again it changes nothing; with the engine's socket the service is in the
// group docker, and without it is not any more. A configuration that is wrong is refused, and
// the one in force stays.
func TestAnsible(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t) // the configuration is checked against the host, which has one
	m := boot(t, "debian-bookworm-ansible", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", filepath.Join(docker.Root(t), "containers")+":/var/lib/docker/containers:ro")
	output(t, "docker", "cp", filepath.Join(root(t), "deploy"), m.id+":/root/deploy")
	deb := only(t, made(t, "0.1.0"), ours("deb"))
	m.run("mkdir", "/root/dist")
	output(t, "docker", "cp", deb, m.id+":/root/dist/"+filepath.Base(deb))
	m.run("groupadd", "--system", "docker")
	listener, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Release)
	play := []string{"env", "LC_ALL=C.UTF-8", "ansible-playbook", "-i", "localhost,", "-c", "local", "/root/deploy/ansible/site.yaml",
		"-e", "lighterman_loki_url=http://127.0.0.1:1", "-e", `{"lighterman_config": {"listen": "` + listener.Addr() + `", "external-label": {"env": "prod"}}}`}

	if got := m.try(play[:len(play)-4]...); !strings.Contains(got, "set lighterman_loki_url") {
		t.Errorf("without Loki's address:\n%s", got)
	}
	if got := m.run(play...); !strings.Contains(got, "failed=0") {
		t.Fatal(got)
	}
	if got := m.property("ActiveState"); got != "active" {
		t.Fatalf("the service is %s:\n%s", got, m.try("journalctl", "-u", "lighterman", "--no-pager"))
	}
	if got := m.run("stat", "-c", "%a %U:%G", "/etc/lighterman/config.yaml"); got != "640 root:lighterman" {
		t.Errorf("the configuration is %s", got)
	}
	const config = "--config=/etc/lighterman/config.yaml"
	wait.For(t, time.Minute, "its health", func() bool { return strings.HasPrefix(m.try("lighterman", "health", config), "healthy") })
	if got := m.run("lighterman", "check", config, "--listen=off", "--state-dir=/tmp/check"); !strings.Contains(got, "env: prod") {
		t.Errorf("check says %s", got)
	}
	before := m.property("MainPID")
	if got := m.run(play...); !strings.Contains(got, "changed=0") {
		t.Errorf("the second time something changes:\n%s", got)
	}
	if after := m.property("MainPID"); after != before {
		t.Errorf("the second time the service is restarted")
	}

	m.run(append(play, "-e", "lighterman_docker_host=unix:///var/run/docker.sock")...)
	group := strings.Split(m.run("getent", "group", "docker"), ":")[2]
	groups := func() string { return m.run("sh", "-c", "grep ^Groups: /proc/"+m.property("MainPID")+"/status") }
	if got := groups(); !strings.Contains(got, group) {
		t.Errorf("with the socket the service has %q, and not %s", got, group)
	}
	m.run(play...)
	if got := groups(); strings.Contains(got, group) {
		t.Errorf("without the socket the service still has %q", got)
	}

	asBefore := m.run("cat", "/etc/lighterman/config.yaml")
	if got := m.try(append(play, "-e", `{"lighterman_config": {"lisen": "off"}}`)...); !strings.Contains(got, "lisen") || !strings.Contains(got, "failed=1") {
		t.Errorf("a misspelt setting:\n%s", got)
	}
	if got := m.run("cat", "/etc/lighterman/config.yaml"); got != asBefore || m.property("ActiveState") != "active" {
		t.Errorf("a misspelt setting has come to\n%s", got)
	}
}
