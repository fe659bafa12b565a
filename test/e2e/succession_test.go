package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestSuccession replaces a container while Loki is away: to Loki the new one writes the
// same stream, and it refuses what is long before the newest of a stream. So all lines of
// the old one come first, whether the new one was made before the old one was removed,
// as Docker Compose does it, or after.
func TestSuccession(t *testing.T) {
	t.Parallel()
	for _, compose := range []bool{true, false} {
		t.Run(fmt.Sprint("compose ", compose), func(t *testing.T) { t.Parallel(); testSuccession(t, compose) })
	}
}

func testSuccession(t *testing.T, compose bool) {
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	proxy := lokiproxy.New(t, loki.URL)
	order := inOrder{newest: map[string]int64{}}
	proxy.Tap(order.push)
	loki.Stop(t)
	name := fmt.Sprint("compose-", compose)
	l := carrier.Start(t, ledger.Only(t, name, proxy.URL)...)
	run := func(c *engine.Container) []ledger.Line {
		c.Start(t)
		c.Wait(t)
		return ledger.Stored(t, c)
	}
	spec := func(name, tag string) engine.Spec {
		return engine.Spec{Name: name, Args: []string{"-n", "20000", "-rate", "8000", "-tag", tag}}
	}
	old := docker.Create(t, spec(name, "old"))
	want := run(old)
	var fresh *engine.Container
	if compose {
		fresh = docker.Create(t, spec(name+"-made", "new"))
		old.Remove(t)
		fresh.Rename(t, name)
	} else {
		old.Remove(t)
		fresh = docker.Create(t, spec(name, "new"))
	}
	want = append(want, run(fresh)...)
	loki.Start(t)
	// What is written right after a rename may have the old name.
	got := loki.Await(t, fmt.Sprintf(`{container=~"%s(-made)?"}`, fresh.Name), len(want), 2*time.Minute)
	ledger.Compare(t, fresh.Name, want, ledger.Delivered(got))
	if order.pushes == 0 || order.bad > 0 {
		t.Errorf("%d of %d entries came after a newer one of their stream, in %d pushes", order.bad, order.entries, order.pushes)
	}
	ledger.Clean(t, l)
}
