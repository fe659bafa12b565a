package e2e

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// busy is a container that writes all the time, and a Loki that can be kept from
// taking what it writes.
type busy struct {
	loki      *lokitest.Loki
	proxy     *lokiproxy.Proxy
	container *engine.Container
	args      []string
}

// count returns how many lines Loki has. What it has twice counts once: its own
// counting does not tell, and a stream that it shards shows them.
func (b *busy) count(t *testing.T) int {
	t.Helper()
	all := b.loki.All(t, ledger.Selector(b.container))
	distinct := make(map[ledger.Line]bool, len(all))
	for _, line := range ledger.Delivered(all) {
		distinct[line] = true
	}
	if twice := len(all) - len(distinct); twice > 0 {
		t.Logf("Loki shows %d lines twice", twice)
	}
	return len(distinct)
}

// refuse makes Loki take no more, and waits until a push was refused. A container's
// pushes follow each other, so those before are all acknowledged then.
func (b *busy) refuse(t *testing.T) {
	t.Helper()
	before := b.proxy.Count(http.StatusServiceUnavailable)
	b.proxy.Status(http.StatusServiceUnavailable, 0)
	wait.For(t, 2*time.Minute, "a push that is refused", func() bool {
		return b.proxy.Count(http.StatusServiceUnavailable) > before
	})
}

// swallow makes Loki take the push that was refused, and lose the answer.
func (b *busy) swallow(t *testing.T) {
	t.Helper()
	before := b.proxy.Count(lokiproxy.Cut)
	b.proxy.Swallow()
	wait.For(t, 2*time.Minute, "a push whose answer is lost", func() bool { return b.proxy.Count(lokiproxy.Cut) > before })
}

// again starts another process, waits until Loki has everything and returns how
// many lines were read that Loki had already.
func (b *busy) again(t *testing.T) (c *carrier.Carrier, repeated int) {
	t.Helper()
	b.container.Pause(t)
	defer b.container.Unpause(t)
	delivered, stored, read := b.count(t), 0, 0
	b.proxy.Pass()
	c = carrier.Start(t, b.args...)
	wait.For(t, 2*time.Minute, "all lines", func() bool {
		// The engine may still be storing what was written before the pause, and may do so
		// between any two of these: what was stored before and after is what was read.
		stored = len(ledger.Stored(t, b.container))
		if b.count(t) != stored {
			return false
		}
		read = int(c.Metrics(t).Sum("lighterman_lines_total"))
		return len(ledger.Stored(t, b.container)) == stored
	})
	return c, read - (stored - delivered)
}

// TestKillSendsOnlyWhatWasInFlight: after kill -9 nothing that was acknowledged is
// read again, however long ago the last save was. The container is not so busy that
// a push is full: a chunk of its file may then be in two of them, and is acknowledged
// with the second. So nothing else runs beside it.
func TestKillSendsOnlyWhatWasInFlight(t *testing.T) {
	carrier.Binary(t)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	for _, driver := range []string{"json-file", "local"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			b := &busy{loki: loki, proxy: lokiproxy.New(t, loki.URL)}
			b.container = docker.Start(t, engine.Spec{Name: "flight-" + driver, Driver: driver,
				Args: []string{"-n", "-1", "-rate", "500", "-tag", "flight"}})
			b.args = []string{"--loki-url", b.proxy.URL, "--include-name", b.container.Name, "--state-dir", t.TempDir()}
			c, _ := b.again(t) // with nothing behind it: building it may have taken a minute
			for range 4 {
				ledger.Growth(t, loki, b.container, 250+rand.IntN(1000))
				b.refuse(t)
				c.Kill9(t)
				var repeated int
				if c, repeated = b.again(t); repeated != 0 {
					t.Errorf("%d acknowledged lines were read again", repeated)
				}
			}
			ledger.Growth(t, loki, b.container, 250)
			b.refuse(t)
			before := b.count(t)
			b.swallow(t)
			c.Kill9(t)
			inFlight := b.count(t) - before
			c, repeated := b.again(t)
			if repeated != inFlight {
				t.Errorf("%d lines were read again, %d were in flight", repeated, inFlight)
			}
			t.Logf("in flight: %d lines", inFlight)
			ledger.Clean(t, c)
		})
	}
}
