package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
)

const traceStages = `stages:
  - match: {selector: '{container=~".*java"}', stages: [{parser: java}]}
  - match: {selector: '{container=~".*python"}', stages: [{parser: python}]}
  - match: {selector: '{container=~".*go"}', stages: [{parser: go}]}
`

// TestTraces: stack traces of three languages, each one entry, from files that rotate, the
// journal and the API, while lighterman is killed again and again and Loki once.
func TestTraces(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	const traces = 50
	kills := 6
	if os.Getenv("LIGHTERMAN_FULL") != "" {
		kills = 30
	}
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(traceStages), 0o600); err != nil {
		t.Fatal(err)
	}
	type written struct {
		*engine.Container
		log, language string
	}
	var all []written
	for log, opts := range map[string]map[string]string{
		"json-file": {"max-size": "10k", "max-file": "99", "compress": "true"},
		"local":     {"max-size": "20k", "max-file": "99"},
		"journald":  {"mode": "blocking"},
		"one":       {},
	} {
		driver := log
		if log == "one" { // file, that does not rotate
			driver = "json-file"
		}
		for _, language := range []string{"java", "python", "go"} {
			c := docker.Start(t, engine.Spec{
				Name: "traces-" + log + "-" + language, Driver: driver, Opts: opts,
				Args: []string{"-n", fmt.Sprint(traces), "-traces", language, "-rate", "5"},
			})
			all = append(all, written{c, log, language})
		}
	}
	state := t.TempDir()
	routes := map[string][]string{"files": {"--mode", "hybrid"}, "api": {"--mode", "stream"}}
	start := func() (out []*carrier.Carrier) {
		for host, mode := range routes {
			out = append(out, carrier.Start(t, ledger.Only(t, "traces", loki.URL, append(mode,
				"--host-label", host, "--state-dir", filepath.Join(state, host), "--config", file)...)...))
		}
		return out
	}
	running := start()
	selector := func(host string, c written) string { return fmt.Sprintf(`{container=%q, host=%q}`, c.Name, host) }
	for n := range kills {
		at := 2 * traces * n / (kills + 1)
		loki.AwaitMost(t, selector("files", all[0]), at, 2*time.Minute)
		for _, c := range running {
			c.Kill9(t)
		}
		if n == kills/2 {
			loki.Kill9(t)
			loki.Start(t)
		}
		running = start()
	}
	for _, c := range all {
		c.Wait(t)
	}
	for _, c := range all {
		for host := range routes {
			if host == "api" && (c.log == "json-file" || c.log == "local") {
				continue // this engine itself loses lines where it follows rotation
			}
			var got, want []string
			for k := range traces {
				alone, together := lines.Traced(c.language, k)
				if c.log == "journald" && host == "api" { // the engine leaves out blank lines
					together = slices.DeleteFunc(together, func(line string) bool { return line == "" })
				}
				want = append(want, alone, strings.Join(together, "\n"))
			}
			for _, e := range loki.AwaitMost(t, selector(host, c), len(want), 2*time.Minute) {
				got = append(got, e.Line)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s by %s: %d entries, want %d; the first that differs: %s", c.Name, host, len(got), len(want), firstDifference(got, want))
			}
		}
	}
	for _, c := range running {
		ledger.Clean(t, c)
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d: got %.300q, want %.300q", i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
		}
	}
	return "one is longer"
}
