package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// journalConfig writes a configuration without an engine, and with a journal of its own.
func journalConfig(t *testing.T, d *journald.Journald, sections string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "lighterman.yaml")
	text := fmt.Sprintf("docker-host: unix://%s/none.sock\njournal-sender: [any]\njournal-dir: [%s]\n%s", dir, strings.Join(d.Dirs(), ", "), sections)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHostJournalKilled: 1,000 entries of several programs and priorities are in Loki once,
// with the labels of each, although lighterman is killed ten times and journald rotates, moves
// from /run to /var and is killed itself.
func TestHostJournalKilled(t *testing.T) {
	t.Parallel()
	d, loki := journald.Start(t), lokitest.Shared(t)
	job := fmt.Sprintf("journal%d", time.Now().UnixNano())
	config := journalConfig(t, d, fmt.Sprintf(`journal:
  - matches: {_TRANSPORT: journal}
    labels: {job: %s}
    relabel_configs:
      - {source_labels: [__journal_syslog_identifier], target_label: program}
      - {source_labels: [__journal_syslog_identifier], regex: noise, action: drop}
`, job))
	args := []string{"--config", config, "--loki-url", loki.URL, "--state-dir", t.TempDir(), "--host-label", "h"}
	o := d.Other(t)
	levels := []string{"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}
	const n = 1000
	want := make(map[string]string)
	send := func(k int) {
		program, priority := fmt.Sprint("program-", k%7), k%8
		text := fmt.Sprintf("entry %d", k)
		switch k % 50 {
		case 1:
			text = "the same" // and journald's clock keeps them apart, or we do
		case 2:
			text += "\n\tof two lines"
		case 3:
			text += strings.Repeat(" long", 5000)
		}
		want[fmt.Sprintf("%s %s %d", program, levels[priority], k)] = text
		o.Send(journald.Field{Name: "MESSAGE", Value: text}, journald.Field{Name: "PRIORITY", Value: fmt.Sprint(priority)},
			journald.Field{Name: "SYSLOG_IDENTIFIER", Value: program})
		o.Send(journald.Field{Name: "MESSAGE", Value: "noise"}, journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "noise"})
	}
	selector := fmt.Sprintf("{job=%q}", job)
	c := carrier.Start(t, args...)
	for k := range n {
		send(k)
		if k%100 == 50 {
			loki.Await(t, selector, k/2, 2*time.Minute)
			c.Kill9(t)
			c = carrier.Start(t, args...)
		}
		switch k {
		case 220, 620:
			d.Rotate(t)
		case 420:
			d.Flush(t)
		}
	}
	got := loki.Await(t, selector, n, 2*time.Minute)
	texts := make(map[string]int)
	for _, text := range want {
		texts[text]++
	}
	for _, e := range got {
		texts[e.Line]--
		if e.Labels["host"] != "h" || e.Labels["level"] == "" || e.Labels["program"] == "" {
			t.Errorf("%.80q with the labels %v", e.Line, e.Labels)
		}
	}
	for text, left := range texts {
		if left != 0 {
			t.Errorf("%.80q: %d times missing", text, left)
		}
	}
	for key, text := range want {
		var program, level string
		var k int
		if _, err := fmt.Sscan(key, &program, &level, &k); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, e := range got {
			found = found || e.Line == text && e.Labels["program"] == program && e.Labels["level"] == level
		}
		if !found {
			t.Errorf("%.80q is not there with program %s and level %s", text, program, level)
		}
	}
	m := c.Metrics(t)
	if m.Sum("lighterman_lines_total", `route="host-journal"`) == 0 {
		t.Error("no line of the journal is counted")
	}
	out, _, _ := carrier.Run(t, "ls", "--listen", c.Addr)
	if !strings.Contains(out, "host-journal") || !strings.Contains(out, "journal[0] has it read") {
		t.Errorf("ls says\n%s", out)
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestHostJournalStages: stages see the labels of each entry, matches hold, what is older than
// max-age is left out, and containers' messages are read once.
func TestHostJournalStages(t *testing.T) {
	t.Parallel()
	d, loki := journald.Start(t), lokitest.Shared(t)
	job := fmt.Sprintf("journal%d", time.Now().UnixNano())
	o := d.Other(t)
	send := func(program, priority, text string) {
		o.Send(journald.Field{Name: "MESSAGE", Value: text}, journald.Field{Name: "PRIORITY", Value: priority}, journald.Field{Name: "SYSLOG_IDENTIFIER", Value: program})
	}
	other := lokiproxy.New(t, loki.URL)
	config := journalConfig(t, d, fmt.Sprintf(`outputs: [{name: second, loki-url: "`+other.URL+`"}]
stages:
  - static_labels: {wrong: here}
journal:
  - name: web
    matches: {identifier: [web, api], priority: warning}
    labels: {job: %[1]s}
    relabel_configs:
      - {source_labels: [__journal_syslog_identifier], target_label: unit}
      - {source_labels: [__journal_priority_keyword], target_label: keyword}
    stages:
      - match:
          selector: '{unit="api"}'
          stages:
            - regex: {expression: 'code=(?P<code>\d+)'}
            - labels: {code: }
      - match:
          selector: '{level="crit"}'
          action: drop
  - name: all
    matches: {boot: current, _TRANSPORT: journal}
    labels: {job: %[1]s-all}
`, job))
	send("web", "6", "too little")
	send("web", "4", "of web code=1")
	send("api", "3", "of api code=7")
	send("api", "2", "dropped")
	send("other", "3", "of another")
	d.Container(t, strings.Repeat("ab", 32)).Line("stdout", "of a container")
	c := carrier.Start(t, "--config", config, "--loki-url", loki.URL)
	got := loki.Await(t, fmt.Sprintf("{job=%q}", job), 2, time.Minute)
	all := loki.Await(t, fmt.Sprintf("{job=%q}", job+"-all"), 5, time.Minute)
	if len(got) != 2 || len(all) != 5 {
		t.Errorf("%d and %d entries: %v, %v", len(got), len(all), got, all)
	}
	for _, e := range got {
		want := map[string]string{"of web code=1": "web warning  warning", "of api code=7": "api error 7 error"}[e.Line]
		if have := fmt.Sprint(e.Labels["unit"], " ", e.Labels["level"], " ", e.Labels["code"], " ", e.Labels["keyword"]); have != want || e.Labels["wrong"] != "" {
			t.Errorf("%q with %v, want %s", e.Line, e.Labels, want)
		}
	}
	for _, e := range all {
		if e.Labels["wrong"] != "here" {
			t.Errorf("%q did not go through the stages of all: %v", e.Line, e.Labels)
		}
	}
	wait.For(t, time.Minute, "the drop to be counted", func() bool { return c.Metrics(t).Sum("lighterman_dropped_lines_total") >= 1 })
	wait.For(t, time.Minute, "the further output to be sent to", func() bool { return other.Count(http.StatusNoContent) > 0 })
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, append(text, "external-label: {dc: north}\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Signal(t, syscall.SIGHUP)
	wait.For(t, time.Minute, "labels of the configuration that was reloaded", func() bool {
		send("web", "4", "after the reload")
		return loki.Count(t, fmt.Sprintf("{job=%q, dc=\"north\"}", job)) > 0
	})
}

// TestHostJournalTakenOver: lighterman goes on behind the entry at which Promtail and Alloy
// have stopped, with what convert makes of their files.
func TestHostJournalTakenOver(t *testing.T) {
	t.Parallel()
	need.Program(t, "journalctl")
	d, loki := journald.Start(t), lokitest.Shared(t)
	o := d.Other(t)
	send := func(from, to int) {
		for k := from; k < to; k++ {
			o.Send(journald.Field{Name: "MESSAGE", Value: fmt.Sprint("entry ", k)}, journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "t"}, journald.Field{Name: "PRIORITY", Value: "4"})
		}
	}
	send(0, 20)
	cursor := ""
	wait.For(t, time.Minute, "the cursor", func() bool {
		out, err := exec.Command("journalctl", "-D", filepath.Join(d.Run(), journald.MachineID), "-t", "t", "-n", "1", "--show-cursor", "-q").Output()
		_, after, found := strings.Cut(string(out), "-- cursor: ")
		cursor = strings.TrimSpace(after)
		return err == nil && found && strings.Contains(string(out), "entry 19")
	})
	send(20, 40)
	dir := t.TempDir()
	job := fmt.Sprintf("taken%d", time.Now().UnixNano())
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := write("promtail.yml", fmt.Sprintf(`clients: [{url: "%s/loki/api/v1/push"}]
scrape_configs:
  - job_name: My Journal
    journal:
      path: %s
      matches: SYSLOG_IDENTIFIER=t
      labels: {job: %s}
    relabel_configs:
      - {source_labels: [__journal_priority_keyword], target_label: severity}
`, loki.URL, d.Run(), job))
	positions := write("positions.yaml", "positions:\n  cursor-My Journal: "+cursor+"\n")
	config, state := filepath.Join(dir, "lighterman.yaml"), filepath.Join(dir, "state")
	if _, said, code := carrier.Run(t, "convert", "promtail", "-o", config, old); code != 0 {
		t.Fatal(said)
	}
	if out, said, code := carrier.Run(t, "convert", "--positions", positions, "--state-dir", state); code != 0 || !strings.Contains(out, "took over 1 ") {
		t.Fatal(out, said)
	}
	c := carrier.Start(t, "--config", config, "--state-dir", state, "--docker-host", "unix://"+dir+"/none.sock")
	got := loki.Await(t, fmt.Sprintf("{job=%q}", job), 20, time.Minute)
	send(40, 50)
	got = loki.Await(t, fmt.Sprintf("{job=%q}", job), len(got)+10, time.Minute)
	if len(got) != 30 || got[0].Line != "entry 20" || got[0].Labels["severity"] != "warning" || got[0].Labels["level"] != "" {
		t.Errorf("%d entries, the first %+v", len(got), got[0])
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
