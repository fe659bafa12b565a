package faults

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// TestD6LiveButOld: since is for what was in the log when it was first opened. What is
// written while it is watched is delivered, whatever the clock says, also after a kill.
func TestD6LiveButOld(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"json-file", "local"} {
		for _, old := range []int{0, 3} { // lines that are there already
			t.Run(fmt.Sprint(driver, ", ", old, " before"), func(t *testing.T) {
				t.Parallel()
				liveButOld(t, driver, old)
			})
		}
	}
}

// awaitSince waits until the state of a lighterman that runs says of a container where
// since ends: only then is it known which lines were there before.
func awaitSince(t testing.TB, state, id string) {
	t.Helper()
	wait.For(t, 20*time.Second, "the first position to be kept", func() bool {
		dir := t.TempDir()
		for _, name := range []string{"positions", "positions.previous"} {
			content, err := os.ReadFile(filepath.Join(state, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		store, err := checkpoint.Open(dir, slog.New(slog.DiscardHandler)) // half a frame may be there
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		kept, _ := store.Get(id)
		return kept.Position.Since != 0
	})
}

func liveButOld(t *testing.T, driver string, old int) {
	record := dataroot.JSON
	if driver == "local" {
		record = dataroot.Frame
	}
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	c := root.Add(t, dataroot.Spec{Name: "old", Driver: driver})
	past := time.Now().Add(-240 * time.Hour)
	for i := range old {
		c.Append(t, record(past.Add(time.Duration(i)), fmt.Sprint("before ", i)))
	}
	state := t.TempDir()
	args := func() []string {
		return []string{"--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none", "--loki-url", loki.URL, "--state-dir", state, "--since", "1h"}
	}
	l := carrier.Start(t, args()...)
	l.AwaitReady(t, 20*time.Second)
	opened := func(l *carrier.Carrier) bool { return l.Metrics(t).Sum("lighterman_targets", `route="file"`) == 1 }
	wait.For(t, 20*time.Second, "the log", func() bool {
		return opened(l) && l.Metrics(t).Sum("lighterman_skipped_lines_total", `reason="before_since"`) == float64(old)
	})
	awaitSince(t, state, c.ID)
	var want []string
	live := func(n int) {
		for range n {
			text := fmt.Sprint("live ", len(want))
			c.Append(t, record(past.Add(time.Duration(len(want))*time.Millisecond), text))
			want = append(want, text)
		}
	}
	live(5)
	l.Kill9(t)
	live(2)
	l = carrier.Start(t, args()...)
	awaitStored(t, loki, want)
	live(3)
	awaitStored(t, loki, want)
	l.Kill9(t)
	live(1)
	l = carrier.Start(t, args()...)
	l.AwaitReady(t, 20*time.Second)
	awaitStored(t, loki, want)
	if n := l.Metrics(t).Sum("lighterman_skipped_lines_total"); n != 0 {
		t.Errorf("%v lines were left out after a restart", n)
	}
}

// awaitStored waits until a Loki has these lines, in this order. What is sent again after
// a kill it keeps once, if text and timestamp are the same.
func awaitStored(t *testing.T, loki *fakeloki.Loki, want []string) {
	t.Helper()
	stored := func() (lines []string) {
		seen := make(map[fakeloki.Entry]bool)
		for _, e := range loki.Entries() {
			if !seen[e] {
				lines = append(lines, e.Line)
			}
			seen[e] = true
		}
		return lines
	}
	wait.For(t, 2*time.Minute, "all lines", func() bool { return len(stored()) >= len(want) })
	if got := stored(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
