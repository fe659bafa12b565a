//go:build promtail

package sidebyside

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// promtail is a running Promtail.
type promtail struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	gone chan struct{}
}

// start runs Promtail with a configuration, which is the path of a file.
func start(t *testing.T, file string) *promtail {
	t.Helper()
	program := os.Getenv("LIGHTERMAN_PROMTAIL")
	if program == "" {
		t.Fatal("LIGHTERMAN_PROMTAIL is not set: scripts/promtail builds it and runs this test")
	}
	p := &promtail{gone: make(chan struct{})}
	p.cmd = exec.Command(program, "-config.file="+file)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.gone
		if t.Failed() {
			t.Logf("Promtail:\n%.8000s", p.out.String())
		}
	})
	return p
}

// stop stops it as a service manager does.
func (p *promtail) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(time.Minute):
		t.Fatal("Promtail does not stop")
	}
}

// file writes a configuration of Promtail's, and returns its path and that of its positions.
func file(t *testing.T, loki *lokitest.Loki, labels, jobs string) (path, positions string) {
	t.Helper()
	dir := t.TempDir()
	path, positions = filepath.Join(dir, "promtail.yml"), filepath.Join(dir, "positions.yaml")
	text := "server: {http_listen_port: 0, grpc_listen_port: 0, log_level: warn}\n" +
		"positions: {filename: " + positions + ", sync_period: 1s}\n" +
		"clients: [{url: " + loki.URL + "/loki/api/v1/push, batchwait: 200ms, external_labels: {" + labels + "}}]\n" +
		"target_config: {sync_period: 1s}\nscrape_configs:\n" + jobs
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, positions
}

// converted converts a file, and returns the path of the configuration.
func converted(t *testing.T, path string) string {
	t.Helper()
	out := path + ".lighterman.yaml"
	if _, stderr, code := carrier.Run(t, "convert", "promtail", path, "-o", out); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	return out
}

// sd is a job that finds a test's containers through the engine.
func sd(name, rules, stages string) string {
	return `- job_name: containers
  docker_sd_configs:
    - host: unix:///var/run/docker.sock
      refresh_interval: 1s
      filters: [{name: name, values: ["^/` + name + `"]}]
  relabel_configs: [` + rules + `]
  pipeline_stages: [` + stages + `]
`
}

const (
	byName   = `{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}`
	slash    = `{source_labels: [__meta_docker_container_name], target_label: container}`
	byStream = `{source_labels: [__meta_docker_container_log_stream], target_label: logstream}`
	byLabel  = `{source_labels: [__meta_docker_container_label_com_docker_compose_service], target_label: service}`
	address  = `{source_labels: [__address__], target_label: address}`
	shortID  = `{source_labels: [__meta_docker_container_id], regex: '(.{12})', target_label: short}`
)

// TestLikePromtail: the same containers, read by Promtail and by lighterman with the
// converted file, are the same streams, lines and times in Loki.
func TestLikePromtail(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	name := engine.Prefix(t)
	const n = 300
	spec := func(name, pattern string) *engine.Container {
		return docker.Start(t, engine.Spec{Name: name, Labels: map[string]string{"com.docker.compose.service": "the-" + name},
			Args: []string{"-n", fmt.Sprint(n), "-pattern", pattern, "-streams", "alternate", "-rate", "2000", "-linger"}})
	}
	web, api := spec("web", "plain"), spec("api", "json")
	awaitLines(t, web, n)
	awaitLines(t, api, n)
	root := docker.Root(t)
	files := func(stages string) string {
		return fmt.Sprintf("- job_name: files\n  static_configs: [{targets: [localhost], labels: {job: docker, __path__: %s/containers/%s/*-json.log}}]\n  pipeline_stages: [%s]\n", root, api.ID, stages)
	}
	for _, c := range []struct {
		name, jobs string
		// files says that Docker's own files are read: their lines have a newline, and times
		// only of a stage.
		files bool
		least int
	}{
		{"rules", sd(name, slash+","+byStream+","+byLabel+","+address+","+shortID, ""), false, 2 * n},
		{"without streams", sd(name, byName, "{docker: {}}"), false, 2 * n},
		{"kept", sd(name, byName+",{source_labels: [container], regex: '.*-web', action: keep},{target_label: job, replacement: a$b}", ""), false, n},
		{"one stream", sd(name, byName+",{source_labels: [__meta_docker_container_log_stream], regex: stderr, action: keep}", ""), false, n},
		{"stages", sd(name, byName+","+byStream, "{json: {expressions: {level: , tag: }}},{regex: {expression: '(?P<digit>[0-9])'}},{labels: {digit: , level: }},{match: {selector: '{container=~\".*-web\"}', stages: [{drop: {expression: '7'}}]}},{replace: {expression: '(line)', replace: 'zeile'}}"), false, n},
		{"two jobs", sd(name+"web", byName+",{target_label: job, replacement: w}", "{drop: {expression: '5'}}") +
			strings.Replace(sd(name+"api", byName+",{target_label: job, replacement: a}", "{replace: {expression: '(line)', replace: 'x'}}"), "job_name: containers", "job_name: more", 1), false, n},
		{"stage docker", files("{docker: {}}"), true, n},
		{"records", files("{json: {expressions: {output: log, stream: stream, time: time}}},{labels: {stream: }},{timestamp: {source: time, format: RFC3339Nano}},{output: {source: output}}"), true, n},
	} {
		t.Run(c.name, func(t *testing.T) {
			word := strings.ReplaceAll(c.name, " ", "_")
			theirs, _ := file(t, loki, "side: promtail, case: "+word, c.jobs)
			mine, _ := file(t, loki, "side: lighterman, case: "+word, c.jobs)
			start(t, theirs)
			carrier.Start(t, "--config", converted(t, mine))
			var want, got map[string][]string
			same := wait.Until(time.Minute, func() bool {
				want, got = streams(t, loki, "promtail", word, c.files), streams(t, loki, "lighterman", word, false)
				return count(want) >= c.least && maps.EqualFunc(want, got, slices.Equal)
			})
			if same {
				t.Logf("%d streams with %d lines", len(want), count(want))
				return
			}
			t.Errorf("Promtail has sent %d lines, and lighterman %d", count(want), count(got))
			for stream, lines := range want {
				if !slices.Equal(lines, got[stream]) {
					t.Errorf("%s: %d and %d lines; %.300q, %.300q", stream, len(lines), len(got[stream]), lines[:min(2, len(lines))], got[stream][:min(2, len(got[stream]))])
				}
			}
			for stream := range got {
				if want[stream] == nil {
					t.Errorf("only lighterman has %s", stream)
				}
			}
		})
	}
}

func awaitLines(t *testing.T, c *engine.Container, n int) {
	t.Helper()
	wait.For(t, time.Minute, "all lines of "+c.Name, func() bool { return len(c.Logs(t)) >= n })
}

func count(streams map[string][]string) (n int) {
	for _, lines := range streams {
		n += len(lines)
	}
	return n
}

// streams returns times and lines by their labels, without side.
func streams(t *testing.T, loki *lokitest.Loki, side, word string, trim bool) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	for _, e := range loki.All(t, fmt.Sprintf(`{side=%q, case=%q}`, side, word)) {
		delete(e.Labels, "side")
		name := fmt.Sprint(e.Labels)
		line := e.Line
		if trim {
			line = strings.TrimSuffix(line, "\n")
		}
		out[name] = append(out[name], fmt.Sprint(e.Time, " ", line))
	}
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}

// TestTakeOver: Promtail is stopped while containers write, its positions are converted, and
// lighterman goes on: each line is in Loki once.
func TestTakeOver(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	name := engine.Prefix(t)
	var all []*engine.Container
	for i := range 20 {
		args := []string{"-n", "-1", "-rate", "50", "-streams", "alternate"}
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("c", i), Opts: map[string]string{"max-size": "20k", "max-file": "50"}, Args: args}))
	}
	path, positions := file(t, loki, "case: takeover", sd(name, byName, ""))
	selector := func(c *engine.Container) string { return fmt.Sprintf(`{case="takeover", container=%q}`, c.Name) }
	more := func(n int) {
		t.Helper()
		for _, c := range all {
			from := loki.Count(t, selector(c))
			wait.For(t, 2*time.Minute, "more lines of "+c.Name, func() bool { return loki.Count(t, selector(c)) >= from+n })
		}
	}
	p := start(t, path)
	more(100)
	p.stop(t)
	state := t.TempDir()
	if stdout, stderr, code := carrier.Run(t, "convert", "--positions", positions, "--state-dir", state); code != 0 || !strings.Contains(stdout, "positions of 20 containers") {
		t.Fatalf("exit code %d: %s %s", code, stdout, stderr)
	}
	carrier.Start(t, "--config", converted(t, path), "--state-dir", state, "--include-name", name+".*")
	more(100)
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		var want []string
		for _, r := range c.Logs(t) {
			want = append(want, fmt.Sprint(r.Time, " ", r.Line))
		}
		slices.Sort(want)
		var got []string
		wait.Until(time.Minute, func() bool {
			got = got[:0]
			for _, e := range loki.All(t, selector(c)) {
				got = append(got, fmt.Sprint(e.Time, " ", e.Line))
			}
			slices.Sort(got)
			return len(got) >= len(want)
		})
		if !slices.Equal(want, got) {
			t.Errorf("%s: Docker has %d lines, Loki %d", c.Name, len(want), len(got))
		}
	}
}
