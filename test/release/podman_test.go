package release

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
)

// podman is one of the test's own, with an image of logwriter.
type podman struct {
	dir   string
	where []string // how to get to where its journald is
}

func newPodman(t testing.TB, j *journald.Journald) *podman {
	t.Helper()
	need.Program(t, "podman")
	p := &podman{dir: t.TempDir(), where: []string{"nsenter", "--mount", "--target", fmt.Sprint(j.Holder)}}
	program, err := repo.Build("./test/logwriter", false, "-trimpath", "-buildvcs=false", "-ldflags=-s -w")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(p.dir, "image.tar")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := tar.NewWriter(f)
	if err := w.WriteHeader(&tar.Header{Name: "logwriter", Mode: 0o755, Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.run(t, "import", image, "writes")
	t.Cleanup(func() { p.run(t, "rm", "-f", "-a"); p.run(t, "rmi", "-f", "-a") })
	return p
}

func (p *podman) run(t testing.TB, args ...string) string {
	t.Helper()
	return output(t, p.where[0], slices.Concat(p.where[1:], []string{"podman", "--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.dir, "run"),
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc"}, args)...)
}

// writes runs a container that writes lines numbered from 0, a third of them to stderr.
func (p *podman) writes(t testing.TB, name string, more ...string) {
	t.Helper()
	p.run(t, slices.Concat([]string{"run", "--name", name, "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}, more,
		[]string{"writes", "/logwriter", "-n", "60", "-streams", "alternate", "-tag", name})...)
}

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// TestPodmanLogs: with the configuration that docs/podman.md gives, what a real Podman's
// containers write arrives, whichever of its log drivers they have: every line once, under the
// container's name, with its stream.
func TestPodmanLogs(t *testing.T) {
	t.Parallel()
	j := journald.Start(t)
	p, loki := newPodman(t, j), lokitest.Shared(t)
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "podman.md"))
	if err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		config.WriteString(block[1])
	}
	logs, state := filepath.Join(p.dir, "logs"), t.TempDir()
	if err := os.Mkdir(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	// The storage driver of the test is vfs, as overlay is not to be had everywhere.
	here := strings.NewReplacer("/var/log/podman", logs, "/var/lib/containers/storage/overlay-containers", filepath.Join(p.dir, "root", "vfs-containers"), "overlay-containers", "vfs-containers")
	file := filepath.Join(state, "config.yaml")
	if err := os.WriteFile(file, []byte(here.Replace(config.String())), 0o600); err != nil {
		t.Fatal(err)
	}
	host := fmt.Sprintf("podman%d", os.Getpid())
	l := carrier.Start(t, "--loki-url", loki.URL, "--config", file, "--host-label", host, "--docker-host", "none", "--docker-root", t.TempDir(), "--journal-dir", j.Run())

	p.writes(t, "journaled", "--log-driver", "journald")
	p.writes(t, "named", "--log-driver", "k8s-file", "--log-opt", "path="+filepath.Join(logs, "named.log"))
	p.writes(t, "plain", "--log-driver", "k8s-file")
	id := strings.TrimSpace(p.run(t, "inspect", "--format", "{{.Id}}", "plain"))
	for _, name := range []string{"journaled", "named", id[:12]} {
		selector := fmt.Sprintf(`{host=%q, job="podman", container=%q}`, host, name)
		entries := loki.Await(t, selector, 60, 2*time.Minute)
		seen := make(map[string]int)
		streams := make(map[string]int)
		for _, e := range entries {
			seen[e.Line]++
			streams[e.Labels["source"]]++
		}
		if len(seen) != 60 || streams["stdout"]+streams["stderr"] != 60 || streams["stderr"] == 0 || streams["stdout"] == 0 {
			t.Errorf("%s: %d different lines, streams %v", name, len(seen), streams)
		}
		for line, n := range seen {
			if n != 1 || regexp.MustCompile(`^\d{4}-`).MatchString(line) {
				t.Errorf("%s: %d times %q", name, n, line)
			}
		}
	}
	if code := l.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
