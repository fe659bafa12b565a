//go:build promtail

package sidebyside

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestTakeOver: Promtail is stopped while containers write, and files of the host that are
// rotated; its positions are converted, and lighterman goes on: each line is in Loki once.
func TestTakeOver(t *testing.T) { takeOver(t, syscall.SIGTERM, 5) }

// TestTakeOverKilled: Promtail is killed. Of files of the host it cannot be said then what Loki
// has, and a line that is read again has another time: docs/from-promtail.md says so.
func TestTakeOverKilled(t *testing.T) { takeOver(t, syscall.SIGKILL, 0) }

func takeOver(t *testing.T, signal syscall.Signal, files int) {
	t.Helper()
	const containers, more = 20, 60
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.New(t, map[string]string{"auth_enabled": "true"})
	var all []*engine.Container
	for i := range containers {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("c", i), Args: []string{"-n", "-1", "-rate", "20", "-streams", "alternate"}}))
	}
	logs := t.TempDir()
	var written []*hostLog
	var stops []func()
	for i := range files {
		l, stop := writeLog(t, filepath.Join(logs, fmt.Sprintf("app%d.log", i)))
		written, stops = append(written, l), append(stops, stop)
	}
	hold := func(still bool) {
		for _, l := range written {
			l.hold(still)
		}
	}
	const file = `clients: [{url: x}]
scrape_configs:
  - job_name: containers
    docker_sd_configs: [{host: "unix:///var/run/docker.sock", refresh_interval: 1s}]
    relabel_configs:
      - {source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}
      - {source_labels: [__meta_docker_container_log_stream], target_label: stream}
  - job_name: host
    static_configs: [{targets: [localhost], labels: {job: host, __path__: /var/log/*.log}}]
`
	tenant := loki.Of("one-0")
	path, positions := place{loki.URL, "one", docker, logs}.adapted(t, file)
	const ofContainers, ofFiles = `{container=~".+"}`, `{job="host"}`
	grow := func() {
		t.Helper()
		for selector, n := range map[string]int{ofContainers: containers * more, ofFiles: files * more} {
			if n > 0 {
				from := tenant.Count(t, selector)
				wait.For(t, 2*time.Minute, "more lines of "+selector, func() bool { return tenant.Count(t, selector) >= from+n })
			}
		}
	}
	p := start(t, path)
	grow()
	// The position of a file that is rotated in this moment may be that of the old file.
	// docs/from-promtail.md says so.
	hold(true)
	for _, l := range written {
		n := l.lines()
		wait.For(t, time.Minute, "lines of "+l.path, func() bool { return tenant.Count(t, fmt.Sprintf(`{filename=%q}`, l.path)) >= n })
	}
	p.end(t, signal)
	config, state := path+".lighterman.yaml", t.TempDir()
	stdout, stderr, code := carrier.Run(t, "convert", "--positions", positions, "--state-dir", state)
	if code != 0 || !strings.Contains(stdout, fmt.Sprint(" ", containers+files, " ")) {
		t.Fatalf("exit code %d: %s %s", code, stdout, stderr)
	}
	t.Log(stdout)
	hold(false)
	if _, stderr, code := carrier.Run(t, "convert", "promtail", path, "-o", config); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	carried := carrier.Start(t, "--config", config, "--docker-host", docker.Host, "--state-dir", state)
	grow()
	for _, stop := range stops {
		stop()
	}
	total := 0
	for _, l := range written {
		var lines []string
		for _, e := range tenant.AwaitMost(t, fmt.Sprintf(`{filename=%q}`, l.path), l.written, time.Minute) {
			lines = append(lines, e.Line)
		}
		l.check(t, lines)
		total += len(lines)
	}
	for _, c := range all {
		c.Kill(t, "TERM")
		c.Wait(t)
		want := ledger.Stored(t, c)
		ledger.Compare(t, c.Name, want, ledger.Delivered(tenant.AwaitMost(t, fmt.Sprintf(`{container=%q}`, c.Name), len(want), time.Minute)))
		total += len(want)
	}
	carried.Terminate(t)
	t.Logf("%d lines of %d containers and %d files", total, containers, files)
}
