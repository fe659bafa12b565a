package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// TestD6LiveButOldOverRoutes: where since ends is known on every route, whichever the log was
// first opened on: what was there then never comes, and all that was written since does,
// whatever its time.
func TestD6LiveButOldOverRoutes(t *testing.T) {
	t.Parallel()
	for _, modes := range []string{"stream file stream file", "file stream file stream"} {
		for _, before := range []int{0, 3} {
			t.Run(fmt.Sprint(modes, ", ", before, " before"), func(t *testing.T) {
				t.Parallel()
				oldOverRoutes(t, strings.Fields(modes), before)
			})
		}
	}
}

func oldOverRoutes(t *testing.T, modes []string, before int) {
	e, loki, state := newOldClock(t, false), fakeloki.Start(t, nil), t.TempDir()
	root := dataroot.New(t)
	e.file = root.Add(t, dataroot.Spec{Name: "old", Driver: "local"})
	e.id = e.file.ID
	at := time.Now().Add(-240 * time.Hour)
	var want []string
	write := func(kind string, n int) (lines []string) {
		for range n {
			at = at.Add(time.Minute)
			lines = append(lines, fmt.Sprint(kind, " ", at.Format(time.TimeOnly)))
			e.write(stampedLine{at, lines[len(lines)-1]})
		}
		return lines
	}
	at = at.Add(10 * time.Hour) // what was there has newer times than what follows
	write("before", before)
	at = at.Add(-20 * time.Hour)
	for i, mode := range modes {
		l := carrier.Start(t, "--docker-host", e.host, "--docker-root", root.Dir, "--journal-dir", "none", "--mode", mode, "--loki-url", loki.URL, "--state-dir", state, "--since", "now")
		l.AwaitReady(t, 20*time.Second)
		route := map[string]string{"stream": "api", "file": "file"}[mode]
		wait.For(t, 20*time.Second, "the route "+route, func() bool {
			return l.Metrics(t).Sum("lighterman_targets", fmt.Sprintf("route=%q", route)) == 1 && (mode != "stream" || e.open())
		})
		if i == 0 {
			wait.For(t, 20*time.Second, "what is left out to be counted", func() bool {
				return l.Metrics(t).Sum("lighterman_skipped_lines_total", `reason="before_since"`) == float64(before)
			})
			awaitSince(t, state, e.id)
		}
		awaitStored(t, loki, want)
		want = append(want, write("live", 3)...)
		awaitStored(t, loki, want)
		l.Kill9(t)
		want = append(want, write("away", 2)...)
	}
}
