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
)

// TestShadow runs a shadow beside a lighterman that has the same state directory, kills it,
// and compares what both have sent.
func TestShadow(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	state, began := t.TempDir(), time.Now().Add(-time.Second)
	c := docker.Start(t, engine.Spec{Name: "shadowed", Args: []string{"-n", "2000", "-rate", "1000", "-tag", "s", "-streams", "alternate", "-linger"}})
	start := func(more ...string) *carrier.Carrier {
		args := append(ledger.Mine(t, loki.URL), "--state-dir", state, "--since", "1h")
		return carrier.Start(t, append(args, more...)...)
	}
	first := start("--external-label", "side=old")
	shadow := start("--external-label", "side=new", "--shadow-tenant", "shadow")
	of := func(side string) string { return fmt.Sprintf(`{side=%q, container=%q}`, side, c.Name) }
	loki.Await(t, of("new"), 500, time.Minute)
	shadow.Kill9(t)
	shadow = start("--external-label", "side=new", "--shadow-tenant", "shadow")
	shadow.AwaitReady(t, time.Minute) // all its lines may be there from the first
	loki.Await(t, of("old"), 2000, time.Minute)
	loki.Await(t, of("new"), 2000, time.Minute)
	if !strings.Contains(shadow.Stderr(), "this is a shadow run") || !strings.Contains(shadow.Stderr(), filepath.Join(state, "shadow", "shadow")) {
		t.Errorf("the log of the shadow does not say so:\n%s", shadow.Stderr())
	}
	args := []string{"diff", "--loki-url", loki.URL, "--left-selector", of("old"), "--right-selector", of("new"),
		"--from", began.UTC().Format(time.RFC3339Nano), "--to", time.Now().UTC().Format(time.RFC3339Nano)}
	out, said, code := carrier.Run(t, append(args, "--ignore-label", "side")...)
	if code != 0 || !strings.Contains(out, "2 streams, 0 of them with differences; 2000 lines on both sides, 0 only on the left, 0 only on the right") {
		t.Errorf("%d\n%s%s", code, out, said)
	}
	if out, _, code := carrier.Run(t, args...); code != 1 || strings.Count(out, `label side: left "old", right "new"`) != 2 {
		t.Errorf("with the label that differs: %d\n%s", code, out)
	}
	ledger.Clean(t, first)
	ledger.Clean(t, shadow)
}
