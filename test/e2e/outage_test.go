package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestLokiComesAndGoes: Loki is not there at the start, is killed, and hangs,
// under load: not ready as long, and nothing lost or there twice.
func TestLokiComesAndGoes(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Reserve(t, nil)
	l := carrier.Start(t, ledger.Mine(t, loki.URL)...)
	notReady := func() bool {
		code, _, err := l.Get("/readyz")
		return err == nil && code == http.StatusServiceUnavailable
	}
	wait.For(t, 2*time.Minute, "an answer that says not ready", notReady)
	all := ledger.Writers(t, docker, "outage", 300, "json-file", "local")
	loki.Start(t)
	l.AwaitReady(t, 2*time.Minute)
	grow := func() {
		t.Helper()
		ledger.GrowthOf(t, loki, all, 300)
	}
	grow()
	loki.Kill9(t)
	wait.For(t, 2*time.Minute, "not ready without Loki", notReady)
	loki.Start(t)
	grow()
	loki.Freeze(t)
	wait.For(t, 2*time.Minute, "not ready with a frozen Loki", notReady)
	loki.Thaw(t)
	grow()
	for _, c := range all {
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, l)
}
