package monitoring

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/promtest"
	"github.com/lighterman/lighterman/test/wait"
)

// patience is for everything that is waited for: a busy machine takes its time.
const patience = 2 * time.Minute

// scene is two hosts that one Prometheus scrapes, and that send to one Loki. On the first,
// real containers write, and things happen as they do on hosts. The Loki of the second is
// away all the time, and its containers are such as lose lines.
type scene struct {
	began time.Time
	loki  *lokitest.Loki
	// proxy stands between the first host and Loki.
	proxy *lokiproxy.Proxy
	prom  *promtest.Prometheus
	one   *carrier.Carrier
	two   *carrier.Carrier
	// config is the file of the first host, and root the data root of the second.
	config string
	root   *dataroot.Root
	web    *engine.Container
	// labelled is a container with a label that Loki does not take.
	labelled *engine.Container
	// busy is one of the second host's whose log is longer than what lighterman may hold.
	busy, broken *dataroot.Container
}

const (
	// lineLimit and valueLimit are Loki's, in bytes: what is longer is refused.
	lineLimit, valueLimit = 2 << 10, 120
	// largest is lighterman's limit of lines: longer ones are cut to it.
	largest = 4 << 10
	// host is the label of the first one.
	host = "first"
	// age is that of the second host's lines: far behind, and still to be compared.
	age = 50 * time.Minute
)

// stages join stack traces, and drop some of them.
const stages = `stages:
  - match:
      selector: '{container=~".*web.*"}'
      stages:
        - multiline: {firstline: '^20', max_wait_time: 1s}
        - drop: {expression: 'job [0-9]*[02468] begins', drop_counter_reason: even}
`

// start starts everything, and waits until Prometheus has seen both hosts.
func start(t *testing.T) *scene {
	t.Helper()
	docker := engine.Default(t)
	s := &scene{began: time.Now(), config: filepath.Join(t.TempDir(), "lm.yaml")}
	s.loki = lokitest.New(t, map[string]string{"max_line_size": fmt.Sprint(lineLimit), "max_label_value_length": fmt.Sprint(valueLimit)})
	s.proxy = lokiproxy.New(t, s.loki.URL)
	s.proxy.Status(http.StatusServiceUnavailable, 0) // Loki is away at first
	ledger.Writers(t, docker, "plain", 20, "json-file", "local")
	s.web = docker.Start(t, engine.Spec{Name: "web", Args: []string{"-n", "-1", "-rate", "10", "-traces", "java"}})
	docker.Start(t, engine.Spec{Name: "none", Driver: "none", Args: []string{"-linger"}})
	write(t, s.config, stages+fmt.Sprintf("outputs: [{name: archive, loki-url: %q}]\n", s.loki.URL))
	s.one = carrier.Start(t, ledger.Mine(t, s.proxy.URL, "--docker-host", docker.Host, "--config", s.config, "--host-label", host, "--max-line-bytes", fmt.Sprint(largest),
		"--verify-every", "2s", "--file-percent", "50")...)
	s.second(t)
	rules, err := filepath.Abs(deploy + "grafana/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.prom = promtest.New(t, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: lighterman
    static_configs: [{targets: [%q, %q]}]
`, rules, s.one.Addr, s.two.Addr))
	s.await(t, `count(lighterman_build_info) == 2`)
	return s
}

// second starts the second host.
func (s *scene) second(t *testing.T) {
	t.Helper()
	s.root = dataroot.New(t)
	away := lokiproxy.New(t, s.loki.URL)
	away.Refuse()
	// More than a hundred projects are more values of a label than Loki likes.
	for n := range 101 {
		s.root.Add(t, dataroot.Spec{Name: fmt.Sprint("crowd-", n), Stopped: true, Labels: map[string]string{"com.docker.compose.project": fmt.Sprint("p", n)}})
	}
	s.root.Add(t, dataroot.Spec{Name: "none", Driver: "none"})
	s.busy, s.broken = s.root.Add(t, dataroot.Spec{Name: "busy"}), s.root.Add(t, dataroot.Spec{Name: "broken"})
	s.broken.Append(t, dataroot.JSON(time.Now().Add(-age), "one that waits for long"))
	links, err := os.MkdirTemp("/dev/shm", "lighterman-monitoring-") // another file system than the logs are on
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(links) })
	s.two = carrier.Start(t, s.root.Args("--loki-url", away.URL, "--hold-dir", filepath.Join(links, "hold"), "--hold-bytes", "6MiB",
		"--max-memory", "1MiB", "--batch-size", "128KiB", "--verify-every", "1s", "--host-label", "second")...)
}

// await waits until an expression has a value.
func (s *scene) await(t *testing.T, expr string) {
	t.Helper()
	var last error
	if !wait.Until(patience, func() bool {
		var found []promtest.Series
		found, last = s.prom.Query(expr)
		return len(found) > 0
	}) {
		t.Fatalf("waited %v in vain for %s in Prometheus (%v)", patience, expr, last)
	}
}

// soon reports whether an expression has a value before some scrapes are over.
func (s *scene) soon(expr string) bool {
	return wait.Until(5*time.Second, func() bool {
		found, err := s.prom.Query(expr)
		return err == nil && len(found) > 0
	})
}

// on is a metric of a host as Prometheus has it; that of its first output.
func on(c *carrier.Carrier, metric, more string) string {
	return fmt.Sprintf(`lighterman_%s{instance=%q, output=""%s}`, metric, c.Addr, more)
}

// happen is what happens to the first host.
func (s *scene) happen(t *testing.T) {
	t.Helper()
	docker := engine.Default(t)
	// Loki comes back.
	s.await(t, on(s.one, "push_retries_total", `, reason="unavailable"`)+" > 0 and on (instance) max by (instance) ("+on(s.one, "container_lag_seconds", "")+") > 1")
	s.proxy.Pass()
	s.await(t, "max("+on(s.one, "container_lag_seconds", "")+") < 1")
	s.await(t, on(s.one, "container_lines_total", `, outcome="joined"`)+" > 0")
	s.await(t, on(s.one, "verify_last_timestamp_seconds", "")+" > 0 and "+on(s.one, "verify_ok", "")+" == 1")

	// Which containers are read through the API is a matter of their IDs.
	for n := 0; !s.soon(on(s.one, "api_streams", "") + " > 0"); n++ {
		docker.Start(t, engine.Spec{Name: fmt.Sprint("some-", n), Args: []string{"-n", "-1", "-rate", "1"}})
	}

	// Lines are too long for Loki, and a label is.
	docker.Start(t, engine.Spec{Name: "long", Args: []string{"-sizes", "3000,9000"}})
	s.labelled = docker.Start(t, engine.Spec{Name: strings.Repeat("l", valueLimit), Args: []string{"-n", "20"}})
	for _, reason := range []string{"line_too_long", "labels"} {
		s.await(t, fmt.Sprintf("increase(%s[1m]) > 0", on(s.one, "rejected_lines_total", fmt.Sprintf(", reason=%q", reason))))
	}

	// Loki has a line that nobody has written.
	entries := s.loki.Await(t, ledger.Selector(s.web), 1, patience)
	stranger := entries[len(entries)-1]
	stranger.Time, stranger.Line = stranger.Time+11, "nobody has written this"
	s.loki.Push(t, stranger)
	s.await(t, on(s.one, "verify_not_stored_lines", "")+" > 0")

	// The configuration is made worse.
	write(t, s.config, "stages: [{drop: {expression: '('}}]\n")
	s.one.Signal(t, syscall.SIGHUP)
	s.await(t, on(s.one, "config_last_reload_successful", "")+" == 0")
}

// lose is what happens to the second host.
func (s *scene) lose(t *testing.T) {
	t.Helper()
	s.broken.Append(t, "{\"log\":\"this is no rec\n", dataroot.JSON(time.Now().Add(-age), "another"))
	s.await(t, on(s.two, "corrupt_records_total", "")+" > 0")

	// Docker rotates three times, and keeps one file: the first that it deletes is kept, the
	// second is too much.
	for n := range 3 {
		fill(t, s.busy)
		s.await(t, fmt.Sprint(on(s.two, "container_lag_bytes", `, container="busy"`), " > ", (n+1)*3_000_000))
		if err := os.Rename(s.busy.Log, s.busy.Log+".1"); err != nil {
			t.Fatal(err)
		}
		s.busy.Append(t, dataroot.JSON(time.Now(), "the first line of a file"))
		if n == 1 {
			s.await(t, on(s.two, "held_bytes", "")+" > 0")
		}
	}
	s.await(t, on(s.two, "hold_given_up_files_total", "")+" > 0")
}

// fill writes more than lighterman may hold.
func fill(t *testing.T, c *dataroot.Container) {
	t.Helper()
	at := time.Now().Add(-age)
	records := make([]string, 4000)
	for n := range records {
		records[n] = dataroot.JSON(at.Add(time.Duration(n)*time.Millisecond), strings.Repeat("x", 1000))
	}
	c.Append(t, records...)
}

// write replaces a file.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}
