package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestLifeUnderLoad restarts, stops, renames and pauses containers that write
// all the time. Every line is in Loki once.
func TestLifeUnderLoad(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	lighterman := carrier.Start(t, ledger.Mine(loki.URL)...)
	lighterman.AwaitReady(t, 30*time.Second)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		for i := range 2 {
			all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("life-", driver, i), Driver: driver,
				Opts: map[string]string{"max-size": "1g"}, // a slow host writes more than the engine keeps by default
				Args: []string{"-n", "-1", "-rate", "2000", "-tag", driver, "-streams", "alternate"}}))
		}
	}
	grown := func(c *engine.Container) {
		t.Helper()
		before := loki.Count(t, ledger.Selector(c))
		wait.For(t, time.Minute, "more lines of "+c.Name, func() bool { return loki.Count(t, ledger.Selector(c)) > before+500 })
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
		ledger.Check(t, loki, c)
		renamed := loki.Count(t, fmt.Sprintf(`{container=%q}`, c.Name))
		if total := loki.Count(t, ledger.Selector(c)); renamed == 0 || renamed == total {
			t.Errorf("%s: %d of %d lines carry the new name", c.Name, renamed, total)
		}
	}
	ledger.Clean(t, lighterman)
}
