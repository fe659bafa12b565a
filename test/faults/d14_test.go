package faults

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/wait"
)

// routes are route and reason of each container on the status page.
func routes(t testing.TB, c *carrier.Carrier) map[string][2]string {
	t.Helper()
	_, body, err := c.Get("/status.json")
	if err != nil {
		return nil
	}
	var page struct {
		Containers []struct{ Name, Route, Reason string }
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	out := make(map[string][2]string)
	for _, c := range page.Containers {
		out[c.Name] = [2]string{c.Route, c.Reason}
	}
	return out
}

// TestD14DeletedLog: a log that was deleted before the start is named as such, with the
// cure, which works.
func TestD14DeletedLog(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{}), fakeloki.Start(t, nil)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		c := docker.Start(t, engine.Spec{Name: driver, Driver: driver, Args: []string{"-n", "-1", "-rate", "50", "-tag", "x"}})
		path := c.LogPath(t)
		if driver == "local" {
			path = filepath.Join(c.Dir(t), "local-logs", "container.log")
		}
		wait.For(t, 10*time.Second, "lines", func() bool { info, err := os.Stat(path); return err == nil && info.Size() > 0 })
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", docker.Host)...)
	named := func() bool {
		got := routes(t, l)
		for _, c := range all {
			r := got[c.Name]
			if r[0] != "unreadable" || !strings.Contains(r[1], "was deleted") || !strings.Contains(r[1], "restart the container") {
				return false
			}
		}
		return true
	}
	wait.For(t, 2*time.Minute, "the deleted logs to be named", named)
	for _, c := range all {
		said := func() int { return strings.Count(l.Stderr(), "container="+c.Name+" ") }
		wait.For(t, 2*time.Minute, "it to be in the log, too", func() bool { return said() > 0 })
		if n := said(); n != 1 {
			t.Errorf("%s: said %d times", c.Name, n)
		}
		c.Restart(t)
	}
	wait.For(t, 2*time.Minute, "lines after the restart, and another reason", func() bool {
		got, lines := routes(t, l), numbersOf(loki)
		for _, c := range all {
			if got[c.Name][0] != "file" || !strings.Contains(got[c.Name][1], "can be read") || len(lines[c.Name]) == 0 {
				return false
			}
		}
		return true
	})
}

// TestD14DeletedCacheWithoutSocket has the cache of a driver that cannot be read back, and
// no engine to ask.
func TestD14DeletedCacheWithoutSocket(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	c := root.Add(t, dataroot.Spec{Name: "cached", Driver: "syslog"})
	if err := os.Remove(c.Log); err != nil {
		t.Fatal(err)
	}
	l := into(t, root, loki)
	wait.For(t, 2*time.Minute, "the deleted cache to be named", func() bool {
		r := routes(t, l)["cached"]
		return r[0] == "unreadable" && strings.Contains(r[1], "was deleted")
	})
	c.Append(t, dataroot.Frame(noon, "back"))
	awaitLines(t, loki, "back")
}

// TestD18ReasonOfAStartedContainer: of a container that is started while lighterman runs.
func TestD18ReasonOfAStartedContainer(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{}), fakeloki.Start(t, nil)
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", docker.Host)...)
	l.AwaitReady(t, 2*time.Minute)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		all = append(all, docker.Create(t, engine.Spec{Name: driver, Driver: driver, Args: []string{"-n", "3", "-tag", "x", "-linger"}}))
	}
	has := func(text string) func() bool {
		return func() bool {
			got := routes(t, l)
			for _, c := range all {
				if got[c.Name][0] != "file" || !strings.Contains(got[c.Name][1], text) {
					return false
				}
			}
			return true
		}
	}
	wait.For(t, 2*time.Minute, "the reason before the start", has("will exist when the container starts"))
	for _, c := range all {
		c.Start(t)
	}
	wait.For(t, 2*time.Minute, "the reason after it", has("can be read"))
}
