package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// rulesFile is a configuration whose lines are others than those of another number: each line
// that is sent under two of them is in Loki twice.
func rulesFile(n int) string {
	return fmt.Sprintf(`external-label: {build: b%d}
stages:
  - match: {selector: '{container=~".*"}', stages: [{static_labels: {rules: r%d}}]}
`, n%5, n%7)
}

// badFiles are configurations that are refused, with the place where.
var badFiles = []struct{ text, place string }{
	{"external-label: {build: b1}\nstages:\n  - statik_labels: {rules: r1}\n", ":3:5: "},
	{"external-label: {stream: b1}\n", ":1:26: "},
	{"stages: [{drop: {expression: '('}}]\n", ":1:30: "},
	{"stages:\n\t- drop: {}\n", ":2"},
	{"lokiurl: http://localhost\n", ":1:1: "},
}

func replaceFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// hangUp asks for a reload, and waits until something was said about it.
func hangUp(t *testing.T, l *carrier.Carrier, said string) {
	t.Helper()
	before := strings.Count(l.Stderr(), said)
	l.Signal(t, syscall.SIGHUP)
	wait.For(t, time.Minute, said, func() bool { return strings.Count(l.Stderr(), said) > before })
}

const (
	saidReloaded  = `msg="configuration reloaded"`
	saidRefused   = `msg="cannot use the new configuration`
	saidUnchanged = `msg="configuration is unchanged"`
)

// TestReloads: the configuration is reloaded again and again under load, every other time a
// bad one. Nothing is lost, nothing visible twice, and nothing waits. LIGHTERMAN_RELOADS is
// how often.
func TestReloads(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	reloads, bound := 20, 30.0 // beside all the other tests
	if n, err := strconv.Atoi(os.Getenv("LIGHTERMAN_RELOADS")); err == nil {
		reloads, bound = n, 1
	}
	file := filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, file, rulesFile(0))
	all := ledger.Writers(t, docker, "reload", 50, "json-file", "local", "json-file", "local")
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--config", file, "--file-percent", "50")...)
	l.AwaitReady(t, time.Minute)
	ledger.GrowthOf(t, loki, all, 20)
	for n := 1; n <= reloads; n++ {
		if n%2 == 0 {
			bad := badFiles[n/2%len(badFiles)]
			replaceFile(t, file, bad.text)
			hangUp(t, l, saidRefused)
			if !strings.Contains(l.Stderr(), file+bad.place) {
				t.Errorf("nobody says that the mistake is at %s%s", file, bad.place)
			}
			if l.Metrics(t).Sum("lighterman_config_last_reload_successful") != 0 {
				t.Error("a reload that failed counts as successful")
			}
			continue
		}
		replaceFile(t, file, rulesFile(n))
		hangUp(t, l, saidReloaded)
		if l.Metrics(t).Sum("lighterman_config_last_reload_successful") != 1 {
			t.Error("a reload that went well does not count as successful")
		}
		ledger.Growth(t, loki, all[0], 20)
	}
	replaceFile(t, file, rulesFile(reloads))
	l.Signal(t, syscall.SIGHUP)
	ledger.GrowthOf(t, loki, all, 20)
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	metrics := l.Metrics(t)
	late := func(bound float64) float64 {
		return metrics.Sum("lighterman_delivery_seconds_count") - metrics.Sum("lighterman_delivery_seconds_bucket", fmt.Sprintf(`le="%v"`, bound))
	}
	t.Logf("%d reloads: %v entries, of them %v later than 0.5 s, %v than 1 s, %v than 5 s", reloads, metrics.Sum("lighterman_delivery_seconds_count"), late(.5), late(1), late(5))
	if n := late(bound); n > 0 {
		t.Errorf("%v entries were delivered more than %v s after they were written", n, bound)
	}
	ledger.Clean(t, l)
}

// TestReloadKilled: kill -9 right after a reload, and a start with another configuration: what
// is sent again is what it was.
func TestReloadKilled(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state, file := t.TempDir(), filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, file, rulesFile(0))
	all := ledger.Writers(t, docker, "reloadkill", 100, "json-file", "local", "json-file")
	start := func() *carrier.Carrier {
		return carrier.Start(t, ledger.Mine(t, loki.URL, "--config", file, "--state-dir", state, "--file-percent", "50")...)
	}
	l := start()
	for n := 1; n <= 6; n++ {
		l.AwaitReady(t, time.Minute)
		ledger.Growth(t, loki, all[0], 20+n*9)
		replaceFile(t, file, rulesFile(n))
		if n%3 != 0 { // else the next start finds it
			hangUp(t, l, saidReloaded)
			if n%2 == 0 { // the change takes effect in a second
				ledger.Growth(t, loki, all[0], 120)
			}
		}
		l.Kill9(t)
		l = start()
	}
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, l)
}

// TestReloadByFile: a change of the file is enough where it is watched; what is the same does
// nothing, and what needs a restart is named.
func TestReloadByFile(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	all := ledger.Writers(t, docker, "reloadfile", 20, "json-file")
	// As Kubernetes does: a link to a link that is replaced.
	dir := t.TempDir()
	put := func(version, text string) {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "lm.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	put("..1", rulesFile(1))
	file := filepath.Join(dir, "lm.yaml")
	if err := os.Symlink("..data/lm.yaml", file); err != nil {
		t.Fatal(err)
	}
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--config", file, "--watch-config", "--log-level", "debug")...)
	said := func(text string) {
		t.Helper()
		wait.For(t, time.Minute, text, func() bool { return strings.Contains(l.Stderr(), text) })
	}
	loki.Await(t, fmt.Sprintf(`{container=%q, build="b1", rules="r1"}`, all[0].Name), 1, time.Minute)
	put("..2", rulesFile(2))
	loki.Await(t, fmt.Sprintf(`{container=%q, build="b2", rules="r2"}`, all[0].Name), 1, time.Minute)
	put("..3", rulesFile(2)+"batch-size: 2MiB\n")
	said(`settings=[batch-size]`)
	put("..4", "# the same\n"+rulesFile(2))
	said(saidUnchanged)
	hangUp(t, l, saidUnchanged)
	put("..5", "exclude-name: [.*]\n"+rulesFile(2))
	wait.For(t, time.Minute, "the end of collecting", func() bool { return l.Metrics(t).Sum("lighterman_targets") == 0 })
	put("..6", rulesFile(2))
	wait.For(t, time.Minute, "collecting again", func() bool { return l.Metrics(t).Sum("lighterman_targets") == 1 })
	all[0].Stop(t)
	ledger.Check(t, loki, all[0])
	ledger.Clean(t, l)
}
