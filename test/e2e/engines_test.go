package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// TestEngines: on the installed engine and on the newest, side by side, what they
// do differently: rotation with one file and with several, compression, the
// files of each driver, streams of the API, restarts and removals. All tests on
// the newest are `make test-engines`.
func TestEngines(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]engine.PrivateOptions{"installed": {Installed: true}, "newest": {Newest: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need.Journald(t)
			opts.LiveRestore = true
			docker := engine.Private(t, opts)
			onEngine(t, name, docker, lokitest.Shared(t))
		})
	}
}

func onEngine(t *testing.T, kind string, docker *engine.PrivateEngine, loki *lokitest.Loki) {
	here := []string{"--docker-host", docker.Host, "--external-label", "engine=" + kind}
	l := carrier.Start(t, ledger.Mine(t, loki.URL, here...)...)
	l.AwaitReady(t, 2*time.Minute)
	start := func(name, driver string, opts map[string]string, args ...string) *engine.Container {
		return docker.Start(t, engine.Spec{Name: kind + "-" + name, Driver: driver, Opts: opts, Args: args})
	}
	numbered := func(n, rate int) []string {
		return []string{"-n", fmt.Sprint(n), "-rate", fmt.Sprint(rate), "-tag", "numbered", "-streams", "alternate", "-delay", "2s"}
	}
	// Of these the engine deletes most while they are written, so lighterman knows
	// them when they start. A file lives for about two seconds, which is long enough
	// for it to be opened on a busy machine.
	const n = 6000
	create := func(name, driver string, opts map[string]string) *engine.Container {
		return docker.Create(t, engine.Spec{Name: kind + "-" + name, Driver: driver, Opts: opts, Args: numbered(n, 600)})
	}
	rotated := []*engine.Container{
		create("compressed", "json-file", map[string]string{"max-size": "200k", "max-file": "3", "compress": "true"}),
		create("one-file", "json-file", map[string]string{"max-size": "200k"}),
		create("local-rotated", "local", map[string]string{"max-size": "200k", "max-file": "3"}),
	}
	onRoute(t, l, "file", len(rotated))
	for _, c := range rotated {
		c.Start(t)
	}
	// These are compared with what the engine says.
	syslog := map[string]string{"syslog-address": engine.StartSyslog(t).Unix, "mode": "blocking"}
	blocking := map[string]string{"mode": "blocking"}
	kept := []*engine.Container{
		start("awkward", "json-file", nil, awkward(500)...),
		start("local", "local", nil, awkward(500)...),
		start("syslog", "syslog", syslog, awkward(500)...),
		start("gelf", "gelf", docker.Gelf(t), awkward(500)...),
		start("fluentd", "fluentd", docker.Fluentd(t), awkward(500)...),
		start("splunk", "splunk", docker.Splunk(t), awkward(500)...),
		start("journald", "journald", blocking, "-n", "500", "-tag", "journald", "-streams", "alternate"),
	}
	tty := docker.Start(t, engine.Spec{Name: kind + "-tty", Driver: "local", TTY: true, Args: awkward(500)})
	kept = append(kept, tty)
	api := append(slices.Clone(here), "--mode", "stream", "--include-name", ".*-(followed|tty|awkward|local|journald)", "--external-label", "run=api")
	stream := carrier.Start(t, append([]string{"--loki-url", loki.URL}, api...)...)
	stream.AwaitReady(t, 2*time.Minute)
	// Followed through the API across rotations, which engines before 23 leave out
	// lines of and repeat: TestPeer20StallAtRotation.
	rotation := map[string]string{"max-size": "50k", "max-file": "99"}
	if !docker.Newest {
		rotation = nil
	}
	followed := start("followed", "json-file", rotation, numbered(4000, 1000)...)
	restarted := start("restarted", "json-file", nil, "-n", "-1", "-rate", "200", "-tag", "restarted", "-streams", "alternate")

	removed := start("removed", "json-file", nil, numbered(n, 0)...)
	removed.Wait(t)
	removed.Remove(t)
	for _, c := range rotated {
		c.Wait(t)
	}
	for _, c := range append(rotated, removed) {
		if got := ledger.Numbered(t, c.Name, "numbered", loki.Await(t, by(kind, c), n, 2*time.Minute)); got != n {
			t.Errorf("%s: %d lines of %d", c.Name, got, n)
		}
	}
	followed.Wait(t)
	for _, c := range append(kept, followed) {
		c.Wait(t)
		if c.Spec.Driver != "journald" {
			checkOn(t, loki, c, by(kind, c))
			continue
		}
		// An engine that keeps a cache for it answers with the times of that.
		want := ledger.Journal(t, c, 500)
		ledger.Compare(t, c.Name, want, ledger.Delivered(loki.Await(t, by(kind, c), len(want), 2*time.Minute)))
	}
	for _, c := range []*engine.Container{followed, tty, kept[0], kept[1], kept[6]} {
		checkOn(t, loki, c, strings.Replace(by(kind, c), `run=""`, `run="api"`, 1))
	}
	routesOn(t, l)

	// Containers live on without their engine, and so does the log.
	docker.Kill9(t)
	docker.Up(t)
	ledger.Growth(t, loki, restarted, 100)
	restarted.Restart(t)
	restarted.Rename(t, kind+"-renamed")
	ledger.Growth(t, loki, restarted, 100)
	wait.For(t, 2*time.Minute, "the new name", func() bool {
		return loki.Count(t, fmt.Sprintf(`{container=%q}`, restarted.Name)) > 0
	})
	restarted.Stop(t)
	checkOn(t, loki, restarted, by(kind, restarted))
	ledger.Clean(t, l)
	ledger.Clean(t, stream)
}

// by selects what the lighterman that collects all of an engine has sent of a
// container.
func by(kind string, c *engine.Container) string {
	return strings.Replace(ledger.Selector(c), "{", fmt.Sprintf(`{engine=%q, run="", `, kind), 1)
}

func checkOn(t *testing.T, loki *lokitest.Loki, c *engine.Container, selector string) {
	t.Helper()
	want := ledger.Stored(t, c)
	ledger.Compare(t, c.Name+" "+selector, want, ledger.Delivered(loki.Await(t, selector, len(want), 2*time.Minute)))
}

// routesOn wants every log read by file, and journald's from the journal, also where the
// engine cannot read that and keeps a cache instead.
func routesOn(t *testing.T, l *carrier.Carrier) {
	t.Helper()
	got := make(map[string]string)
	for _, c := range list(t, "--listen", l.Addr).Containers {
		got[c.Driver] = c.Route
	}
	want := map[string]string{
		"json-file": "file", "local": "file", "syslog": "file", "gelf": "file", "fluentd": "file", "splunk": "file", "journald": "journal",
	}
	if !maps.Equal(got, want) {
		t.Errorf("routes by driver: %v, want %v", got, want)
	}
}
