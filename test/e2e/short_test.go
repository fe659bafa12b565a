package e2e

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
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// shortRuns is how many containers of each driver live a short life:
// LIGHTERMAN_SHORT_RUNS, 500 with LIGHTERMAN_FULL=1.
func shortRuns(t testing.TB) int {
	t.Helper()
	text := os.Getenv("LIGHTERMAN_SHORT_RUNS")
	switch {
	case text == "" && os.Getenv("LIGHTERMAN_FULL") == "1":
		return 500
	case text == "":
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("LIGHTERMAN_SHORT_RUNS is %q: expected a number of containers", text)
	}
	return n
}

// TestShortLives: containers that print one to five lines and end, eight at a time,
// with `--rm`: Docker deletes their logs within a twentieth of a second. Two
// lightermen collect them, one with Docker's socket and one without. Each has every
// line of every container, once.
func TestShortLives(t *testing.T) {
	runs := shortRuns(t)
	docker, loki, syslog := engine.Default(t), lokitest.Shared(t), engine.StartSyslog(t)
	var lightermen []*carrier.Carrier
	for _, host := range []string{docker.Host, "none"} {
		lightermen = append(lightermen, carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", host, "--docker-root", docker.Root(t),
			"--host-label", mode(host))...))
	}
	for _, l := range lightermen {
		l.AwaitReady(t, 2*time.Minute)
	}
	drivers := []string{"json-file", "local", "syslog"}
	docker.Image(t)
	began := time.Now()
	var group sync.WaitGroup
	const workers = 8
	for w := range workers {
		group.Go(func() {
			for i := w; i < runs*len(drivers); i += workers {
				spec := engine.Spec{Name: fmt.Sprintf("short-%05d", i), Driver: drivers[i%len(drivers)], AutoRemove: true}
				spec.Args = []string{"-n", strconv.Itoa(shortLines(i)), "-tag", spec.Name}
				if spec.Driver == "syslog" {
					spec.Opts = map[string]string{"syslog-address": syslog.UDP, "mode": "blocking"}
				}
				docker.Start(t, spec).Gone(t)
			}
		})
	}
	group.Wait()
	t.Logf("%d containers in %v", runs*len(drivers), time.Since(began).Round(time.Second))
	for _, host := range []string{docker.Host, "none"} {
		checkShortLives(t, loki, mode(host), drivers, runs)
	}
	for _, l := range lightermen {
		if n := l.Metrics(t).Sum("lighterman_api_streams"); n != 0 {
			t.Errorf("%v streams through the API", n)
		}
		ledger.Clean(t, l)
	}
}

// shortLines is how many lines the i-th container prints.
func shortLines(i int) int { return 1 + i/3%5 }

// mode is a value for the label host that tells two lightermen apart.
func mode(host string) string {
	if host == "none" {
		return "without-socket"
	}
	return "with-socket"
}

// checkShortLives wants every line of every container under a value of the label
// host.
func checkShortLives(t *testing.T, loki *lokitest.Loki, host string, drivers []string, runs int) {
	t.Helper()
	want := 0
	for i := range runs * len(drivers) {
		want += shortLines(i)
	}
	selector := fmt.Sprintf(`{host=%q, container=~%q}`, host, engine.Prefix(t)+"short-.*")
	wait.Until(2*time.Minute, func() bool { return loki.Count(t, selector) >= want })
	got := make(map[string]map[string]int)
	for _, e := range loki.All(t, selector) {
		name := strings.TrimPrefix(e.Labels["container"], engine.Prefix(t))
		if got[name] == nil {
			got[name] = make(map[string]int)
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Line, name+" "), " ")
		got[name][number]++
	}
	missing, short := make(map[string]int), make(map[string]int)
	for i := range runs * len(drivers) {
		driver, lines := drivers[i%len(drivers)], got[fmt.Sprintf("short-%05d", i)]
		for number, n := range lines {
			if n != 1 {
				t.Errorf("%s: line %s of container %d is there %d times", host, number, i, n)
			}
		}
		switch len(lines) {
		case shortLines(i):
		case 0:
			missing[driver]++
		default:
			short[driver]++
		}
	}
	t.Logf("%s: %d containers of each of %v, %d lines expected; missing %v, with lines missing %v", host, runs, drivers, want, missing, short)
	if len(missing)+len(short) > 0 {
		t.Errorf("%s: containers missing: %v, with lines missing: %v", host, missing, short)
	}
}
