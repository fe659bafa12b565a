package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// appendLines writes lines to the end of a file.
func appendLines(t *testing.T, path, what string, from, to int) {
	t.Helper()
	var text strings.Builder
	for k := from; k < to; k++ {
		fmt.Fprintf(&text, "%s %d\n", what, k)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(text.String()); err != nil {
		t.Fatal(err)
	}
}

// without copies what a Loki has to another one, but for some lines, of which it may have others.
func without(t *testing.T, from, to *lokitest.Loki, selector string, change func(e *lokitest.Entry) bool) {
	t.Helper()
	for _, e := range from.All(t, selector) {
		// Loki gives it back and takes none of its own.
		delete(e.Labels, "service_name")
		delete(e.Labels, "detected_level")
		if change(&e) {
			to.Push(t, e)
		}
	}
}

// TestVerifyFiles: files of the host are compared in their order: while they are written, after a
// kill, from their beginning and from a time within them on; with lines that a stage drops,
// joins and gives a time; and what was taken out of Loki is found.
func TestVerifyFiles(t *testing.T) {
	t.Parallel()
	root, loki, other := dataroot.New(t), lokitest.New(t, nil), lokitest.New(t, nil)
	dir := t.TempDir()
	old, app, traces, dated := filepath.Join(dir, "old.log"), filepath.Join(dir, "app.log"), filepath.Join(dir, "traces.log"), filepath.Join(dir, "dated.log")
	config := filepath.Join(dir, "lm.yaml")
	replaceFile(t, config, fmt.Sprintf(`since: now
files:
  - paths: [%s, %s]
  - paths: [%s]
    stages:
      - multiline: {firstline: '^\S', max_wait_time: 1s}
      - drop: {expression: 'noise', drop_counter_reason: noise}
      - redact: {presets: [mails]}
  - paths: [%s]
    stages:
      - regex: {expression: '^(?P<at>\S+) '}
      - timestamp: {source: at, format: RFC3339Nano}
`, old, app, traces, dated))
	appendLines(t, old, "before lighterman began", 0, 100)
	state := filepath.Join(t.TempDir(), "state")
	args := func(to *lokitest.Loki) []string {
		return root.Args("--loki-url", to.URL, "--config", config, "--state-dir", state)
	}
	start := func() *carrier.Carrier {
		c := carrier.Start(t, append(args(loki), "--since", "now")...)
		c.AwaitReady(t, time.Minute)
		return c
	}
	c := start()
	named := func(path string) string { return fmt.Sprintf("{filename=%q}", path) }
	appendLines(t, old, "line of old", 0, 300)
	appendLines(t, app, "line of app", 0, 1000)
	begin := time.Now().Add(-10 * time.Minute).UTC()
	for k := range 50 {
		appendLines(t, traces, fmt.Sprintf("Error of somebody@example.com\n  at line %d\nnoise", k), k, k+1)
		appendLines(t, dated, begin.Add(time.Duration(k*7919%50)*time.Second).Format(time.RFC3339Nano)+" at its own time", k, k+1)
	}
	loki.AwaitMost(t, named(old), 300, time.Minute)
	loki.AwaitMost(t, named(app), 1000, time.Minute)
	loki.AwaitMost(t, named(dated), 50, time.Minute)
	loki.AwaitMost(t, named(traces), 50, time.Minute)
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	check := func(what string, got map[string]*verification, want map[string]string) {
		t.Helper()
		for path, counts := range want {
			v := got[path]
			if v == nil {
				t.Fatalf("%s: nothing of %s in %v", what, path, got)
			}
			if v.counts() != counts || v.Problem != "" {
				t.Errorf("%s: %s: %s, want %s: %s %+v", what, path, v.counts(), counts, v.Problem, v.Examples)
			}
		}
	}
	off := []string{"--listen", "off"}
	got := verify(t, 0, append(args(loki), off...)...)
	all := "%d stored, %[1]d in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, 0 not sent"
	check("all", got, map[string]string{
		old: fmt.Sprintf(all, 300), app: fmt.Sprintf(all, 1000), dated: fmt.Sprintf(all, 50),
		traces: "150 stored, 50 in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, 0 not sent",
	})
	if v := got[traces]; v.Joined != 50 || v.Dropped["noise"] != 50 {
		t.Errorf("stages: %+v", v)
	}

	// While it runs and is killed, from a moment on.
	moment := time.Now()
	c = start()
	appendLines(t, app, "line of app", 1000, 1500)
	loki.AwaitMost(t, named(app), 1500, time.Minute)
	verify(t, 0, append(args(loki), "--listen", c.Addr)...)
	c.Kill9(t)
	appendLines(t, app, "line of app", 1500, 1600)
	got = verify(t, 0, append(args(loki), append(off, "--since", moment.Format(time.RFC3339Nano), app)...)...)
	if v := got[app]; len(got) != 1 || v.InLoki < 490 || v.InLoki > 510 || v.NotSent != 100 || v.Missing+v.Twice+v.Changed+v.NotStored != 0 {
		t.Errorf("from a moment on: %+v", v)
	}
	c = start()
	loki.AwaitMost(t, named(app), 1600, time.Minute)
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	check("after a kill", verify(t, 0, append(args(loki), off...)...), map[string]string{app: fmt.Sprintf(all, 1600), old: fmt.Sprintf(all, 300)})

	// What is taken out on purpose is missed, and no more.
	without(t, loki, other, `{filename=~".+"}`, func(e *lokitest.Entry) bool {
		switch e.Line {
		case "line of app 500":
			return false
		case "line of app 600":
			e.Line = "another text"
		case "line of app 700":
			again := *e
			again.Time++
			other.Push(t, again)
		case "line of old 200", "line of old 201":
			return false
		}
		return true
	})
	got = verify(t, 1, append(args(other), off...)...)
	// Of a file that was there before lighterman, as many lines as are missing may be older.
	check("taken out", got, map[string]string{
		app:   "1600 stored, 1598 in Loki, 1 missing, 1 twice, 1 changed, 0 not stored, 0 not sent",
		old:   "298 stored, 296 in Loki, 2 missing, 0 twice, 0 changed, 0 not stored, 0 not sent",
		dated: fmt.Sprintf(all, 50),
	})
	found := make(map[string]string)
	for _, e := range got[app].Examples {
		found[e.Kind] += e.Text
	}
	if found["missing"] != "line of app 500" || found["twice"] != "line of app 700" || found["changed"] != "line of app 600" {
		t.Errorf("examples: %v", found)
	}
	// Of nothing, all is missing that is known to have been sent.
	got = verify(t, 1, append(args(lokitest.New(t, nil)), off...)...)
	if v := got[app]; v.Missing != 1600 || v.InLoki != 0 {
		t.Errorf("of nothing: %s", v.counts())
	}
	if v := got[old]; v.Missing == 0 || v.Same {
		t.Errorf("of nothing: %s", v.counts())
	}

	// Rotated, as the service goes on.
	c = start()
	if err := os.Rename(app, app+".1"); err != nil {
		t.Fatal(err)
	}
	appendLines(t, app, "line of the next app", 0, 200)
	loki.AwaitMost(t, named(app), 1800, time.Minute)
	wait.For(t, time.Minute, "the newer file to be compared", func() bool {
		got := verify(t, 0, append(args(loki), "--listen", c.Addr)...)
		return got[app] != nil && got[app].InLoki == 200
	})
	check("rotated", verify(t, 0, append(args(loki), "--listen", c.Addr, app)...), map[string]string{
		app: fmt.Sprintf(all, 200), app + " (now " + app + ".1)": fmt.Sprintf(all, 1600),
	})

	// Truncated, which the service has seen, and once more, which it has not.
	if err := os.Truncate(app, 0); err != nil {
		t.Fatal(err)
	}
	appendLines(t, app, "line after a truncation", 0, 100)
	loki.AwaitMost(t, named(app), 1900, time.Minute)
	c.Terminate(t)
	check("truncated", verify(t, 0, append(args(loki), append(off, app)...)...), map[string]string{app: fmt.Sprintf(all, 100)})
	if err := os.Truncate(app, 0); err != nil {
		t.Fatal(err)
	}
	appendLines(t, app, "written anew", 0, 1)
	if v := verify(t, 2, append(args(loki), append(off, app)...)...)[app]; !strings.Contains(v.Problem, "it does not have what was read of it") {
		t.Errorf("written anew: %+v", v)
	}
}

// TestVerifyJournal: the sections of the host's journal are compared entry by entry.
func TestVerifyJournal(t *testing.T) {
	t.Parallel()
	d, loki, other := journald.Start(t), lokitest.New(t, nil), lokitest.New(t, nil)
	config := journalConfig(t, d, `journal:
  - matches: {_TRANSPORT: journal, SYSLOG_IDENTIFIER: shop}
    name: shop
    relabel_configs:
      - {source_labels: [__journal_syslog_identifier], target_label: program}
  - matches: {_TRANSPORT: journal, SYSLOG_IDENTIFIER: bank}
    name: bank
    labels: {job: bank}
    stages:
      - drop: {expression: '7$', drop_counter_reason: sevens}
`)
	state, docker := filepath.Join(t.TempDir(), "state"), t.TempDir()
	if err := os.Mkdir(filepath.Join(docker, "containers"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := func(to *lokitest.Loki) []string {
		return []string{"--config", config, "--docker-host", "none", "--docker-root", docker, "--loki-url", to.URL, "--state-dir", state, "--host-label", "h", "--since", "beginning"}
	}
	o := d.Other(t)
	const n = 400
	send := func(from, to int) {
		for k := from; k < to; k++ {
			for _, program := range []string{"shop", "bank"} {
				o.Send(journald.Field{Name: "MESSAGE", Value: fmt.Sprintf("%s %d", program, k)}, journald.Field{Name: "PRIORITY", Value: fmt.Sprint(k % 8)},
					journald.Field{Name: "SYSLOG_IDENTIFIER", Value: program})
			}
		}
	}
	send(0, n/2)
	c := carrier.Start(t, args(loki)...)
	loki.Await(t, `{program="shop"}`, n/4, time.Minute)
	c.Kill9(t)
	send(n/2, n)
	c = carrier.Start(t, args(loki)...)
	loki.AwaitMost(t, `{program="shop"}`, n, time.Minute)
	loki.AwaitMost(t, `{job="bank"}`, n-n/10, time.Minute)
	c.Terminate(t)
	send(n, n+10)
	look := func(code int, to *lokitest.Loki, more ...string) map[string]*verification {
		return verify(t, code, append(append(args(to), "--listen", "off"), more...)...)
	}
	got := look(0, loki)
	const same = "%d stored, %d in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, %d not sent"
	if v := got["journal:shop"]; v == nil || v.counts() != fmt.Sprintf(same, n+10, n, 10) {
		t.Errorf("%+v in %v", v, got)
	}
	if v := got["journal:bank"]; v == nil || v.counts() != fmt.Sprintf(same, n+10, n-n/10, 9) || v.Dropped["sevens"] != n/10+1 {
		t.Errorf("%+v in %v", v, got)
	}
	without(t, loki, other, `{host="h"}`, func(e *lokitest.Entry) bool {
		if e.Line == "shop 30" {
			e.Line = "shop 30 and more"
		}
		return e.Line != "shop 20" && e.Line != "bank 50"
	})
	got = look(1, other, "journal:shop")
	if v := got["journal:shop"]; len(got) != 1 || v.Missing != 1 || v.Changed != 1 || v.InLoki != n-2 || v.NotStored+v.Twice != 0 {
		t.Errorf("taken out: %+v", v)
	}
	if v := look(1, other)["journal:bank"]; v.Missing != 1 || v.Examples[0].Text != "bank 50" && v.Examples[len(v.Examples)-1].Text != "bank 50" {
		t.Errorf("taken out: %+v", v)
	}
}

// TestVerifyOutputs: each output is compared with its own positions, and its own metrics.
func TestVerifyOutputs(t *testing.T) {
	t.Parallel()
	root, first, second := dataroot.New(t), lokitest.New(t, nil), lokitest.New(t, nil)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	var text strings.Builder
	const n = 300
	for k := range n {
		fmt.Fprintf(&text, `{"log":"line %d\n","stream":"stdout","time":%q}`+"\n", k, time.Now().Add(time.Duration(k-n)*time.Second).UTC().Format(time.RFC3339Nano))
	}
	replaceFile(t, web.Log, text.String())
	dir := t.TempDir()
	file, config := filepath.Join(dir, "host.log"), filepath.Join(dir, "lm.yaml")
	replaceFile(t, config, fmt.Sprintf("outputs: [{name: archive, loki-url: %q, tenant-id: other}]\nfiles: [{paths: [%s]}]\n", second.URL, file))
	state := filepath.Join(t.TempDir(), "state")
	args := root.Args("--loki-url", first.URL, "--config", config, "--state-dir", state, "--since", "beginning")
	c := carrier.Start(t, args...)
	c.AwaitReady(t, time.Minute)
	appendLines(t, file, "host", 0, n)
	for _, loki := range []*lokitest.Loki{first, second} {
		loki.AwaitMost(t, `{container="web"}`, n, time.Minute)
		loki.AwaitMost(t, `{filename=~".+"}`, n, time.Minute)
	}
	second.Stop(t)
	appendLines(t, file, "host", n, n+50)
	first.AwaitMost(t, `{filename=~".+"}`, n+50, time.Minute)
	c.Kill9(t)
	second.Start(t)
	_, stderr, _ := carrier.Run(t, append(append([]string{"verify"}, args...), "--output", "archiv", "--listen", "off")...)
	if !strings.Contains(stderr, `there is no output "archiv"; did you mean "archive"?`) {
		t.Errorf("%s", stderr)
	}
	stdout, stderr, code := carrier.Run(t, append(append([]string{"verify"}, args...), "--listen", "off", "--queries", "1000")...)
	before, after, both := strings.Cut(stdout, "\noutput archive\n")
	if code != 0 || !both || !strings.Contains(before, file) || !strings.Contains(after, file) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	only := func(output string, code int) map[string]*verification {
		return verify(t, code, append(args, "--listen", "off", "--output", output)...)
	}
	if v := only("archive", 0)[file]; v.InLoki != n || v.NotSent != 50 {
		t.Errorf("archive: %+v", v)
	}
	if v := only("loki-url", 0)[file]; v.InLoki != n+50 || v.NotSent != 0 {
		t.Errorf("loki-url: %+v", v)
	}
	// A line that one of them has too much is a difference of that one, also in its metrics.
	for _, e := range second.All(t, `{container="web"}`)[:1] {
		e.Time, e.Line = e.Time+1234567, "not from here"
		delete(e.Labels, "service_name")
		second.Push(t, e)
	}
	if v := only("archive", 1)["web"]; v.NotStored != 1 {
		t.Errorf("archive: %+v", v)
	}
	only("loki-url", 0)
	c = carrier.Start(t, append(args, "--verify-every", "1s")...)
	c.AwaitReady(t, time.Minute)
	var m carrier.Metrics
	const archive = `output="archive"`
	if !wait.Until(time.Minute, func() bool {
		m = c.Metrics(t)
		return m.Sum("lighterman_verify_last_timestamp_seconds", archive) > 0
	}) {
		t.Fatal("nothing was verified of the second output")
	}
	if n := m.Sum("lighterman_verify_not_stored_lines", archive); n != 1 || m.Sum("lighterman_verify_ok", archive) != 0 {
		t.Errorf("archive: %v not stored, ok %v", n, m.Sum("lighterman_verify_ok", archive))
	}
	if all := m.Sum("lighterman_verify_not_stored_lines"); all != 1 {
		t.Errorf("%v not stored of both", all)
	}
	c.Terminate(t)
}

// TestVerifyNothing: where no log has a line to be asked for, Loki has to answer all the same.
func TestVerifyNothing(t *testing.T) {
	t.Parallel()
	loki := lokitest.Shared(t)
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"verify", "--docker-host", "none", "--docker-root", root, "--listen", "off", "--state-dir", t.TempDir()}, "--loki-url")
	if stdout, stderr, code := carrier.Run(t, append(args, loki.URL)...); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	stdout, stderr, code := carrier.Run(t, append(args, "http://127.0.0.1:1")...)
	if code != 2 || !strings.Contains(stderr, "cannot verify: cannot ask Loki") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
