package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/compare"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/need"
)

// TestCompare: `lighterman compare` tells for every mode what it would cover and
// hold here, and measures the one it is told to, on what is written meanwhile and not
// on what is stored. It leaves nothing behind.
func TestCompare(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker := engine.Default(t)
	const stored = 3000
	for i, driver := range []string{"json-file", "json-file", "local", "journald", "none"} {
		c := docker.Start(t, engine.Spec{Name: fmt.Sprint("compare", i), Driver: driver,
			Args: []string{"-tag", "old", "-sizes", strings.Repeat("100,", stored), "-lag", "1s"}})
		c.Wait(t)
		docker.Start(t, engine.Spec{Name: fmt.Sprint("compared", i), Driver: driver, Args: []string{"-n", "-1", "-rate", "50", "-tag", "new"}})
	}
	state := t.TempDir()
	for _, mode := range []string{"hybrid", "stream"} {
		s := look(t, "--for", "6s", "--mode", mode, "--docker-host", docker.Host, "--include-name", engine.Prefix(t)+"compare.*", "--state-dir", state)
		if len(s.Containers) != 10 || len(s.Modes) != 3 {
			t.Fatalf("%d containers, %d modes", len(s.Containers), len(s.Modes))
		}
		for _, m := range s.Modes {
			if want := map[string]int{"hybrid": 8, "file": 6, "stream": 8}[m.Mode]; m.Covered() < want || m.Unreadable < 2 {
				t.Errorf("%s: %+v", m.Mode, m)
			}
			if m.Mode == "stream" && (m.DockerdStreams != 4 || m.DockerdRereads < 3*stored*100 || m.DockerdBytesPerSecond < 100) {
				t.Errorf("%s: %+v", m.Mode, m)
			}
			if m.Mode == "file" && m.DockerdStreams+m.Goroutines != 0 {
				t.Errorf("%s: %+v", m.Mode, m)
			}
		}
		got := s.Measured
		if got == nil || got.Mode != mode {
			t.Fatalf("%s: measured %+v", mode, got)
		}
		route := map[string]string{"hybrid": "file", "stream": "api"}[mode]
		if n := got.Lines[route]; n == 0 || n >= stored {
			t.Errorf("%s: %d lines by %s, want some, and none of the %d that were stored", mode, n, route, stored)
		}
		if got.AgeMax <= 0 || got.CPU <= 0 || got.RSS == 0 || got.Goroutines == 0 || got.Descriptors == 0 {
			t.Errorf("%s: %+v", mode, got)
		}
	}
	if left, err := os.ReadDir(state); err != nil || len(left) != 0 {
		t.Errorf("it has left %v in the state directory: %v", left, err)
	}
}

func look(t testing.TB, args ...string) (out compare.Survey) {
	t.Helper()
	stdout, stderr, code := carrier.Run(t, append([]string{"compare", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("lighterman compare: exit code %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		t.Fatalf("lighterman compare: %v\n%s", err, stdout)
	}
	return out
}
