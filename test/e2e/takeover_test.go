package e2e

import (
	"fmt"
	"os"
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

// TestTakeOver: with positions of Promtail's each log is read from ten seconds before the last
// line that Promtail has sent, or from the byte where it has stopped in Docker's own file,
// from files and through the API, and what is written later follows.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	const n = 60
	specs := []engine.Spec{
		{Name: "json", Driver: "json-file"},
		{Name: "rotated", Driver: "json-file", Opts: map[string]string{"max-size": "1k", "max-file": "20"}},
		{Name: "local", Driver: "local"},
		{Name: "file", Driver: "json-file"},
	}
	var all []*engine.Container
	for _, s := range specs {
		s.Args = []string{"-n", fmt.Sprint(n), "-rate", "15", "-streams", "alternate"}
		all = append(all, docker.Start(t, s))
	}
	var text strings.Builder
	text.WriteString("positions:\n")
	begin := make([]int64, len(all))
	for i, c := range all {
		// The old collector stops in the midst of it.
		var stored []ledger.Line
		wait.For(t, time.Minute, "lines of "+c.Name, func() bool { stored = ledger.Stored(t, c); return len(stored) >= n/2 })
		last := stored[n/2-1].Time
		begin[i] = last / 1e9 * 1e9
		if c.Spec.Name != "file" {
			// The log is shorter than the time for which lines are sent again.
			fmt.Fprintf(&text, "  cursor-%s: %q\n", c.ID, fmt.Sprint(last/1e9+10))
			continue
		}
		begin[i] = last + 1
		data, err := os.ReadFile(c.LogPath(t))
		if err != nil {
			t.Fatal(err)
		}
		records := strings.SplitAfterN(string(data), "\n", n/2+1)
		fmt.Fprintf(&text, "  %s: %q\n", c.LogPath(t), fmt.Sprint(len(strings.Join(records[:n/2], ""))))
	}
	positions := filepath.Join(t.TempDir(), "positions.yaml")
	if err := os.WriteFile(positions, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := map[string]string{engine.Prefix(t) + "f": "hybrid", engine.Prefix(t) + "a": "stream"}
	for host, mode := range hosts {
		state := t.TempDir()
		if stdout, stderr, code := carrier.Run(t, "convert", "--positions", positions, "--state-dir", state); code != 0 {
			t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
		}
		carrier.Start(t, ledger.Mine(t, loki.URL, "--mode", mode, "--state-dir", state, "--host-label", host)...)
	}
	for _, c := range all {
		c.Wait(t)
	}
	for host, mode := range hosts {
		for i, c := range all {
			if c.Spec.Name == "file" && mode == "stream" {
				continue // the engine knows times only: some lines come again
			}
			var want []ledger.Line
			for _, l := range ledger.Stored(t, c) {
				if l.Time >= begin[i] {
					want = append(want, l)
				}
			}
			if len(want) == 0 || len(want) == n {
				t.Errorf("%s: %d of %d lines are to be sent, which shows nothing", c.Name, len(want), n)
			}
			selector := fmt.Sprintf(`{host=%q, container=%q}`, host, c.Name)
			ledger.Compare(t, c.Name+" "+mode, want, ledger.Delivered(loki.AwaitMost(t, selector, len(want), time.Minute)))
		}
	}
}
