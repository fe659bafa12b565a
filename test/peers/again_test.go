package peers

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPeer01StopDeletesThePosition: elsewhere `docker stop` makes the collector
// forget the container, and the next start sends everything again
// (grafana/alloy#7036).
//
// Containers with 10,000 old lines stop and start, by file and by API, with the
// same lighterman and with a new one: not one line is read to be sent again.
func TestPeer01StopDeletesThePosition(t *testing.T) {
	t.Parallel()
	const lines = 10_000
	docker, loki := engine.Default(t), lokitest.Shared(t)
	args := ledger.Only(t, "p01", loki.URL, "--state-dir", t.TempDir())
	l := start(t, args...)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		all = append(all, docker.Start(t, engine.Spec{Name: "p01-" + driver, Driver: driver,
			Args: []string{"-n", fmt.Sprint(lines), "-linger"}}))
	}
	each := func(what func(*engine.Container)) {
		for _, c := range all {
			what(c)
		}
	}
	delivered := func(lines int) {
		t.Helper()
		each(func(c *engine.Container) { loki.Await(t, ledger.Selector(c), lines, 2*time.Minute) })
		idle(t, l)
	}
	delivered(lines)
	each(func(c *engine.Container) { c.Stop(t) })
	each(func(c *engine.Container) { c.Start(t) })
	delivered(2 * lines)
	if n := read(t, l); n != 2*lines*len(all) {
		t.Errorf("%d lines were read, want %d", n, 2*lines*len(all))
	}
	each(func(c *engine.Container) { c.Stop(t) })
	idle(t, l)
	ledger.Clean(t, l)
	l = start(t, args...)
	each(func(c *engine.Container) { c.Start(t) })
	delivered(3 * lines)
	if n := read(t, l); n != lines*len(all) {
		t.Errorf("after a restart %d lines were read, want %d", n, lines*len(all))
	}
	each(func(c *engine.Container) { c.Stop(t); ledger.Check(t, loki, c) })
	ledger.Clean(t, l)
}

// TestPeer03NoLogsAfterRestart: elsewhere a container is silent after `docker
// restart`, since its stream has ended in order (grafana/alloy#691, #278;
// grafana/loki#5259).
//
// 100 restarts in the middle of writing, by file and by API: all that Docker
// has stored is in Loki, of every run.
func TestPeer03NoLogsAfterRestart(t *testing.T) {
	t.Parallel()
	restarts := amount(100, 15)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	l := start(t, ledger.Only(t, "p03", loki.URL)...)
	var group sync.WaitGroup
	for _, c := range ledger.Writers(t, docker, "p03-", 1000, "json-file", "local") {
		group.Go(func() {
			for range restarts {
				c.Restart(t)
			}
			ledger.Growth(t, loki, c, 100)
			c.Stop(t)
			ledger.Check(t, loki, c)
			firsts := 0
			for _, r := range c.Logs(t) {
				if strings.Contains(r.Line, " 0000000 ") {
					firsts++
				}
			}
			if firsts < restarts/2 {
				t.Errorf("%s: only %d of %d runs have written", c.Name, firsts, restarts)
			}
		})
	}
	group.Wait()
	ledger.Clean(t, l)
}

// TestPeer06StopResendsEverything: elsewhere the stop of a container that was
// idle for long sends all of its log again, which Loki refuses: "entry too far
// behind" (grafana/loki#7103, #6021).
//
// A log whose lines are from hours ago, and then some of today; it idles, stops,
// starts and stops: nothing is sent again and Loki refuses nothing.
func TestPeer06StopResendsEverything(t *testing.T) {
	t.Parallel()
	const old, young = 2000, 100
	docker, loki := engine.Default(t), lokitest.Shared(t)
	for _, mode := range []string{"file", "stream"} {
		t.Run(mode, func(t *testing.T) {
			c := docker.Start(t, engine.Spec{Name: "p06-" + mode, Args: []string{"-delay", "1ms", "-n", fmt.Sprint(young), "-linger"}})
			c.Stop(t)
			// What it wrote just now goes behind what it wrote hours ago.
			// (Loki shows older lines only when it has flushed them.)
			past := time.Now().Add(-140 * time.Minute)
			var log strings.Builder
			for k := range old {
				log.WriteString(jsonLine(past.Add(time.Duration(k)*time.Millisecond), fmt.Sprint("old ", k)))
			}
			replace(t, c.LogPath(t), log.String())
			state := t.TempDir()
			args := ledger.Only(t, "p06-"+mode, loki.URL, "--mode", mode, "--state-dir", state)
			l := start(t, args...)
			loki.Await(t, ledger.Selector(c), old, 2*time.Minute)
			total := old
			for range 3 {
				c.Start(t)
				total += young
				loki.Await(t, ledger.Selector(c), total, 2*time.Minute)
				idle(t, l)
				c.Stop(t)
				idle(t, l)
			}
			if n := read(t, l); n != total {
				t.Errorf("%d lines were read, want %d", n, total)
			}
			ledger.Clean(t, l)
			l = start(t, args...)
			idle(t, l)
			if n := read(t, l); n != 0 {
				t.Errorf("%d lines were read after a restart", n)
			}
			ledger.Check(t, loki, c)
			ledger.Clean(t, l)
		})
	}
}

// unsharded is a Loki for tests that kill a lighterman. What is sent again is
// stored twice if Loki has begun in between to share out the stream, which it
// does at the rate of these bursts; see docs/decisions.md.
func unsharded(t testing.TB) *lokitest.Loki {
	t.Helper()
	return lokitest.New(t, map[string]string{"shard_streams": "{enabled: false}"})
}

// TestPeer08LostWhileAway: elsewhere all that is written while the collector is
// down is lost, since it begins at the end (vectordotdev/vector#7358).
//
// kill -9 in the middle of reading, 100,000 lines by file and as many by API,
// start: all of them are in Loki, once.
func TestPeer08LostWhileAway(t *testing.T) {
	t.Parallel()
	const lines = 100_000
	docker, loki := engine.Default(t), unsharded(t)
	args := ledger.Only(t, "p08", loki.URL, "--state-dir", t.TempDir())
	l := start(t, args...)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		all = append(all, docker.Start(t, engine.Spec{Name: "p08-" + driver, Driver: driver,
			Opts: map[string]string{"max-size": "100m"},
			Args: []string{"-n", fmt.Sprint(lines), "-tag", "away", "-streams", "alternate", "-buffer", "4096"}}))
	}
	for _, c := range all {
		loki.Await(t, ledger.Selector(c), 100, 2*time.Minute)
	}
	l.Kill9(t)
	for _, c := range all {
		c.Wait(t)
	}
	l = start(t, args...)
	for _, c := range all {
		ledger.Check(t, loki, c)
		if n := ledger.Numbered(t, c.Name, "away", loki.All(t, ledger.Selector(c))); n != lines {
			t.Errorf("%s: %d lines, want %d", c.Name, n, lines)
		}
	}
	ledger.Clean(t, l)
}

// TestPeer13RotatedWhileAway: elsewhere a log that was rotated while the
// collector was down is lost in part, or read again from its beginning
// (fluent/fluent-bit#1330, #5024).
//
// kill -9, at least three rotations with compression, start: the exact set is in
// Loki.
func TestPeer13RotatedWhileAway(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), unsharded(t)
	args := ledger.Only(t, "p13", loki.URL, "--state-dir", t.TempDir())
	c := docker.Start(t, engine.Spec{Name: "p13", Args: []string{"-n", "-1", "-rate", "1500", "-tag", "rotated"},
		Opts: map[string]string{"max-size": "200k", "max-file": "60", "compress": "true"}})
	rotations := func() int { return len(glob(t, c.LogPath(t)+".*.gz")) }
	for range 2 {
		l := start(t, args...)
		ledger.Growth(t, loki, c, 500)
		l.Kill9(t)
		before := rotations()
		wait.For(t, 2*time.Minute, "three rotations", func() bool { return rotations() >= before+3 })
	}
	c.Stop(t)
	l := start(t, args...)
	ledger.Check(t, loki, c)
	ledger.Numbered(t, c.Name, "rotated", loki.All(t, ledger.Selector(c)))
	ledger.Clean(t, l)
}

// TestPeer22LastLinesAtRemoval: elsewhere the last lines of a container are lost
// when it is removed, since its file or stream is closed then (elastic/beats#6694).
//
// `docker rm -f` right after a burst, with a slow Loki and little memory: the
// last line is there, and every one before it.
func TestPeer22LastLinesAtRemoval(t *testing.T) {
	t.Parallel()
	const lines = 20_000
	docker, loki, proxy := slowLoki(t)
	l := start(t, ledger.Only(t, "p22", proxy.URL, "--max-memory", "2MiB", "--batch-size", "256KiB")...)
	for _, driver := range []string{"json-file", "local"} {
		c := docker.Start(t, engine.Spec{Name: "p22-" + driver, Driver: driver, Opts: map[string]string{"max-size": "50m"},
			Args: []string{"-on-usr1", "-n", fmt.Sprint(lines), "-tag", "burst", "-buffer", "4096", "-say", "the last one", "-linger"}})
		known(t, l, c)
		wait.For(t, 2*time.Minute, "the last line to be stored", func() bool {
			last := tailOf(t, c)
			if last == "" { // the signal is lost while the program has not asked for it yet
				c.Kill(t, "USR1")
			}
			return strings.HasSuffix(last, "the last one")
		})
		c.Remove(t)
		entries := loki.Await(t, ledger.Selector(c), lines+1, 2*time.Minute)
		if n := ledger.Numbered(t, c.Name, "burst", entries[:len(entries)-1]); n != lines {
			t.Errorf("%s: %d lines, want %d", c.Name, n, lines)
		}
		wait.For(t, 2*time.Minute, "the container to be forgotten", func() bool { return !knows(l, c) })
	}
	ledger.Clean(t, l)
}

// knows tells whether a container is on a lighterman's status page.
func knows(l *carrier.Carrier, c *engine.Container) bool {
	_, page, err := l.Get("/status.json")
	return err == nil && strings.Contains(page, c.ID)
}

// known waits until a lighterman knows a container.
func known(t testing.TB, l *carrier.Carrier, c *engine.Container) {
	t.Helper()
	wait.For(t, 2*time.Minute, c.Name+" to be known", func() bool { return knows(l, c) })
}
