package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

// TestOldestAPI: the engine in the oldest version of its API that lighterman takes, that of
// Docker Engine 19.03. All is asked in that version, and by file and by API each line arrives.
func TestOldestAPI(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	proxy.Offer("1.40")
	c := docker.Start(t, engine.Spec{Name: "oldest", Args: []string{"-n", "200", "-tag", "oldest"}})
	c.Wait(t)
	want := ledger.Stored(t, c)
	for route, mode := range map[string]string{"file": "file", "api": "stream"} {
		l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", proxy.Host, "--docker-root", docker.Root(t), "--host-label", route, "--mode", mode)...)
		l.AwaitReady(t, 2*time.Minute)
		onRoute(t, l, route, 1)
		selector := fmt.Sprintf(`{host=%q, container=%q}`, route, c.Name)
		ledger.Compare(t, route, want, ledger.Delivered(loki.Await(t, selector, len(want), 2*time.Minute)))
		ledger.Clean(t, l)
	}
	if proxy.Requests("/v1.40/") == 0 || proxy.Requests("/v1.") != proxy.Requests("/v1.40/") {
		t.Errorf("%d requests, and %d of them in version 1.40", proxy.Requests("/v1."), proxy.Requests("/v1.40/"))
	}
}

// TestOldestKernel: on Linux 4.11, as far as its system calls are concerned, containers by file
// and files of the host arrive.
func TestOldestKernel(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	old, err := repo.Build("./test/oldkernel", false)
	if err != nil {
		t.Fatal(err)
	}
	c := docker.Start(t, engine.Spec{Name: "kernel", Args: []string{"-n", "200", "-tag", "kernel"}})
	c.Wait(t)
	dir := t.TempDir()
	log, config := filepath.Join(dir, "host.log"), filepath.Join(dir, "config.yaml")
	for file, text := range map[string]string{log: "one\ntwo\nthree\n", config: fmt.Sprintf("files:\n  - paths: [%s]\n", log)} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := carrier.StartWith(t, carrier.Options{Wrap: []string{old}, Args: ledger.Mine(t, loki.URL, "--config", config, "--host-label", "kernel", "--mode", "file")})
	l.AwaitReady(t, 2*time.Minute)
	want := ledger.Stored(t, c)
	ledger.Compare(t, c.Name, want, ledger.Delivered(loki.Await(t, fmt.Sprintf(`{host="kernel", container=%q}`, c.Name), len(want), 2*time.Minute)))
	of := fmt.Sprintf(`{filename=%q}`, log)
	var lines []string
	for _, e := range loki.Await(t, of, 3, 2*time.Minute) {
		lines = append(lines, e.Line)
	}
	if !slices.Equal(lines, []string{"one", "two", "three"}) {
		t.Errorf("of the file there is %q", lines)
	}
	// What is written later is seen, too.
	more, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = more.Close() }()
	if _, err := more.WriteString("four\n"); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 2*time.Minute, "a further line", func() bool { return loki.Count(t, of) == 4 })
	if strings.Contains(l.Stderr(), "function not implemented") {
		t.Errorf("it says\n%s", l.Stderr())
	}
	ledger.Clean(t, l)
}
