package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestLimits: what one container may not send does not keep the others waiting. The
// scenes wait for Loki's limits nearly all the time: they run side by side, and nothing
// else does, as they measure how soon a line is there.
func TestLimits(t *testing.T) {
	for name, scene := range map[string]func(*testing.T){
		"StreamOverItsRate/json-file": func(t *testing.T) { testStreamOverItsRate(t, "json-file") },
		"StreamOverItsRate/local":     func(t *testing.T) { testStreamOverItsRate(t, "local") },
		"TenantOverItsRate":           testTenantOverItsRate,
		"StreamsOverTheLimit":         testStreamsOverTheLimit,
		"RefusedForGood":              testRefusedForGood,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); scene(t) })
	}
}

// testStreamOverItsRate: one container says more than Loki takes of a stream, on
// each route. Five quiet ones are delivered as if it were not there, while it is
// limited; and in the end all of its lines are in Loki, once.
func testStreamOverItsRate(t *testing.T, driver string) {
	docker, word := engine.Default(t), "rate-"+driver
	loki := lokitest.New(t, map[string]string{"per_stream_rate_limit": "100KB", "per_stream_rate_limit_burst": "200KB"})
	lighterman := carrier.Start(t, ledger.Only(t, word, loki.URL, "--max-memory", "4MiB")...)
	lighterman.AwaitReady(t, 2*time.Minute)
	quiet := quietOnes(t, docker, driver, word, 5)
	for _, c := range quiet {
		loki.Await(t, ledger.Selector(c), 20, 2*time.Minute)
	}
	const lines = 15_000 // of which the limit lets some 1,000 pass in a second
	noisy := docker.Start(t, engine.Spec{Name: word + "-noisy", Driver: driver,
		Args: []string{"-n", fmt.Sprint(lines), "-tag", "noisy", "-buffer", "16384"}})
	wait.For(t, 2*time.Minute, "the limit", func() bool {
		return lighterman.Metrics(t).Sum("lighterman_push_retries_total", `reason="stream_rate_limit"`) >= 3
	})
	worst := worstDelay(t, lighterman, loki, quiet, 7*time.Second)
	if have := loki.Count(t, ledger.Selector(noisy)); have >= lines {
		t.Errorf("all %d noisy lines were delivered: nothing was limited", have)
	}
	t.Logf("quiet lines were in Loki after at most %v", worst)
	if worst > 2*time.Second {
		t.Errorf("a quiet line was in Loki only after %v", worst)
	}
	for _, c := range append(quiet, noisy) {
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	if !strings.Contains(lighterman.Stderr(), "throttled by a limit") {
		t.Error("the log does not tell of the limit")
	}
	ledger.Clean(t, lighterman)
}

// quietOnes starts containers that write ten lines a second.
func quietOnes(t *testing.T, docker *engine.Engine, driver, what string, n int) (all []*engine.Container) {
	for i := range n {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint(what, "-quiet-", driver, i), Driver: driver,
			Args: []string{"-n", "-1", "-rate", "10", "-tag", "quiet"}}))
	}
	return all
}

// worstDelay returns the longest time that a line of the containers written within a
// span took to be in Loki, by polling what there is.
func worstDelay(t *testing.T, lighterman *carrier.Carrier, loki *lokitest.Loki, all []*engine.Container, span time.Duration) (worst time.Duration) {
	t.Helper()
	end := time.Now().Add(span)
	wait.For(t, span+time.Minute, "the span to be over", func() bool {
		for _, c := range all {
			now := time.Now()
			entries := loki.Query(t, ledger.Selector(c), now.Add(-30*time.Second), now)
			if len(entries) == 0 {
				worst = 30 * time.Second
				continue
			}
			newest := entries[len(entries)-1].Time
			worst = max(worst, now.Sub(time.Unix(0, newest)))
		}
		return time.Now().After(end)
	})
	if !lighterman.Running() {
		t.Fatal("lighterman has ended")
	}
	return worst
}

// testTenantOverItsRate: one container says far more than Loki takes of the tenant;
// quiet ones get their share.
func testTenantOverItsRate(t *testing.T) {
	docker := engine.Default(t)
	loki := lokitest.New(t, map[string]string{"ingestion_rate_mb": "0.2", "ingestion_burst_size_mb": "0.3"})
	lighterman := carrier.Start(t, ledger.Only(t, "tenant", loki.URL)...)
	lighterman.AwaitReady(t, 2*time.Minute)
	quiet := quietOnes(t, docker, "json-file", "tenant", 5)
	for _, c := range quiet {
		loki.Await(t, ledger.Selector(c), 20, 2*time.Minute)
	}
	noisy := docker.Start(t, engine.Spec{Name: "tenant-noisy", Args: []string{"-n", "24000", "-tag", "noisy", "-buffer", "16384"}})
	wait.For(t, 2*time.Minute, "the limit", func() bool {
		return lighterman.Metrics(t).Sum("lighterman_push_retries_total", `reason="rate_limit"`) >= 2
	})
	worst := worstDelay(t, lighterman, loki, quiet, 7*time.Second)
	t.Logf("quiet lines were in Loki after at most %v", worst)
	if worst > 5*time.Second {
		t.Errorf("a quiet line was in Loki only after %v", worst)
	}
	for _, c := range append(quiet, noisy) {
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, lighterman)
}

// testStreamsOverTheLimit: containers whose streams Loki does not make wait, and
// the others go on; once Loki makes them, all is there.
func testStreamsOverTheLimit(t *testing.T) {
	docker := engine.Default(t)
	loki := lokitest.New(t, map[string]string{"max_global_streams_per_user": "5"})
	lighterman := carrier.Start(t, ledger.Only(t, "streams", loki.URL, "--shutdown-timeout", "2s")...)
	lighterman.AwaitReady(t, 2*time.Minute)
	quiet := quietOnes(t, docker, "json-file", "streams", 5)
	for _, c := range quiet {
		loki.Await(t, ledger.Selector(c), 20, 2*time.Minute)
	}
	var late []*engine.Container
	for i := range 10 {
		late = append(late, docker.Start(t, engine.Spec{Name: fmt.Sprint("streams-late", i), Args: []string{"-n", "5000", "-tag", "late"}}))
	}
	wait.For(t, 2*time.Minute, "the limit", func() bool {
		return lighterman.Metrics(t).Sum("lighterman_push_retries_total", `reason="stream_limit"`) >= 20
	})
	if worst := worstDelay(t, lighterman, loki, quiet, 5*time.Second); worst > 2*time.Second {
		t.Errorf("a quiet line was in Loki only after %v", worst)
	}
	for _, c := range append(quiet, late...) {
		c.Stop(t)
	}
	for _, c := range quiet {
		ledger.Check(t, loki, c)
	}
	if n := lighterman.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 0 {
		t.Errorf("%v lines refused", n)
	}
	lighterman.Terminate(t)
	// What was not delivered was not committed: another Loki gets all of it.
	other := lokitest.Shared(t)
	again := carrier.Start(t, ledger.Only(t, "streams", other.URL, "--state-dir", lighterman.StateDir)...)
	for _, c := range late {
		ledger.Check(t, other, c)
	}
	ledger.Clean(t, again)
}

// testRefusedForGood: the labels of one container are too long for Loki, so all of
// its lines are refused. They are counted and told with container, reason, number
// and an example; the others are delivered.
func testRefusedForGood(t *testing.T) {
	docker := engine.Default(t)
	loki := lokitest.New(t, map[string]string{"max_label_value_length": "100"})
	lighterman := carrier.Start(t, ledger.Only(t, "refused", loki.URL)...)
	lighterman.AwaitReady(t, 2*time.Minute)
	refused := docker.Start(t, engine.Spec{Name: "refused",
		Labels: map[string]string{"com.docker.compose.service": strings.Repeat("x", 200)}, Args: []string{"-n", "5000", "-tag", "refused"}})
	quiet := quietOnes(t, docker, "json-file", "refused", 5)
	refused.Wait(t)
	for _, c := range quiet {
		loki.Await(t, ledger.Selector(c), 50, 2*time.Minute)
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	wait.For(t, 2*time.Minute, "5,000 refused lines", func() bool {
		return lighterman.Metrics(t).Sum("lighterman_rejected_lines_total", `reason="labels"`) >= 5000
	})
	if code := lighterman.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	told := regexp.MustCompile(`msg="lines were rejected for good" container=(\S+) reason=labels lines=(\d+) example=(\S+)`).
		FindAllStringSubmatch(lighterman.Stderr(), -1)
	times := make([]int64, 0, 5000)
	for _, r := range refused.Logs(t) {
		times = append(times, r.Time)
	}
	total := 0
	for _, m := range told {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		total += n
		at, err := time.Parse(time.RFC3339Nano, m[3])
		if err != nil || !slices.Contains(times, at.UnixNano()) || m[1] != refused.Name {
			t.Errorf("%v: %v", m[0], err)
		}
	}
	if total != 5000 || len(told) > 5 {
		t.Errorf("%d lines told in %d messages", total, len(told))
	}
	if n := loki.Count(t, fmt.Sprintf(`{container=%q}`, refused.Name)); n != 0 {
		t.Errorf("%d refused lines are in Loki", n)
	}
}
