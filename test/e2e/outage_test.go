package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestStartBeforeEverything: neither engine nor Loki is up. Not ready, keeps
// trying, recovers, and recovers again when both go away under load.
func TestStartBeforeEverything(t *testing.T) {
	docker := engine.Private(t, engine.PrivateOptions{LiveRestore: true})
	docker.Stop(t)
	loki := lokitest.Reserve(t, nil)
	l := carrier.Start(t, "--loki-url", loki.URL, "--docker-host", docker.Host)
	notReady := func() bool {
		code, _, err := l.Get("/readyz")
		return err == nil && code == http.StatusServiceUnavailable
	}
	wait.For(t, 30*time.Second, "an answer that says not ready", notReady)
	docker.Up(t)
	loki.Start(t)
	l.AwaitReady(t, time.Minute)

	all := writers(t, docker.Engine, "outage", 300, "json-file", "local")
	for _, c := range all {
		growth(t, loki, c, 300)
	}
	docker.Kill9(t)
	wait.For(t, 30*time.Second, "not ready without the engine", notReady)
	docker.Up(t)
	for _, c := range all {
		growth(t, loki, c, 300)
	}
	docker.Stop(t)
	docker.Up(t)
	for _, c := range all {
		growth(t, loki, c, 300)
	}
	loki.Kill9(t)
	wait.For(t, 30*time.Second, "not ready without Loki", notReady)
	loki.Start(t)
	for _, c := range all {
		growth(t, loki, c, 300)
	}
	loki.Freeze(t)
	wait.For(t, time.Minute, "not ready with a frozen Loki", notReady)
	loki.Thaw(t)
	for _, c := range all {
		growth(t, loki, c, 300)
		c.Stop(t)
	}
	for _, c := range all {
		check(t, loki, c)
	}
	clean(t, l)
}
