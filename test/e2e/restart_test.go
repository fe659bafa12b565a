package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestKilledAgainAndAgain: kill -9 at random moments under load; nothing is
// lost and nothing is visible twice.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	all := ledger.Writers(t, docker, "kill", 400, "json-file", "json-file", "local")
	args := ledger.Mine(t, loki.URL, "--state-dir", state)
	for range 15 {
		c := carrier.Start(t, args...)
		ledger.Growth(t, loki, all[0], rand.IntN(800))
		c.Kill9(t)
	}
	for _, c := range all {
		c.Stop(t)
	}
	last := carrier.Start(t, args...)
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, last)
}

// TestTerminateDrains: SIGTERM delivers what was read and exits 0; the next
// start sends nothing again.
func TestTerminateDrains(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	c := docker.Start(t, engine.Spec{Name: "drain", Args: []string{"-n", "20000", "-tag", "drain"}})
	first := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state, "--batch-wait", "10s")...)
	c.Wait(t)
	loki.Await(t, ledger.Selector(c), 1, 2*time.Minute)
	if code := first.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	second := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	ledger.Check(t, loki, c)
	read := second.Metrics(t).Sum("lighterman_lines_total")
	ledger.Clean(t, second)
	third := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	third.AwaitReady(t, 2*time.Minute)
	if n := third.Metrics(t).Sum("lighterman_lines_total"); n != 0 {
		t.Errorf("%v lines were read again after a clean stop (%v the time before)", n, read)
	}
	ledger.Clean(t, third)
}

// TestSecondSignal: with Loki frozen the first signal would wait, the second ends.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	loki := lokitest.Reserve(t, nil) // nothing listens
	c := docker.Start(t, engine.Spec{Name: "second", Args: []string{"-n", "10"}})
	c.Wait(t)
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--shutdown-timeout", "1h")...)
	wait.For(t, 2*time.Minute, "a push that fails", func() bool { return strings.Contains(l.Stderr(), "cannot deliver") })
	l.Signal(t, syscall.SIGTERM)
	wait.For(t, 10*time.Second, "the first signal", func() bool { return strings.Contains(l.Stderr(), "stopping") })
	l.Signal(t, syscall.SIGINT)
	if code := l.Wait(t, 10*time.Second); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// TestOneStateDirectory: the second process refuses.
func TestOneStateDirectory(t *testing.T) {
	t.Parallel()
	engine.Default(t)
	state := t.TempDir()
	first := carrier.Start(t, "--include-name", "nothing", "--state-dir", state)
	first.AwaitReady(t, 2*time.Minute)
	_, stderr, code := carrier.Run(t, "run", "--state-dir", state, "--listen", "off")
	if code != 1 || !strings.Contains(stderr, fmt.Sprint(first.PID())) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code := first.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestDamagedState: a garbled file is set aside, and the other one
// serves: nothing lost, nothing visible twice.
func TestDamagedState(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	all := ledger.Writers(t, docker, "damage", 500, "json-file", "local")
	for i := range 4 {
		c := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
		c.AwaitReady(t, 2*time.Minute)
		ledger.Growth(t, loki, all[0], 300)
		wait.For(t, 2*time.Minute, "a checkpoint", func() bool { return c.Metrics(t).Sum("lighterman_checkpoint_saves_total") >= 2 })
		c.Kill9(t)
		positions := filepath.Join(state, "positions")
		raw, err := os.ReadFile(positions)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			raw = raw[:len(raw)*2/3]
		} else {
			raw[len(raw)/2] ^= 0x55
		}
		if err := os.WriteFile(positions, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range all {
		c.Stop(t)
	}
	last := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	if !strings.Contains(last.Stderr(), "is damaged and was renamed") {
		t.Error("nothing is said of the damaged file")
	}
	ledger.Clean(t, last)
}

// TestTerminalDoesNotCount: what was shown on standard output is still sent to Loki.
func TestTerminalDoesNotCount(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state := t.TempDir()
	c := docker.Start(t, engine.Spec{Name: "shown", Args: []string{"-n", "100", "-tag", "shown"}})
	c.Wait(t)
	shown := carrier.Start(t, "--include-name", c.Name, "--state-dir", state)
	wait.For(t, 2*time.Minute, "the lines on standard output", func() bool { return strings.Count(shown.Stdout(), "\n") >= 100 })
	if code := shown.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	sent := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	ledger.Check(t, loki, c)
	ledger.Clean(t, sent)
}
