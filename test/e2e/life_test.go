package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestLifeUnderLoad restarts, stops, renames and pauses containers that write
// all the time. Every line is in Loki once.
func TestLifeUnderLoad(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	lighterman := carrier.Start(t, mine(loki)...)
	lighterman.AwaitReady(t, 30*time.Second)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		for i := range 2 {
			all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("life-", driver, i), Driver: driver,
				Args: []string{"-n", "-1", "-rate", "2000", "-tag", driver, "-streams", "alternate"}}))
		}
	}
	grown := func(c *engine.Container) {
		t.Helper()
		before := loki.Count(t, byID(c))
		wait.For(t, time.Minute, "more lines of "+c.Name, func() bool { return loki.Count(t, byID(c)) > before+500 })
	}
	for _, c := range all {
		grown(c)
		c.Restart(t)
		grown(c)
		c.Stop(t)
		c.Start(t)
		c.Rename(t, c.Name+"-renamed")
		wait.For(t, time.Minute, "lines with the new name", func() bool {
			return loki.Count(t, fmt.Sprintf(`{container=%q}`, c.Name)) > 100
		})
		c.Pause(t)
		c.Unpause(t)
		grown(c)
		c.Stop(t)
	}
	for _, c := range all {
		check(t, loki, c)
		renamed := loki.Count(t, fmt.Sprintf(`{container=%q}`, c.Name))
		if total := loki.Count(t, byID(c)); renamed == 0 || renamed == total {
			t.Errorf("%s: %d of %d lines carry the new name", c.Name, renamed, total)
		}
	}
	clean(t, lighterman)
}

// TestRemovedUnderLoad: docker rm -f right in a burst. All that Docker had
// stored is in Loki: the numbers from the first to the last without a gap.
func TestRemovedUnderLoad(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	lighterman := carrier.Start(t, mine(loki)...)
	lighterman.AwaitReady(t, 30*time.Second)
	for _, driver := range []string{"json-file", "local"} {
		c := docker.Start(t, engine.Spec{Name: "rm-" + driver, Driver: driver, Args: []string{"-n", "-1", "-tag", "rm", "-rate", "5000"}})
		loki.Await(t, byID(c), 1000, time.Minute)
		before := len(c.Logs(t))
		c.Remove(t)
		loki.Await(t, byID(c), before, time.Minute)
		wait.For(t, 30*time.Second, "the container to be forgotten", func() bool {
			_, page, err := lighterman.Get("/status.json")
			return err == nil && !strings.Contains(page, c.ID)
		})
		entries := loki.All(t, byID(c))
		seen := make(map[string]bool)
		for _, e := range entries {
			number, _, _ := strings.Cut(strings.TrimPrefix(e.Line, "rm "), " ")
			if seen[number] {
				t.Errorf("%s: line %s is there twice", driver, number)
			}
			seen[number] = true
		}
		for i := range entries {
			if !seen[fmt.Sprintf("%07d", i)] {
				t.Fatalf("%s: line %d of %d is lost", driver, i, len(entries))
			}
		}
	}
	clean(t, lighterman)
}
