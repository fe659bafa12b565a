package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestHostFilesWays: files go to every output, with stages and levels; a reload changes the
// stages of those that have none of their own, and labels; and what becomes of each is shown.
func TestHostFilesWays(t *testing.T) {
	t.Parallel()
	live, dead := lokitest.Shared(t), lokitest.Reserve(t, nil)
	dir := t.TempDir()
	mark := fmt.Sprintf("hostways%d", time.Now().UnixNano())
	file, own, plain := filepath.Join(dir, "lm.yaml"), filepath.Join(dir, "own.log"), filepath.Join(dir, "plain.log")
	config := func(more, job string) {
		replaceFile(t, file, fmt.Sprintf("docker-host: unix://%s/none.sock\noutputs: [{name: second, loki-url: %q}]\n%sfiles:\n"+
			"  - paths: [%s]\n    labels: {job: %s}\n    stages: [{json: {expressions: {kind: }}}, {labels: {kind: }}]\n  - paths: ['%s/*.log']\n    labels: {job: %s}\n", dir, dead.URL, more, own, mark, dir, job))
	}
	write := func(from int) {
		t.Helper()
		for path, line := range map[string]string{own: `{"level":"warn","kind":"k","n":%d}`, plain: "level=error n=%d"} {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			for n := from; n < from+100; n++ {
				if _, err := fmt.Fprintf(f, line+"\n", n); err != nil {
					t.Fatal(err)
				}
			}
			_ = f.Close()
		}
	}
	config("", mark)
	write(0)
	args := []string{"--config", file, "--loki-url", live.URL, "--state-dir", filepath.Join(dir, "state")}
	l := carrier.Start(t, args...)
	selector := fmt.Sprintf("{job=%q}", mark)
	for _, e := range live.Await(t, selector, 200, time.Minute) {
		level := map[string]string{own: "warn", plain: "error"}[e.Labels["filename"]]
		if e.Metadata["detected_level"] != level || (e.Labels["kind"] == "k") != (e.Labels["filename"] == own) {
			t.Fatalf("%q has %v and %v", e.Line, e.Labels, e.Metadata)
		}
	}
	_, page, _ := l.Get("/status.json")
	var state struct {
		Containers []struct {
			Name, Route string
			Account     struct{ Read, Sent, Pending int64 }
		}
	}
	if err := json.Unmarshal([]byte(page), &state); err != nil || len(state.Containers) != 2 || state.Containers[0].Route != "host-file" {
		t.Errorf("%v: %s", err, page)
	}
	wait.For(t, time.Minute, "all lines are accounted for", func() bool {
		_, page, _ := l.Get("/status.json")
		return json.Unmarshal([]byte(page), &state) == nil && state.Containers[0].Account.Sent == 100 && state.Containers[1].Account.Sent == 100
	})
	if out, stderr, code := carrier.Run(t, "ls", "--config", file, "--loki-url", live.URL, "--listen", l.Addr); code != 0 || !strings.Contains(out, plain) || !strings.Contains(out, "host-file") {
		t.Errorf("ls: %d %s%s", code, out, stderr)
	}

	config("external-label: {build: b2}\nstages: [{static_labels: {rules: r2}}]\n", "another")
	hangUp(t, l, "settings=[files]")
	next := 100
	wait.For(t, time.Minute, "what was reloaded is in force", func() bool {
		write(next)
		next += 100
		return live.Count(t, fmt.Sprintf("{filename=%q, rules=%q, build=%q}", plain, "r2", "b2")) > 0
	})
	live.Await(t, selector, 2*next, time.Minute)
	l.Kill9(t)
	config("external-label: {build: b2}\nstages: [{static_labels: {rules: r2}}]\n", mark)
	l = carrier.Start(t, args...)
	write(next)
	dead.Start(t)
	want := 2*next + 200
	for _, loki := range []*lokitest.Loki{live, dead} {
		lines := make(map[string]bool)
		for _, e := range loki.Await(t, selector, want, 2*time.Minute) {
			if lines[e.Line] = true; e.Labels["rules"] != "" && e.Labels["filename"] == own {
				t.Fatalf("%q has the stages of others", e.Line)
			}
		}
		if len(lines) != want {
			t.Errorf("%d lines, want %d", len(lines), want)
		}
	}
	if l.Terminate(t) != 0 {
		t.Error("it did not end well")
	}
}

// TestHostFilesTakeOver: a configuration of Promtail's for files and its positions are taken
// over, and reading goes on where it has stopped.
func TestHostFilesTakeOver(t *testing.T) {
	t.Parallel()
	loki, dir := lokitest.Shared(t), t.TempDir()
	mark := fmt.Sprintf("hosttakeover%d", time.Now().UnixNano())
	path, sent := filepath.Join(dir, "app.log"), 0
	var text strings.Builder
	for n := range 100 {
		if n == 60 {
			sent = text.Len()
		}
		fmt.Fprintf(&text, "line %d\n", n)
	}
	theirs, positions, ours := filepath.Join(dir, "promtail.yml"), filepath.Join(dir, "positions.yaml"), filepath.Join(dir, "lm.yaml")
	for name, text := range map[string]string{
		path:      text.String(),
		theirs:    fmt.Sprintf("clients: [{url: %s/loki/api/v1/push}]\nscrape_configs:\n  - job_name: system\n    static_configs:\n      - labels: {job: %s, __path__: '%s/*log'}\n", loki.URL, mark, dir),
		positions: fmt.Sprintf("positions:\n  %s: %q\n", path, fmt.Sprint(sent)),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(dir, "state")
	for _, args := range [][]string{{"convert", "promtail", theirs, "-o", ours}, {"convert", "--positions", positions, "--state-dir", state}} {
		if stdout, stderr, code := carrier.Run(t, args...); code != 0 {
			t.Fatalf("%q: %d %s%s", args, code, stdout, stderr)
		}
	}
	l := carrier.Start(t, "--config", ours, "--state-dir", state, "--docker-host", "unix://"+dir+"/none.sock")
	selector := fmt.Sprintf("{job=%q, filename=%q}", mark, path)
	for _, e := range loki.Await(t, selector, 40, time.Minute) {
		if e.Line < "line 60" || e.Labels["host"] != "" {
			t.Errorf("%q with %v: it was sent before, or has other labels", e.Line, e.Labels)
		}
	}
	if l.Terminate(t) != 0 {
		t.Error("it did not end well")
	}
}
