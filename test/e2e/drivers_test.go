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
	"github.com/lighterman/lighterman/test/need"
)

// TestTwentyContainers: several drivers, 10,000 lines each, some there before
// lighterman and some coming while it runs. Every line of every readable
// container is in Loki once, and the unreadable ones are named.
func TestTwentyContainers(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki, syslog := engine.Default(t), lokitest.Shared(t), engine.StartSyslog(t)
	specs := map[string]int{"json-file": 8, "local": 4, "journald": 3, "syslog": 3, "none": 2}
	start := func(driver string, i int) *engine.Container {
		tag := fmt.Sprintf("%s%d", strings.ReplaceAll(driver, "-", ""), i)
		spec := engine.Spec{Name: tag, Driver: driver, Args: []string{"-n", "10000", "-tag", tag, "-streams", "alternate", "-pattern", "escapes"}}
		switch driver {
		case "json-file":
			// Rotation goes on all the time; nothing is rotated away for good.
			spec.Opts = map[string]string{"max-size": "300k", "max-file": "30"}
		case "syslog":
			spec.Opts = map[string]string{"syslog-address": syslog.UDP, "mode": "blocking"}
		}
		return docker.Start(t, spec)
	}
	var all []*engine.Container
	var lighterman *carrier.Carrier
	for _, late := range []bool{false, true} {
		for driver, n := range specs {
			for i := range n {
				if (i%2 == 1) == late {
					all = append(all, start(driver, i))
				}
			}
		}
		if !late {
			lighterman = carrier.Start(t, ledger.Mine(t, loki.URL)...)
			lighterman.AwaitReady(t, 2*time.Minute)
		}
	}
	for _, c := range all {
		c.Wait(t)
	}
	_, page, err := lighterman.Get("/status.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Spec.Driver == "none" {
			continue
		}
		ledger.Check(t, loki, c)
	}
	if n := strings.Count(page, `stores nothing`); n != 2 {
		t.Errorf("%d containers are said to be unreadable:\n%s", n, page)
	}
	if n := strings.Count(lighterman.Stderr(), "stores nothing"); n != 2 {
		t.Errorf("the log tells %d times of an unreadable container", n)
	}
	ledger.Clean(t, lighterman)
}
