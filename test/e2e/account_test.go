package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// accountStages join, drop by two rules and limit.
const accountStages = `stages:
  - match: {selector: '{container=~".*-trace-.*"}', stages: [{parser: java}]}
  - drop: {expression: 'job \d*0 begins', drop_counter_reason: tenth}
  - match:
      selector: '{container=~".*"} |= "begins"'
      stages:
        - limit: {rate: 0.001, burst: 20, drop: true, drop_counter_reason: enough}
`

// TestEveryLineIsAccountedFor: what was read of each container is what was sent, joined,
// dropped by each rule, refused or waits; what was sent is what Loki has. So it is on all
// routes, and after lighterman was killed.
func TestEveryLineIsAccountedFor(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker := engine.Default(t)
	loki := lokitest.New(t, map[string]string{"max_line_size": "2KB"})
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(accountStages), 0o600); err != nil {
		t.Fatal(err)
	}
	const traces = 40
	read, joined := traces+3, 0
	for k := range traces {
		_, together := lines.Traced("java", k)
		read, joined = read+len(together), joined+len(together)-1
	}
	want := status.Account{
		Read: int64(read), Sent: traces + 20, Joined: int64(joined), Rejected: 3,
		Dropped: map[string]int64{"tenth": traces / 10, "enough": traces - traces/10 - 20},
	}
	var written, later []*engine.Container
	for _, driver := range []string{"json-file", "local", "journald"} {
		written = append(written, docker.Start(t, engine.Spec{
			Name: "trace-" + driver, Driver: driver, Args: []string{"-traces", "java", "-n", fmt.Sprint(traces), "-sizes", "3000,4000,5000", "-linger"},
		}))
		later = append(later, docker.Create(t, engine.Spec{Name: "later-" + driver, Driver: driver, Args: []string{"-n", "-1", "-rate", "100"}}))
	}
	state := t.TempDir()
	routes := map[string]string{"files": "hybrid", "api": "stream"}
	start := func() map[string]*carrier.Carrier {
		out := make(map[string]*carrier.Carrier)
		for host, mode := range routes {
			out[host] = carrier.Start(t, ledger.Mine(t, loki.URL, "--mode", mode, "--host-label", host, "--state-dir", filepath.Join(state, host), "--config", file)...)
		}
		return out
	}
	running := start()
	selector := func(host string, c *engine.Container) string {
		return fmt.Sprintf(`{container=%q, host=%q}`, c.Name, host)
	}
	for host, l := range running {
		for _, c := range written {
			got := awaitAccount(t, l, c, func(a *status.Account) bool { return a.Read >= want.Read && a.Pending == 0 })
			if !sameAccount(got, &want) {
				t.Errorf("%s by %s: got %+v, want %+v", c.Name, host, *got, want)
			}
			if n := loki.Count(t, selector(host, c)); int64(n) != got.Sent {
				t.Errorf("%s by %s: %d entries are in Loki, %d were sent", c.Name, host, n, got.Sent)
			}
			metrics := l.Metrics(t)
			of := fmt.Sprintf("container=%q", c.Name)
			if all := metrics.Sum("lighterman_container_lines_total", of) + metrics.Sum("lighterman_container_pending_lines", of); all != float64(want.Read) ||
				metrics.Sum("lighterman_container_read_lines_total", of) != all {
				t.Errorf("%s by %s: the metrics account for %v lines of %v", c.Name, host, all, want.Read)
			}
		}
	}

	for _, c := range later {
		c.Start(t)
	}
	for _, l := range running {
		for _, c := range later {
			awaitAccount(t, l, c, func(a *status.Account) bool { return a.Sent >= 50 })
		}
		l.Kill9(t)
	}
	running = start()
	for _, l := range running {
		for _, c := range later {
			awaitAccount(t, l, c, func(a *status.Account) bool { return a.Sent >= 50 })
		}
	}
	for _, c := range later {
		c.Stop(t)
	}
	for host, l := range running {
		for _, c := range later {
			// All of it is in Loki, once, and what this process has not sent the one before has.
			lines := len(c.Logs(t))
			loki.Await(t, selector(host, c), lines, time.Minute)
			got := awaitAccount(t, l, c, func(a *status.Account) bool { return a.Pending == 0 })
			if got.Read != got.Sent || got.Sent > int64(lines) {
				t.Errorf("%s by %s: got %+v after the restart, of %d lines", c.Name, host, *got, lines)
			}
		}
		for _, c := range written {
			got := awaitAccount(t, l, c, func(a *status.Account) bool { return a.Pending == 0 })
			if got.Read > want.Read || int64(loki.Count(t, selector(host, c))) != want.Sent {
				t.Errorf("%s by %s: got %+v after the restart", c.Name, host, *got)
			}
		}
		ledger.Clean(t, l)
	}
}

// awaitAccount waits until what became of a container's lines is as it should be. At every
// moment every line is accounted for.
func awaitAccount(t *testing.T, l *carrier.Carrier, c *engine.Container, done func(*status.Account) bool) (got *status.Account) {
	t.Helper()
	wait.For(t, time.Minute, "the lines of "+c.Name, func() bool {
		for _, of := range list(t, "--listen", l.Addr).Containers {
			if of.Name == c.Name && of.Account != nil {
				got = of.Account
				if sum := got.Sent + got.Joined + got.DroppedLines() + got.Rejected + got.Pending; sum != got.Read || got.Pending < 0 {
					t.Fatalf("%s: %+v does not add up: %d", c.Name, *got, sum)
				}
				return done(got)
			}
		}
		return false
	})
	return got
}

func sameAccount(a, b *status.Account) bool {
	return a.Read == b.Read && a.Sent == b.Sent && a.Joined == b.Joined && a.Rejected == b.Rejected && a.Pending == b.Pending && maps.Equal(a.Dropped, b.Dropped)
}
