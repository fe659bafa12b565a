package release

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// compose is a call of Docker Compose for the files in deploy.
func compose(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(need.Compose(t), args...)
	cmd.Dir = filepath.Join(root(t), "deploy")
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func composed(t testing.TB, env []string, args ...string) string {
	t.Helper()
	out, err := compose(t, env, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker compose %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestComposeConfig: Docker itself takes the files for Compose and Swarm, and names what is
// not said.
func TestComposeConfig(t *testing.T) {
	t.Parallel()
	plain := composed(t, nil, "-f", "compose.yaml", "config")
	if !strings.Contains(plain, "source: /var/run/docker.sock") || !strings.Contains(plain, "read_only: true") {
		t.Errorf("compose.yaml comes to\n%s", plain)
	}
	// The versions that the tests have: lighterman is tried with no others.
	version := func(program string) string {
		_, v, _ := strings.Cut(filepath.Base(program), "-")
		return v
	}
	for _, image := range []string{
		"grafana/loki:" + version(need.Loki(t)),
		"prom/prometheus:v" + strings.Replace(version(need.Prometheus(t)), "0.3", "3.", 1), // its module has 0.315 for 3.15
	} {
		if !strings.Contains(plain, "image: "+image+"\n") {
			t.Errorf("no %s in\n%s", image, plain)
		}
	}
	both := []string{"-f", "compose.yaml", "-f", "compose.hardened.yaml", "config"}
	if hardened := composed(t, []string{"HOST_LABEL=here"}, both...); strings.Contains(hardened, "docker.sock") || !strings.Contains(hardened, "--docker-host=none") {
		t.Errorf("compose.hardened.yaml comes to\n%s", hardened)
	}
	if out, err := compose(t, []string{"HOST_LABEL="}, both...).CombinedOutput(); err == nil || !strings.Contains(string(out), "set HOST_LABEL") {
		t.Errorf("without a name of the host: %v\n%s", err, out)
	}
	stack := exec.Command("docker", "stack", "config", "-c", filepath.Join(root(t), "deploy", "swarm.yaml"))
	stack.Env = append(os.Environ(), "LOKI_URL=http://loki.example:3100")
	if out, err := stack.CombinedOutput(); err != nil || !strings.Contains(string(out), "mode: global") {
		t.Errorf("swarm.yaml: %v\n%s", err, out)
	}
}

// TestCompose: the README's own commands, with the file as it is, bring lighterman, Loki and
// Prometheus up on an engine with nothing in it. A container's lines are in Loki within a minute,
// and the README's curl shows them; Prometheus scrapes lighterman; laid over it the hardened
// variant goes on without the socket.
// The images of Loki and Prometheus are made here from the programs in the cache, under the
// names that the file asks for, as no registry can be reached; Grafana cannot be made so, and
// is left out.
func TestCompose(t *testing.T) {
	t.Parallel()
	docker := engine.Private(t, engine.PrivateOptions{Usual: true, StorageDriver: "overlay2"})
	env := []string{"DOCKER_HOST=" + docker.Host, "HOST_LABEL=hardened"}
	var config struct {
		Services map[string]struct{ Image string }
	}
	if err := json.Unmarshal([]byte(composed(t, env, "-f", "compose.yaml", "config", "--format", "json")), &config); err != nil {
		t.Fatal(err)
	}
	bring(t, docker, config.Services["loki"].Image, need.Loki(t))
	bring(t, docker, config.Services["prometheus"].Image, filepath.Join(need.Prometheus(t), "prometheus"))
	says := fromReadme(t, "docker compose", need.Compose(t), " dist/", " "+made(t, "0.1.0")+"/")
	// newcomer gives a command of the README, with more behind it.
	newcomer := func(beginning string, more ...string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", strings.Join(append([]string{says(beginning)}, more...), " "))
		cmd.Dir, cmd.Env = root(t), append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
		}
	}

	services := []string{"lighterman", "loki", "prometheus"}
	t.Cleanup(func() { composed(t, env, "-f", "compose.yaml", "down", "--volumes", "--timeout", "5") })
	began := time.Now()
	newcomer("docker load")
	newcomer("docker compose", services...)
	first := docker.Start(t, engine.Spec{Name: "first", Args: []string{"-n", "50"}})
	network := []string{"--net", "--target", fmt.Sprint(docker.PID())}
	inside := func(url string) string {
		out, _ := exec.Command("nsenter", append(network, "curl", "-sS", "--max-time", "10", "--globoff", url)...).CombinedOutput()
		return string(out)
	}
	arrives := func(c *engine.Container, more string) {
		t.Helper()
		query := fmt.Sprintf("http://127.0.0.1:3100/loki/api/v1/query?query=sum(count_over_time(%%7Bcontainer=%%22%s%%22%s%%7D[1h]))", c.Name, more)
		wait.For(t, 3*time.Minute, "the lines of "+c.Name, func() bool { return strings.Contains(inside(query), `,"50"]`) })
	}
	arrives(first, "")
	inAMinute(t, "Compose", began)
	if got := output(t, "nsenter", append(network, "sh", "-ec", says("curl -sG"))...); !strings.Contains(got, `"container":"`) {
		t.Errorf("the README's curl shows\n%s", got)
	}
	wait.For(t, 3*time.Minute, "Prometheus to scrape lighterman", func() bool {
		return strings.Contains(inside("http://127.0.0.1:9090/api/v1/query?query=up%7Bjob=%22lighterman%22%7D"), `,"1"]`)
	})
	// Prometheus may have scraped before it has looked at its rules for the first time.
	var rules string
	wait.For(t, 3*time.Minute, "Prometheus to look at all alerts", func() bool {
		rules = inside("http://127.0.0.1:9090/api/v1/rules")
		return strings.Contains(rules, `"health":"`) && !strings.Contains(rules, `"health":"unknown"`)
	})
	if !strings.Contains(rules, `"health":"ok"`) || strings.Contains(rules, `"health":"err"`) {
		t.Errorf("the alerts: %s", rules)
	}
	if page := inside("http://127.0.0.1:9177/healthz"); !strings.HasPrefix(page, "healthy") {
		t.Errorf("the port of lighterman says %q", page)
	}

	composed(t, env, append([]string{"-f", "compose.yaml", "-f", "compose.hardened.yaml", "up", "-d"}, services...)...)
	second := docker.Start(t, engine.Spec{Name: "second", Args: []string{"-n", "50"}})
	arrives(second, "%2Chost=%22hardened%22")
	arrives(first, "") // and nothing of it once more, though the host has another name now
}

// bring makes an image of one program, under the name that somebody else's has.
func bring(t testing.TB, docker *engine.PrivateEngine, image, program string) {
	t.Helper()
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker", "-H", docker.Host, "import", "--change", `ENTRYPOINT ["/program"]`, "-", image)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err = func() error {
		w := tar.NewWriter(in)
		for _, dir := range []string{"etc/", "tmp/"} {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o1777}); err != nil {
				return err
			}
		}
		if err := w.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: info.Size()}); err != nil {
			return err
		}
		file, err := os.Open(program)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if _, err := io.Copy(w, file); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		return in.Close()
	}()
	if ended := cmd.Wait(); err != nil || ended != nil {
		t.Fatalf("cannot make %s: %v, %v\n%s", image, err, ended, out.String())
	}
}
