package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// onRoute waits until n containers go by a route.
func onRoute(t testing.TB, c *carrier.Carrier, route string, n int) {
	t.Helper()
	wait.For(t, 30*time.Second, fmt.Sprintf("%d containers on route %s", n, route), func() bool {
		return int(c.Metrics(t).Sum("lighterman_targets", fmt.Sprintf("route=%q", route))) == n
	})
}

// TestFileTakenAndGivenBack: without the directory the log goes by API, with it
// by file again, and lines are lost or repeated at neither change.
func TestFileTakenAndGivenBack(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	root := filepath.Join(t.TempDir(), "root")
	all := writers(t, docker, "switch", 400, "json-file")
	l := carrier.Start(t, mine(loki, "--docker-root", root)...)
	l.AwaitReady(t, 30*time.Second)
	for range 2 {
		onRoute(t, l, "api", 1)
		growth(t, loki, all[0], 500)
		if err := os.Symlink(docker.Root(t), root); err != nil {
			t.Fatal(err)
		}
		onRoute(t, l, "file", 1)
		growth(t, loki, all[0], 500)
		if err := os.Remove(root); err != nil {
			t.Fatal(err)
		}
	}
	onRoute(t, l, "api", 1)
	all[0].Stop(t)
	check(t, loki, all[0])
	if !strings.Contains(l.Stderr(), "json-file log cannot be read here") {
		t.Error("the reason is not told")
	}
	clean(t, l)
}

// TestFilePercent: the staged rollout and back, under load.
func TestFilePercent(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	var all []*engine.Container
	for i := range 8 {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("percent", i),
			Args: []string{"-n", "-1", "-rate", "200", "-tag", "p", "-streams", "alternate"}}))
	}
	before := 0
	for _, percent := range []int{0, 10, 50, 100, 0} {
		l := carrier.Start(t, mine(loki, "--state-dir", state, "--file-percent", fmt.Sprint(percent))...)
		l.AwaitReady(t, 30*time.Second)
		for _, c := range all {
			growth(t, loki, c, 200)
		}
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
		if percent == 50 {
			l.Kill9(t)
			continue
		}
		clean(t, l)
	}
	for _, c := range all {
		c.Stop(t)
	}
	last := carrier.Start(t, mine(loki, "--state-dir", state)...)
	for _, c := range all {
		check(t, loki, c)
	}
	clean(t, last)
}

// TestModes: forced ways, and what cannot be read that way is reported.
func TestModes(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	for _, driver := range []string{"json-file", "local"} {
		docker.Start(t, engine.Spec{Name: "mode-" + driver, Driver: driver, Args: []string{"-n", "10"}}).Wait(t)
	}
	for mode, want := range map[string][3]int{"hybrid": {1, 1, 0}, "file": {1, 0, 1}, "stream": {0, 2, 0}} {
		l := carrier.Start(t, mine(loki, "--mode", mode)...)
		l.AwaitReady(t, 30*time.Second)
		for i, route := range []string{"file", "api", "unreadable"} {
			onRoute(t, l, route, want[i])
		}
		clean(t, l)
	}
}
