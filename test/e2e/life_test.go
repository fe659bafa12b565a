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
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	lighterman := carrier.Start(t, ledger.Mine(t, loki.URL)...)
	lighterman.AwaitReady(t, 2*time.Minute)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		for i := range 2 {
			all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("life-", driver, i), Driver: driver,
				Opts: map[string]string{"max-size": "1g"}, // a slow host writes more than the engine keeps by default
				Args: []string{"-n", "-1", "-rate", "500", "-tag", driver, "-streams", "alternate"}}))
		}
	}
	for _, c := range all {
		ledger.Growth(t, loki, c, 500)
		c.Restart(t)
		ledger.Growth(t, loki, c, 500)
		c.Stop(t)
		c.Start(t)
		c.Rename(t, c.Name+"-renamed")
		wait.For(t, 2*time.Minute, "lines with the new name", func() bool {
			return loki.Count(t, fmt.Sprintf(`{container=%q}`, c.Name)) > 100
		})
		c.Pause(t)
		c.Unpause(t)
		ledger.Growth(t, loki, c, 500)
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
