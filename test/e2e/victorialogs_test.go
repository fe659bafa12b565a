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
	"github.com/lighterman/lighterman/test/vltest"
	"github.com/lighterman/lighterman/test/wait"
)

// stored are entries of VictoriaLogs as a ledger has them.
func stored(entries []vltest.Entry) []ledger.Line {
	out := make([]ledger.Line, 0, len(entries))
	for _, e := range entries {
		out = append(out, ledger.Line{Time: e.Time, Stream: e.Fields["stream"], Text: e.Message})
	}
	return out
}

// vlPush is VictoriaLogs' endpoint for Loki's protocol, told to leave lines as they are.
const vlPush = "/insert/loki/api/v1/push"

// TestVictoriaLogs: VictoriaLogs as the only output gets what Docker has stored, with labels
// as its streams and structured metadata as fields, also where it is away meanwhile. verify
// cannot ask it.
func TestVictoriaLogs(t *testing.T) {
	t.Parallel()
	docker, victoria := engine.Default(t), vltest.New(t)
	all := ledger.Writers(t, docker, "vl", 300, "json-file", "local")
	for _, args := range [][]string{{"-n", "300", "-tag", "json", "-pattern", "json"}, {"-sizes", "1,1000,100000"}} {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("vl", len(all)), Args: args}))
	}
	args := ledger.Mine(t, victoria.URL+vlPush+"?disable_message_parsing=1", "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	l.AwaitReady(t, time.Minute)
	query := func(c *engine.Container) string { return fmt.Sprintf("container_id:=%q", c.ID) }
	victoria.Await(t, query(all[0]), 300, time.Minute)
	retries := l.Metrics(t).Sum("lighterman_push_retries_total")
	victoria.Stop(t)
	wait.For(t, time.Minute, "a push in vain", func() bool { return l.Metrics(t).Sum("lighterman_push_retries_total") > retries })
	victoria.Start(t)
	for _, c := range all[:2] {
		c.Stop(t)
	}
	for _, c := range all {
		want := ledger.Stored(t, c)
		got := victoria.Await(t, query(c), len(want), 2*time.Minute)
		ledger.Compare(t, c.Name, want, stored(got))
		for _, e := range got {
			if !strings.Contains(e.Stream, fmt.Sprintf("container=%q", c.Name)) || strings.Contains(e.Stream, "container_id") {
				t.Errorf("%s: the stream is %s", c.Name, e.Stream)
				break
			}
		}
	}
	if n := l.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 0 {
		t.Errorf("%v lines refused", n)
	}
	if _, stderr, code := carrier.Run(t, append([]string{"verify", "--listen", "off"}, args...)...); code != 2 || !strings.Contains(stderr, "Loki") {
		t.Errorf("verify: exit code %d: %s", code, stderr)
	}
	ledger.Clean(t, l)
}

// TestVictoriaLogsKilled: VictoriaLogs stores a line again that is sent again. Nothing is lost
// where lighterman is killed.
func TestVictoriaLogsKilled(t *testing.T) {
	t.Parallel()
	docker, victoria := engine.Default(t), vltest.New(t, "-loki.disableMessageParsing")
	c := ledger.Writers(t, docker, "vlkill", 500, "json-file")[0]
	file := filepath.Join(t.TempDir(), "lm.yaml")
	// As a further output, whose address has no query: the flag says it.
	replaceFile(t, file, fmt.Sprintf("outputs: [{name: victoria, loki-url: %q}]\n", victoria.URL+vlPush))
	args := ledger.Mine(t, "http://127.0.0.1:1", "--config", file, "--state-dir", t.TempDir())
	query := fmt.Sprintf("container_id:=%q", c.ID)
	l := carrier.Start(t, args...)
	const kills = 5
	for i := range kills {
		victoria.Await(t, query, 300*(i+1), time.Minute)
		l.Kill9(t)
		l = carrier.Start(t, args...)
	}
	c.Stop(t)
	want := ledger.Stored(t, c)
	var lines []ledger.Line
	again := 0
	complete := wait.Until(2*time.Minute, func() bool {
		got, err := victoria.Query(query)
		lines, again = once(stored(got))
		return err == nil && len(lines) >= len(want)
	})
	t.Logf("%d entries, %d of them twice after %d kills (complete: %v)", len(want), again, kills, complete)
	ledger.Compare(t, c.Name, want, lines)
	if _, stderr, _ := carrier.Run(t, "check", "--live", "--listen", "off", "--config", file, "--loki-url", victoria.URL+vlPush); !strings.Contains(stderr, "outputs: victoria: "+victoria.URL+" answers") {
		t.Errorf("check: %s", stderr)
	}
}

// TestVictoriaLogsTwice: what VictoriaLogs does with the same line that is sent twice, which is
// why docs/outputs.md says that it is no Loki there.
func TestVictoriaLogsTwice(t *testing.T) {
	t.Parallel()
	docker, victoria := engine.Default(t), vltest.New(t)
	c := docker.Start(t, engine.Spec{Name: "vltwice", Args: []string{"-n", "50", "-tag", "twice"}})
	c.Wait(t)
	query := fmt.Sprintf("container_id:=%q", c.ID)
	for round := range 2 { // with new positions each time
		l := carrier.Start(t, ledger.Mine(t, victoria.URL+vlPush)...)
		victoria.Await(t, query, 50*(round+1), time.Minute)
		ledger.Clean(t, l)
	}
	if got := len(victoria.Await(t, query, 100, time.Minute)); got != 100 {
		t.Errorf("VictoriaLogs has %d entries of 50 that were sent twice: docs/outputs.md says that it has both", got)
	}
}
