package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// resources is what must not grow.
type resources struct{ goroutines, fds, instances, watches int }

func measure(t testing.TB, c *carrier.Carrier) resources {
	t.Helper()
	r := resources{goroutines: int(c.Metrics(t).Sum("lighterman_goroutines"))}
	for _, target := range c.FDs(t) {
		// Idle connections to the engine come and go; they are the pool's.
		if !strings.HasPrefix(target, "socket:") {
			r.fds++
		}
	}
	r.instances, r.watches = c.InotifyWatches(t)
	return r
}

// sockets counts the sockets that are open.
func sockets(t testing.TB, c *carrier.Carrier) (n int) {
	for _, target := range c.FDs(t) {
		if strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// TestChurnLeavesNothing: 200 containers of several drivers come and go while
// one lighterman of each mode watches. Goroutines, descriptors and watches
// return to where they were.
func TestChurnLeavesNothing(t *testing.T) {
	need.Journald(t)
	docker := engine.Default(t)
	modes := []string{"hybrid", "file", "stream"}
	before := make(map[string]resources)
	running := make(map[string]*carrier.Carrier)
	for _, mode := range modes {
		c := carrier.Start(t, "--include-name", engine.Prefix()+".*", "--mode", mode)
		c.AwaitReady(t, 30*time.Second)
		running[mode], before[mode] = c, measure(t, c)
	}
	drivers := []string{"json-file", "local", "journald", "json-file", "none"}
	var group sync.WaitGroup
	const workers, each = 4, 50
	for w := range workers {
		group.Go(func() {
			for i := range each {
				c := docker.Start(t, engine.Spec{Name: fmt.Sprintf("churn-%d-%d", w, i), Driver: drivers[i%len(drivers)],
					Args: []string{"-n", "20", "-linger"}})
				if i%3 == 0 {
					c.Stop(t)
					c.Start(t)
				}
				c.Remove(t)
			}
		})
	}
	group.Wait()
	for _, mode := range modes {
		var now resources
		back := wait.Until(time.Minute, func() bool {
			now = measure(t, running[mode])
			b := before[mode]
			return now.goroutines <= b.goroutines+2*sockets(t, running[mode]) && now.fds <= b.fds && now.watches <= b.watches
		})
		t.Logf("%s: before %+v, after %+v", mode, before[mode], now)
		if !back {
			t.Errorf("%s: %+v has grown to %+v", mode, before[mode], now)
		}
		if n := sockets(t, running[mode]); n > 12 {
			t.Errorf("%s: %d sockets are open", mode, n)
		}
		if now.instances != 1 {
			t.Errorf("%s: %d inotify instances", mode, now.instances)
		}
		if code := running[mode].Terminate(t); code != 0 {
			t.Errorf("%s: exit code %d", mode, code)
		}
	}
	if n := strings.Count(running["hybrid"].Stderr(), "\n"); n > 5*workers*each {
		t.Errorf("hybrid logged %d lines", n)
	}
}
