package fleet

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// inputs are what docs/fleet.md multiplies: what one host does to its Loki.
type inputs struct {
	requests, lines, text, body float64
	connections                 int
	took                        time.Duration
}

func (i inputs) String() string {
	seconds := i.took.Seconds()
	out := fmt.Sprintf("%.2f requests/s, %.0f lines/s, %d connections at most", i.requests/seconds, i.lines/seconds, i.connections)
	if i.requests > 0 {
		out += fmt.Sprintf("; a request has %.0f lines, %.1f KiB of text, %.1f KiB as it is sent", i.lines/i.requests, i.text/i.requests/1024, i.body/i.requests/1024)
	}
	return out
}

// host is a lighterman that is measured, before a real Loki.
type host struct {
	l     *carrier.Carrier
	loki  *lokitest.Loki
	proxy *lokiproxy.Proxy

	mu   sync.Mutex // guards body
	body float64
}

// start starts the lighterman of a host.
func (h *host) start(t *testing.T, state string) {
	t.Helper()
	h.l = carrier.StartWith(t, carrier.Options{Measured: true, Args: append(ledger.Mine(t, h.proxy.URL, "--since", "beginning"), "--state-dir", state)})
	h.l.AwaitReady(t, time.Minute)
}

// measure measures until done says so, which is asked ten times a second.
func (h *host) measure(t *testing.T, done func(time.Duration) bool) (i inputs) {
	t.Helper()
	count := func(sign float64) {
		m := h.l.Metrics(t)
		i.requests += sign * m.Sum("lighterman_pushes_total")
		i.lines += sign * m.Sum("lighterman_container_lines_total", `outcome="sent"`)
		i.text += sign * m.Sum("lighterman_push_bytes_total")
		h.mu.Lock()
		defer h.mu.Unlock()
		i.body += sign * h.body
	}
	count(-1)
	began := time.Now()
	wait.For(t, 5*time.Minute, "the end of what is measured", func() bool {
		i.connections = max(i.connections, established(t, h.proxy.URL))
		return done(time.Since(began))
	})
	i.took = time.Since(began)
	count(1)
	return i
}

// established counts the connections to an address of loopback.
func established(t *testing.T, url string) (n int) {
	t.Helper()
	_, text, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", port)) && f[3] == "01" {
			n++
		}
	}
	return n
}

// TestInputs measures what one host of 20 containers means for its Loki, for docs/fleet.md: idle,
// quiet, busy, and at a start with a backlog.
func TestInputs(t *testing.T) {
	const containers, backlog = 20, 10_000
	docker, loki := engine.Default(t), lokitest.Shared(t)
	h := &host{loki: loki, proxy: lokiproxy.New(t, loki.URL)}
	h.proxy.Tap(func(body []byte) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.body += float64(len(body))
	})
	state := t.TempDir()
	h.start(t, state)
	crowd := func(name string, args ...string) (all []*engine.Container) {
		for i := range containers {
			all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint(name, i), Args: append([]string{"-tag", name, "-streams", "alternate"}, args...)}))
		}
		return all
	}
	remove := func(all []*engine.Container) {
		for _, c := range all {
			c.Remove(t)
		}
	}
	lasting := func(d time.Duration) func(time.Duration) bool {
		return func(passed time.Duration) bool { return passed >= d }
	}

	silent := crowd("idle", "-linger")
	idle := h.measure(t, lasting(time.Minute))
	t.Logf("idle: %v", idle)
	if idle.requests != 0 {
		t.Errorf("a host without lines sends %v requests", idle.requests)
	}
	for _, load := range []struct{ name, rate string }{{"quiet", "1"}, {"busy", "250"}} {
		all := crowd(load.name, "-n", "-1", "-rate", load.rate)
		wait.For(t, time.Minute, "all to be sent", func() bool {
			return loki.Count(t, fmt.Sprintf("{container=~%q}", engine.Prefix(t)+load.name+".*")) > containers
		})
		t.Logf("%s: %v", load.name, h.measure(t, lasting(30*time.Second)))
		streams := make(map[string]bool)
		for _, e := range loki.Query(t, fmt.Sprintf("{container=~%q}", engine.Prefix(t)+load.name+".*"), time.Now().Add(-5*time.Second), time.Now()) {
			streams[fmt.Sprint(e.Labels)] = true
		}
		t.Logf("%s: %d streams of %d containers", load.name, len(streams), containers)
		remove(all)
	}
	remove(silent)

	h.l.Terminate(t)
	late := crowd("late", "-n", fmt.Sprint(backlog), "-linger")
	wait.For(t, time.Minute, "the backlog", func() bool {
		for _, c := range late {
			if len(c.Logs(t)) < backlog {
				return false
			}
		}
		return true
	})
	h.start(t, state)
	sent := func(time.Duration) bool {
		return h.l.Metrics(t).Sum("lighterman_container_lines_total", `outcome="sent"`) >= containers*backlog
	}
	began := time.Now()
	wait.For(t, time.Minute, "the backlog to be sent", func() bool { return sent(0) })
	took := time.Since(began)
	m := h.l.Metrics(t)
	pushes, text := m.Sum("lighterman_pushes_total"), m.Sum("lighterman_push_bytes_total")
	t.Logf("a backlog of %d lines: %.1f s after it is ready, in %.0f requests of %.0f lines, %.1f KiB of text; %d connections",
		containers*backlog, took.Seconds(), pushes, containers*backlog/pushes, text/pushes/1024, established(t, h.proxy.URL))
	remove(late)
	ledger.Clean(t, h.l)
}
