package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestOutputs: of two Lokis one is dead all the time, and the other gets everything meanwhile,
// also over kill -9. When the dead one comes up it gets everything, once.
func TestOutputs(t *testing.T) {
	t.Parallel()
	docker, live, dead := engine.Default(t), lokitest.Shared(t), lokitest.Reserve(t, nil)
	all := ledger.Writers(t, docker, "outputs", 40, "json-file", "local")
	for first, urls := range map[string][2]string{"dead": {dead.URL, live.URL}, "live": {live.URL, dead.URL}} {
		file := filepath.Join(t.TempDir(), "lm.yaml")
		// Lokis know these lines apart by it.
		replaceFile(t, file, fmt.Sprintf("external-label: {first: %s}\noutputs: [{name: second, loki-url: %q}]\n", first, urls[1]))
		args := ledger.Mine(t, urls[0], "--config", file, "--state-dir", t.TempDir())
		l := carrier.Start(t, args...)
		selector := fmt.Sprintf(`{container=%q, first=%q}`, all[0].Name, first)
		grow := func(lines int) {
			t.Helper()
			want := live.Count(t, selector) + lines
			wait.For(t, time.Minute, "lines at the Loki that lives", func() bool { return live.Count(t, selector) >= want })
		}
		grow(40)
		_, page, _ := l.Get("/readyz")
		if problem := map[string]string{"dead": "not ok: sink: ", "live": "not ok: sink of output second: "}[first]; !strings.Contains(page, problem) {
			t.Errorf("%q is not said in\n%s", problem, page)
		}
		label := map[string]string{"dead": "", "live": `output="second"`}[first]
		wait.For(t, time.Minute, "retries that are counted with "+label, func() bool {
			return l.Metrics(t).Sum("lighterman_push_retries_total", label) > 0
		})
		l.Kill9(t)
		l = carrier.Start(t, args...)
		grow(40)
		defer func() { ledger.Clean(t, l) }() //nolint:revive // at the end of the test, for each
	}
	dead.Start(t)
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		for _, first := range []string{"dead", "live"} {
			for _, loki := range []*lokitest.Loki{live, dead} {
				want := ledger.Stored(t, c)
				got := loki.AwaitMost(t, fmt.Sprintf(`{container=%q, first=%q}`, c.Name, first), len(want), 2*time.Minute)
				ledger.Compare(t, c.Name+" where first is "+first, want, ledger.Delivered(got))
			}
		}
	}
}

// TestOutputFrozen: a Loki that takes connections and never answers does not hold up the other,
// and gets what it lacks when it answers again, once.
func TestOutputFrozen(t *testing.T) {
	t.Parallel()
	docker, live, frozen := engine.Default(t), lokitest.Shared(t), lokitest.New(t, nil)
	all := ledger.Writers(t, docker, "frozen", 40, "json-file", "journald")
	file := filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, file, fmt.Sprintf("external-label: {test: frozen}\noutputs: [{name: slow, loki-url: %q, push-timeout: 2s, batch-wait: 50ms, batch-size: 64KiB}]\n", frozen.URL))
	l := carrier.Start(t, ledger.Mine(t, live.URL, "--config", file)...)
	selector := fmt.Sprintf(`{container=%q, test="frozen"}`, all[0].Name)
	both := func(loki *lokitest.Loki, lines int) {
		t.Helper()
		want := loki.Count(t, selector) + lines
		wait.For(t, time.Minute, "lines at "+loki.URL, func() bool { return loki.Count(t, selector) >= want })
	}
	both(live, 40)
	both(frozen, 1)
	frozen.Freeze(t)
	wait.For(t, time.Minute, "a push that was given up", func() bool {
		return l.Metrics(t).Sum("lighterman_push_retries_total", `output="slow"`) > 0
	})
	both(live, 80)
	if _, page, _ := l.Get("/readyz"); !strings.Contains(page, "not ok: sink of output slow: ") || strings.Contains(page, "not ok: sink: ") {
		t.Errorf("the output that hangs is not said to, or the other is:\n%s", page)
	}
	frozen.Thaw(t)
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		for _, loki := range []*lokitest.Loki{live, frozen} {
			want := ledger.Stored(t, c)
			got := loki.AwaitMost(t, fmt.Sprintf(`{container=%q, test="frozen"}`, c.Name), len(want), 2*time.Minute)
			ledger.Compare(t, c.Name+" at "+loki.URL, want, ledger.Delivered(got))
		}
	}
	ledger.Clean(t, l)
}
