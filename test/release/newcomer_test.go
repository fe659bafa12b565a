package release

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
)

// inAMinute checks what the README says of every way, and notes how long it was.
func inAMinute(t testing.TB, way string, began time.Time) {
	t.Helper()
	took := time.Since(began)
	t.Logf("%s: the first line was in Loki after %.1f s", way, took.Seconds())
	if took > time.Minute {
		t.Errorf("%s: that took longer than a minute", way)
	}
}

// fromReadme returns what finds the README's commands by how they begin, without the remark behind
// them, and as this machine needs them: by root, for its kind of processor, and with what else
// has another word here, each followed by that word.
func fromReadme(t testing.TB, words ...string) func(beginning string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer(append(words, "sudo ", "", "amd64", runtime.GOARCH)...)
	return func(beginning string) string {
		t.Helper()
		line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(beginning) + `.*$`).FindString(string(text))
		if line == "" {
			t.Fatalf("the README has no command %q", beginning)
		}
		line, _, _ = strings.Cut(line, " # ")
		return here.Replace(strings.TrimSpace(line))
	}
}

// TestNewcomer: who has the README and nothing else has lines in Loki within a minute, by its
// very commands: on a bare Debian with a Docker beside it, by the package and by the binary.
// TestCompose is the third way.
func TestNewcomer(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	commands := fromReadme(t, "http://localhost:3100", loki.URL, "apt install ", "apt-get install -y ")
	release := made(t, "0.1.0")
	for way, lines := range map[string][]string{
		"the package": {commands("sudo apt install"), commands("sudo sed -i"), commands("sudo systemctl enable"), commands("lighterman health")},
		"the binary":  {commands("tar -xzf"), commands("sudo ./lighterman run") + " --listen off >/root/log 2>&1 &"},
	} {
		t.Run(way, func(t *testing.T) {
			m := boot(t, "debian-bookworm-systemd", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", filepath.Join(docker.Root(t), "containers")+":/var/lib/docker/containers:ro")
			m.run("mkdir", "/root/dist")
			for _, file := range []string{only(t, release, ours("deb")), only(t, release, "*_linux_"+runtime.GOARCH+".tar.gz")} {
				output(t, "docker", "cp", file, m.id+":/root/dist/"+filepath.Base(file))
			}
			c := docker.Start(t, engine.Spec{Args: []string{"-n", "10"}})
			began := time.Now()
			for _, line := range lines {
				if strings.HasPrefix(line, "lighterman health") { // which it is as soon as it may be
					line = "until " + line + "; do sleep 0.2; done"
				}
				m.run("sh", "-ec", "cd /root; "+line)
			}
			loki.Await(t, fmt.Sprintf(`{container=%q}`, c.Name), 10, 2*time.Minute)
			inAMinute(t, way, began)
		})
	}
}
