package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/lokitest"
)

// lagging is a log of ten hours, with times of its own that are behind.
func lagging(t *testing.T, behind time.Duration) (root *dataroot.Root, config string) {
	t.Helper()
	root = dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	now := time.Now().UTC()
	for at := now.Add(-10 * time.Hour); at.Before(now.Add(-time.Minute)); at = at.Add(10 * time.Minute) {
		web.Append(t, dataroot.JSON(at, at.Add(-behind).Format(time.RFC3339Nano)+" order"))
	}
	config = filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, config, `stages:
  - regex: {expression: '^(?P<at>\S+) '}
  - timestamp: {source: at, format: RFC3339Nano}
`)
	return root, config
}

// TestVerifyLagging: a log whose times lag by more than what is compared is not taken for one of
// which Loki has everything.
func TestVerifyLagging(t *testing.T) {
	t.Parallel()
	root, config := lagging(t, 3*time.Hour)
	args := root.Args("--loki-url", lokitest.Shared(t).URL, "--state-dir", t.TempDir(), "--config", config, "--listen", "off")
	if v := verify(t, 2, append(args, "--since", "2h")...)["web"]; v.Same || v.Passed < 10 || !strings.Contains(v.Problem, "give an earlier --since") {
		t.Errorf("%+v", v)
	}
	if v := verify(t, 1, append(args, "--since", "5h")...)["web"]; v.Same || v.Missing < 10 || v.Passed < 10 {
		t.Errorf("%+v", v)
	}
	stdout, stderr, _ := carrier.Run(t, append(append([]string{"verify"}, args...), "--since", "5h")...)
	if !strings.Contains(stdout, "not compared: ") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

// TestVerifyAhead: what Loki has from a stage's times that are ahead, of lines that are gone, is no
// difference.
func TestVerifyAhead(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), lokitest.New(t, nil)
	// With the oldest file there may have been older ones.
	web := root.Add(t, dataroot.Spec{Name: "web", Opts: map[string]string{"max-size": "1m", "max-file": "2"}})
	begin := time.Now().UTC().Add(-5 * time.Hour) // and what is sent is no older than two
	line := func(k int) string {
		at := begin.Add(time.Duration(k) * time.Minute)
		return dataroot.JSON(at, at.Add(3*time.Hour).Format(time.RFC3339Nano)+fmt.Sprintf(" order %d", k))
	}
	for k := range 100 {
		web.Append(t, line(k))
	}
	config := filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, config, `stages:
  - regex: {expression: '^(?P<at>\S+) '}
  - timestamp: {source: at, format: RFC3339Nano}
`)
	args := root.Args("--loki-url", loki.URL, "--state-dir", filepath.Join(t.TempDir(), "state"), "--config", config)
	c := carrier.Start(t, args...)
	loki.Await(t, `{container="web"}`, 100, time.Minute)
	c.Terminate(t)
	var kept strings.Builder
	for k := 50; k < 100; k++ {
		kept.WriteString(line(k))
	}
	replaceFile(t, web.Log, "")
	replaceFile(t, web.Log+".1", kept.String())
	if v := verify(t, 0, append(args, "--listen", "off")...)["web"]; v.InLoki != 50 || v.NotStored != 0 {
		t.Errorf("%+v", v)
	}
}

// TestVerifySetBack: after the clock was set back, what was acknowledged before is missing where
// Loki lacks it, and what is behind the position is still to come, whatever their times are.
func TestVerifySetBack(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), lokitest.New(t, nil)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	now := time.Now().UTC()
	for k := range 30 {
		web.Append(t, dataroot.JSON(now.Add(time.Duration(k-40)*time.Minute), fmt.Sprintf("order %d", k)))
	}
	web.Append(t, dataroot.JSON(now.Add(-time.Hour), "order 30"))
	args := root.Args("--loki-url", loki.URL, "--state-dir", filepath.Join(t.TempDir(), "state"))
	c := carrier.Start(t, args...)
	loki.Await(t, `{container="web"}`, 31, time.Minute)
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	web.Append(t, dataroot.JSON(now.Add(-70*time.Minute), "order 31"), dataroot.JSON(now.Add(-65*time.Minute), "order 32"))
	args = append(args, "--listen", "off")
	if v := verify(t, 0, args...)["web"]; v.counts() != "33 stored, 31 in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, 2 not sent" {
		t.Errorf("all: %s", v.counts())
	}
	args = append(args, "--loki-url", lokitest.Shared(t).URL)
	if v := verify(t, 1, args...)["web"]; v.counts() != "33 stored, 0 in Loki, 31 missing, 0 twice, 0 changed, 0 not stored, 2 not sent" {
		t.Errorf("of nothing: %s", v.counts())
	}
	for text, want := range map[string]string{"order 29": "missing", "order 31": "not_sent"} {
		if lines := why(t, 0, append([]string{text}, args...)...); len(lines) != 1 || lines[0].Fate != want {
			t.Errorf("why %s: %+v", text, lines)
		}
	}
}
