package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// onRoute waits until n containers go by a route.
func onRoute(t testing.TB, c *carrier.Carrier, route string, n int) {
	t.Helper()
	wait.For(t, 2*time.Minute, fmt.Sprintf("%d containers on route %s", n, route), func() bool {
		return int(c.Metrics(t).Sum("lighterman_targets", fmt.Sprintf("route=%q", route))) == n
	})
}

// TestFilePercent is docs/rollout.md under load: 10, 50 and 100 % by file, and back
// to none. At the end of each step every line is in Loki, once; in the middle of one
// lighterman is killed.
func TestFilePercent(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	var all []*engine.Container
	for i := range 8 {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("percent", i),
			Args: []string{"-n", "-1", "-rate", "40", "-tag", "p", "-streams", "alternate"}}))
	}
	before, killed := 0, false
	for _, percent := range []int{0, 10, 50, 50, 100, 0} {
		l := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state, "--file-percent", fmt.Sprint(percent))...)
		l.AwaitReady(t, 2*time.Minute)
		ledger.GrowthOf(t, loki, all, 100)
		m := l.Metrics(t)
		files := int(m.Sum("lighterman_targets", `route="file"`))
		if apis := int(m.Sum("lighterman_targets", `route="api"`)); files+apis != len(all) {
			t.Errorf("%d %%: %d by file, %d by API", percent, files, apis)
		}
		switch {
		case percent == 0 && files != 0, percent == 100 && files != len(all), percent > 0 && files < before:
			t.Errorf("%d %%: %d by file", percent, files)
		}
		before = files
		if percent == 50 && !killed {
			l.Kill9(t)
			killed = true
			continue
		}
		for _, name := range []string{"lighterman_hold_given_up_bytes_total", "lighterman_corrupt_records_total", "lighterman_unreadable_containers"} {
			if n := m.Sum(name); n != 0 {
				t.Errorf("%d %%: %s is %v", percent, name, n)
			}
		}
		ledger.Clean(t, l)
		for _, c := range all {
			if n := ledger.NumberedSoFar(t, fmt.Sprintf("%d %%, %s", percent, c.Name), "p", loki.All(t, ledger.Selector(c))); n == 0 {
				t.Errorf("%d %%: nothing of %s", percent, c.Name)
			}
		}
	}
	for _, c := range all {
		c.Stop(t)
	}
	last := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, last)
}

// TestModes: forced ways, and what cannot be read that way is reported: journald's
// where there is no journal.
func TestModes(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	for _, driver := range []string{"json-file", "local", "journald"} {
		docker.Start(t, engine.Spec{Name: "mode-" + driver, Driver: driver, Args: []string{"-n", "10"}}).Wait(t)
	}
	modes := map[string][4]int{"hybrid": {2, 1, 0, 0}, "file": {2, 1, 0, 0}, "stream": {0, 0, 3, 0}}
	for mode, want := range modes {
		l := carrier.Start(t, ledger.Mine(t, loki.URL, "--mode", mode)...)
		l.AwaitReady(t, 2*time.Minute)
		for i, route := range []string{"file", "journal", "api", "unreadable"} {
			onRoute(t, l, route, want[i])
		}
		ledger.Clean(t, l)
	}
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--mode", "file", "--journal-dir", "none")...)
	l.AwaitReady(t, 2*time.Minute)
	if docker.Newest { // which then has a cache for it
		onRoute(t, l, "file", 3)
	} else {
		onRoute(t, l, "unreadable", 1)
	}
	ledger.Clean(t, l)
}
