package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// withoutSocket starts a lighterman that has the engine's data root and nothing
// else. DOCKER_HOST is one of which no client could be made.
func withoutSocket(t testing.TB, loki *lokitest.Loki, root string, more ...string) *carrier.Carrier {
	t.Helper()
	l := carrier.StartWith(t, carrier.Options{
		Args: append(ledger.Mine(t, loki.URL, "--docker-host", "none", "--docker-root", root), more...),
		Env:  []string{"DOCKER_HOST=nonsense"},
	})
	l.AwaitReady(t, 2*time.Minute)
	return l
}

// TestWithoutSocket: an engine's whole life, seen through its directory of
// containers alone: it makes containers, renames, restarts, stops and removes them,
// is killed and comes back. Every line is in Loki once, under the right name.
func TestWithoutSocket(t *testing.T) {
	t.Parallel()
	docker, loki, syslog := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t), engine.StartSyslog(t)
	writes := func(name, driver string) *engine.Container {
		spec := engine.Spec{Name: name, Driver: driver, Args: []string{"-n", "-1", "-rate", "200", "-tag", name, "-streams", "alternate"}}
		switch driver {
		case "json-file":
			spec.Opts = map[string]string{"max-size": "100k", "max-file": "500"} // a slow host writes more than 50
		case "syslog":
			spec.Opts = map[string]string{"syslog-address": syslog.Unix, "mode": "blocking"}
		}
		return docker.Start(t, spec)
	}
	before := writes("before", "json-file")
	over := docker.Start(t, engine.Spec{Name: "over", Args: []string{"-n", "5", "-unterminated"}})
	over.Wait(t)
	docker.Start(t, engine.Spec{Name: "unread", Driver: "none", Args: []string{"-linger"}})
	state := t.TempDir()
	first := withoutSocket(t, loki, docker.DataRoot(), "--state-dir", state)
	all := []*engine.Container{before, writes("later", "local"), writes("cached", "syslog")}
	ledger.GrowthOf(t, loki, all, 200)
	ledger.Check(t, loki, over)

	for _, c := range all {
		c.Rename(t, strings.TrimPrefix(c.Name, engine.Prefix(t))+"-renamed")
		wait.For(t, 2*time.Minute, "lines with the new name", func() bool {
			return loki.Count(t, fmt.Sprintf(`{container=%q}`, c.Name)) > 0
		})
		c.Restart(t)
		ledger.Growth(t, loki, c, 200)
	}
	removed := docker.Start(t, engine.Spec{Name: "removed", Args: []string{"-n", "500", "-tag", "removed"}})
	removed.Wait(t)
	stored := ledger.Stored(t, removed)
	removed.Remove(t)
	ledger.Compare(t, removed.Name, stored, ledger.Delivered(loki.Await(t, ledger.Selector(removed), len(stored), 2*time.Minute)))
	listed(t, first, removed, false)

	// The engine is killed: what it has stored says for ever that its containers
	// run. One lighterman goes on, and the next one starts, as if nothing were.
	docker.Kill9(t)
	listed(t, first, before, true)
	ledger.Clean(t, first)
	second := withoutSocket(t, loki, docker.DataRoot(), "--state-dir", state)
	for _, c := range all {
		listed(t, second, c, true)
	}
	docker.Up(t) // it takes what the containers have written meanwhile, and ends them
	all[0].Start(t)
	ledger.Growth(t, loki, all[0], 200)
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range append(all, over) {
		ledger.Check(t, loki, c)
	}
	_, page, err := second.Get("/status.json")
	if err != nil || strings.Count(page, "stores nothing") != 1 || strings.Count(page, `"route": "file"`) != len(all)+1 {
		t.Errorf("%v\n%s", err, page)
	}
	ledger.Clean(t, second)
}

// listed waits until a lighterman's status page has a container, or does not have
// it any more.
func listed(t testing.TB, l *carrier.Carrier, c *engine.Container, want bool) {
	t.Helper()
	wait.For(t, 2*time.Minute, fmt.Sprintf("container %s to be listed: %v", c.Name, want), func() bool {
		_, page, err := l.Get("/status.json")
		return err == nil && strings.Contains(page, c.ID) == want
	})
}

// TestRemappedUsers: with userns-remap the engine has its containers in a directory
// called by the IDs that root is mapped to. It is found with the socket and without.
func TestRemappedUsers(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{Remap: true}), lokitest.Shared(t)
	c := docker.Start(t, engine.Spec{Name: "remapped", Args: []string{"-n", "100", "-tag", "remapped"}})
	c.Wait(t)
	with := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", docker.Host, "--host-label", "with")...)
	without := withoutSocket(t, loki, docker.DataRoot(), "--host-label", "without")
	with.AwaitReady(t, 2*time.Minute)
	for _, l := range []*carrier.Carrier{with, without} {
		onRoute(t, l, "file", 1)
	}
	want := ledger.Stored(t, c)
	for _, host := range []string{"with", "without"} {
		selector := fmt.Sprintf(`{host=%q, container=%q}`, host, c.Name)
		ledger.Compare(t, host, want, ledger.Delivered(loki.Await(t, selector, len(want), 2*time.Minute)))
	}
	ledger.Clean(t, with)
	ledger.Clean(t, without)
}
