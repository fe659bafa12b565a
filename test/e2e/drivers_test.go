package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
)

// TestTwentyContainers: several drivers, 10,000 lines each, some there before
// lighterman and some coming while it runs. Every line of every readable
// container is in Loki once, and the unreadable ones are named.
func TestTwentyContainers(t *testing.T) {
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
			lighterman = carrier.Start(t, mine(loki)...)
			lighterman.AwaitReady(t, 30*time.Second)
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
		check(t, loki, c)
	}
	if n := strings.Count(page, `stores nothing`); n != 2 {
		t.Errorf("%d containers are said to be unreadable:\n%s", n, page)
	}
	if n := strings.Count(lighterman.Stderr(), "stores nothing"); n != 2 {
		t.Errorf("the log tells %d times of an unreadable container", n)
	}
	clean(t, lighterman)
}

// TestAwkwardLines: what Docker stored is what Loki returns, on both routes.
func TestAwkwardLines(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.Shared(t)
	sizes := []string{"-sizes", "0,1,16383,16384,16385,32768,100000,1048576", "-corpus", "-unterminated"}
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		for _, tty := range []bool{false, true} {
			for _, streams := range []string{"stdout", "both"} {
				c := docker.Start(t, engine.Spec{Name: fmt.Sprintf("%s-%v-%s", driver, tty, streams), Driver: driver, TTY: tty,
					Args: append([]string{"-streams", streams}, sizes...)})
				c.Wait(t)
				// A second run, after an unfinished line.
				c.Start(t)
				c.Wait(t)
				all = append(all, c)
			}
		}
	}
	for _, mode := range []string{"hybrid", "stream"} {
		t.Run(mode, func(t *testing.T) {
			// A label of its own keeps the two runs apart in one Loki.
			lighterman := carrier.Start(t, mine(loki, "--mode", mode, "--external-label", "run="+mode)...)
			for _, c := range all {
				want := stored(t, c)
				got := loki.Await(t, strings.Replace(byID(c), "{", `{run="`+mode+`", `, 1), len(want), 2*time.Minute)
				compare(t, c.Name, want, delivered(got))
			}
			clean(t, lighterman)
		})
	}
}
