package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/nginxtest"
	"github.com/lighterman/lighterman/test/wait"
)

// balanced returns what docs/fleet.md has for an nginx before several Lokis: the blocks of http
// and of the server.
func balanced(t *testing.T, lokis []*lokitest.Loki) (http, server string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```nginx\n(upstream .*?^}\n)(.*?)^```$").FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("docs/fleet.md has no configuration of nginx")
	}
	http = m[1]
	for i, l := range lokis {
		name := "loki-" + string(rune('1'+i)) + ".example:3100"
		if !strings.Contains(http, name) {
			t.Fatalf("%q is not in\n%s", name, http)
		}
		http = strings.ReplaceAll(http, name, strings.TrimPrefix(l.URL, "http://"))
	}
	return http, m[2]
}

// TestLokiCluster: three Lokis that keep each line three times, behind a real nginx. One is
// killed; with another one frozen beside it nothing is acknowledged; all are there again; one is
// frozen; all are restarted, one after another. Each then has every line once.
func TestLokiCluster(t *testing.T) {
	t.Parallel()
	docker, lokis := engine.Default(t), lokitest.Cluster(t, nil)
	http, server := balanced(t, lokis)
	nginx := nginxtest.New(t, http, server, nil)
	all := ledger.Writers(t, docker, "cluster", 300, "json-file", "local")
	l := carrier.Start(t, ledger.Mine(t, nginx.URL)...)
	sent := func() float64 { return l.Metrics(t).Sum("lighterman_container_lines_total", `outcome="sent"`) }
	retries := func() float64 { return l.Metrics(t).Sum("lighterman_push_retries_total") }
	grow := func(when string) {
		t.Helper()
		began, from := time.Now(), sent()
		wait.For(t, 2*time.Minute, "lines to be acknowledged "+when, func() bool { return sent() >= from+1000 })
		t.Logf("%s: 1000 lines acknowledged after %v; %v pushes repeated so far", when, time.Since(began).Round(time.Millisecond), retries())
	}
	grow("by three")

	lokis[0].Kill9(t)
	grow("with one killed")
	lokis[1].Freeze(t)
	// What was under way may still be acknowledged; the first that fails is behind it.
	await := func(n float64) float64 {
		t.Helper()
		from := retries()
		wait.For(t, 2*time.Minute, "pushes in vain", func() bool { return retries() >= from+n })
		return sent()
	}
	if before, after := await(1), await(2); before != after {
		t.Errorf("%v lines were acknowledged with one Loki of three", after-before)
	}
	lokis[1].Thaw(t)
	grow("with one killed, another one thawed")
	lokis[0].Start(t)
	grow("by three again")
	lokis[2].Freeze(t)
	grow("with one frozen")
	lokis[2].Thaw(t)
	for _, loki := range lokis {
		loki.Stop(t)
		loki.Start(t)
	}
	grow("after a restart of each")

	lines := 0
	for _, c := range all {
		c.Stop(t)
		lines += len(ledger.Stored(t, c))
		for _, loki := range lokis {
			ledger.Check(t, loki, c)
		}
	}
	t.Logf("%d lines, looked for in each Loki", lines)
	ledger.Clean(t, l)
}
