package peers

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPeer09BlipReplaysEverything: elsewhere a stream that breaks is opened
// again from its beginning (vectordotdev/vector#26023).
//
// Connections to the API are cut again and again under load. Loki has every line
// once, and not one was read twice to be sent.
func TestPeer09BlipReplaysEverything(t *testing.T) {
	t.Parallel()
	cuts, between := amount(12, 6), time.Duration(amount(10, 1))*time.Second
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	l := start(t, ledger.Only(t, "p09", loki.URL, "--docker-host", proxy.Host, "--mode", "stream")...)
	all := ledger.Writers(t, docker, "p09-", 500, "local", "local")
	for range cuts {
		due := time.Now().Add(between)
		ledger.GrowthOf(t, loki, all, 200)
		wait.For(t, 2*time.Minute, "two streams, and the time for the next cut", func() bool {
			return proxy.Streams() == len(all) && time.Now().After(due)
		})
		if n := proxy.Cut(); n != len(all) {
			t.Errorf("%d streams were cut", n)
		}
	}
	lines := 0
	for _, c := range all {
		ledger.Growth(t, loki, c, 200)
		c.Stop(t)
		ledger.Check(t, loki, c)
		lines += len(c.Logs(t))
	}
	idle(t, l)
	if n := read(t, l); n != lines {
		t.Errorf("%d lines were read, %d are stored", n, lines)
	}
	if n := l.Metrics(t).Sum("lighterman_api_reconnects_total"); int(n) < cuts*len(all) {
		t.Errorf("%v streams were opened again", n)
	}
	ledger.Clean(t, l)
}

// notReady waits until a lighterman answers that it is not ready.
func notReady(t testing.TB, l *carrier.Carrier) {
	t.Helper()
	wait.For(t, 2*time.Minute, "an answer that says not ready", func() bool {
		code, _, err := l.Get("/readyz")
		return err == nil && code == http.StatusServiceUnavailable
	})
}

// TestPeer10DockerAbsentAtBoot: elsewhere an engine that is not there at the
// start is never tried again (vectordotdev/vector#16806).
//
// lighterman starts before dockerd: it says that it is not ready, goes on
// trying, and collects when dockerd has come.
func TestPeer10DockerAbsentAtBoot(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t)
	docker.Stop(t)
	l := carrier.Start(t, ledger.Only(t, "p10", loki.URL, "--docker-host", docker.Host)...)
	notReady(t, l)
	notReady(t, l)
	docker.Up(t)
	l.AwaitReady(t, 2*time.Minute)
	for _, c := range ledger.Writers(t, docker.Engine, "p10-", 500, "json-file", "local") {
		ledger.Growth(t, loki, c, 200)
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, l)
}

// TestPeer11DockerdRestarts: elsewhere collection ends with the first restart of
// dockerd (vectordotdev/vector#19681).
//
// dockerd is killed and restarted under load, with containers that live on:
// every route goes on, and Loki has every line once.
func TestPeer11DockerdRestarts(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Private(t, engine.PrivateOptions{LiveRestore: true}), lokitest.Shared(t)
	syslog := engine.StartSyslog(t)
	l := start(t, ledger.Only(t, "p11", loki.URL, "--docker-host", docker.Host)...)
	all := ledger.Writers(t, docker.Engine, "p11-", 300, "json-file", "local", "journald")
	all = append(all, docker.Start(t, engine.Spec{Name: "p11-cached", Driver: "syslog",
		Opts: map[string]string{"syslog-address": syslog.Unix, "mode": "blocking"},
		Args: []string{"-n", "-1", "-rate", "300", "-tag", "cached"}}))
	for range amount(10, 2) {
		for _, end := range []func(testing.TB){docker.Kill9, docker.Stop} {
			ledger.GrowthOf(t, loki, all, 200)
			end(t)
			notReady(t, l)
			docker.Up(t)
			l.AwaitReady(t, 2*time.Minute)
		}
	}
	for _, c := range all {
		ledger.Growth(t, loki, c, 200)
		c.Stop(t)
	}
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, l)
}

// TestPeer16SinkDownBlocksContainers: elsewhere containers and dockerd hang when
// Loki does not answer, since the log driver waits for it (grafana/loki#2361,
// #13339).
//
// Loki takes connections and never answers. A container writes far more than
// lighterman may hold, and ends as soon as without it; `docker stop` is as
// quick. Afterwards all of it arrives.
func TestPeer16SinkDownBlocksContainers(t *testing.T) {
	lines := amount(1_000_000, 40_000)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := lokiproxy.New(t, loki.URL)
	drivers := []string{"json-file", "local"}
	var all []*engine.Container
	// run returns how long the writing took and how long the stop, of the
	// slower driver.
	run := func(name string) (writing, stopping time.Duration) {
		for _, driver := range drivers {
			c := docker.Create(t, engine.Spec{Name: "p16-" + name + driver, Driver: driver, Opts: map[string]string{"max-size": "1g"},
				Args: []string{"-n", fmt.Sprint(lines), "-tag", "blocked"}})
			quiet := docker.Start(t, engine.Spec{Name: "p16-quiet-" + name + driver, Driver: driver, Args: []string{"-n", "10", "-linger"}})
			all = append(all, c, quiet)
			began := time.Now()
			c.Start(t)
			c.Wait(t)
			writing = max(writing, time.Since(began))
			began = time.Now()
			quiet.Stop(t)
			stopping = max(stopping, time.Since(began))
		}
		return writing, stopping
	}
	writing, stopping := run("alone-")
	proxy.HalfOpen()
	l := carrier.Start(t, ledger.Only(t, "p16", proxy.URL, "--max-memory", "2MiB", "--batch-size", "256KiB", "--push-timeout", "5s")...)
	// Of a container that Loki has not answered for, no more than 32 KiB is held.
	wait.For(t, 2*time.Minute, "room to be gone", func() bool {
		code, _, err := l.Get("/metrics")
		return err == nil && code == http.StatusOK && l.Metrics(t).Sum("lighterman_buffered_bytes") > 1<<14
	})
	writing2, stopping2 := run("blocked-")
	t.Logf("writing %v without and %v with a lighterman whose Loki hangs, stopping %v and %v", writing, writing2, stopping, stopping2)
	// dockerd kills a container that has not ended 10 s after `docker stop`.
	if writing2 > 3*writing+2*time.Second || stopping2 > 2*stopping+2*time.Second {
		t.Errorf("containers are held up: %v instead of %v for writing, %v instead of %v for stopping", writing2, writing, stopping2, stopping)
	}
	if n := proxy.Count(http.StatusNoContent); n != 0 {
		t.Errorf("%d pushes got through", n)
	}
	proxy.Pass()
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, l)
}

// TestPeer18RetryStorm: elsewhere a Loki that asks for a pause with 429 is asked
// all the more (vectordotdev/vector#10364).
//
// 429 with Retry-After under load: no lane asks again before that, and nothing
// is lost.
func TestPeer18RetryStorm(t *testing.T) {
	t.Parallel()
	const retryAfter = 2 * time.Second
	lasts := time.Duration(amount(60, 9)) * time.Second
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := lokiproxy.New(t, loki.URL)
	l := start(t, ledger.Only(t, "p18", proxy.URL)...)
	all := ledger.Writers(t, docker, "p18-", 1000, "json-file", "json-file", "local", "local")
	ledger.GrowthOf(t, loki, all, 300)
	proxy.Status(http.StatusTooManyRequests, retryAfter)
	began := time.Now()
	wait.For(t, time.Minute+lasts, "the end of the pause", func() bool { return time.Since(began) > lasts })
	proxy.Pass()
	// At most 4 lanes push at a time, and each has up to 8 pushes under way where answers take
	// long, as on a busy machine. What is refused is what is sent again.
	asked, repeated := make(map[uint64]time.Time), 0
	for _, r := range proxy.Requests() {
		if r.Answer != http.StatusTooManyRequests {
			continue
		}
		if last, again := asked[r.Body]; again {
			repeated++
			if r.At.Sub(last) < retryAfter {
				t.Errorf("what was refused was sent again after %v instead of %v", r.At.Sub(last), retryAfter)
			}
		}
		asked[r.Body] = r.At
	}
	if repeated == 0 || len(asked) > 4*8 {
		t.Errorf("%d different requests were answered with 429, and %d were sent again", len(asked), repeated)
	}
	for _, c := range all {
		ledger.Growth(t, loki, c, 300)
		c.Stop(t)
	}
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	if n := l.Metrics(t).Sum("lighterman_push_retries_total", `reason="retry_after"`); n == 0 {
		t.Error("no retry for that reason is counted")
	}
	ledger.Clean(t, l)
}
