package e2e

import (
	"encoding/json"
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

// whyLine is what why --json says of a line.
type whyLine struct {
	Fate, Text, Rule, Behind string
	Joined                   string `json:"joined_to"`
	Cut                      bool
	SentAs                   string                   `json:"sent_as"`
	Labels                   map[string]string        `json:"labels"`
	Refusal                  *struct{ Reason string } `json:"last_refusal"`
}

// why runs the command, and returns the lines of all containers.
func why(t *testing.T, code int, args ...string) (out []whyLine) {
	t.Helper()
	stdout, stderr, got := carrier.Run(t, append([]string{"why", "--json", "--queries", "1000"}, args...)...)
	if got != code {
		t.Errorf("exit code %d, want %d\n%s%s", got, code, stderr, stdout)
	}
	var all struct {
		Containers []struct {
			Lines   []whyLine
			Problem string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Fatalf("%v\n%s%s", err, stderr, stdout)
	}
	for _, c := range all.Containers {
		if c.Problem != "" {
			t.Error(c.Problem)
		}
		out = append(out, c.Lines...)
	}
	return out
}

// TestWhy: each fate of a line is told, with what it depends on.
func TestWhy(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(`max-line-bytes: 2KiB
stages:
  - multiline: {firstline: '^\S', max_wait_time: 1s}
  - drop: {expression: 'health', drop_counter_reason: noise}
  - redact: {presets: [mails]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	say := func(text string) *engine.Container {
		c := docker.Start(t, engine.Spec{Name: "why-" + strings.Trim(strings.Map(letter, text[:min(len(text), 12)]), "-"), Driver: "json-file", Args: []string{"-say", text}})
		c.Wait(t)
		return c
	}
	sent := say("sentinel order was paid")
	dropped := say("sentinel of health checks")
	redacted := say("sentinel to somebody@example.com")
	joined := say("first of several\n   sentinel within")
	cut := say("sentinel longer " + strings.Repeat("x", 4000))
	state := t.TempDir()
	args := func(more ...string) []string {
		return ledger.Only(t, "why", loki.URL, append(more, "--state-dir", state, "--config", file)...)
	}
	c := carrier.Start(t, args()...)
	for _, of := range []*engine.Container{sent, redacted, joined, cut} {
		loki.AwaitMost(t, ledger.Selector(of), 1, time.Minute)
	}
	ask := func(code int, more ...string) []whyLine {
		return why(t, code, append(args("--listen", c.Addr), more...)...)
	}
	one := func(name string) whyLine {
		t.Helper()
		lines := ask(0, "sentinel", name)
		if len(lines) != 1 {
			t.Fatalf("%s: %+v", name, lines)
		}
		return lines[0]
	}
	if l := one(sent.Name); l.Fate != "sent" || l.Labels["container"] != sent.Name || l.Labels["stream"] != "stdout" || l.SentAs != "" {
		t.Errorf("sent: %+v", l)
	}
	if l := one(dropped.Name); l.Fate != "dropped" || l.Rule != "noise" {
		t.Errorf("dropped: %+v", l)
	}
	if l := one(redacted.Name); l.Fate != "sent" || !strings.Contains(l.SentAs, "<redacted:") || strings.Contains(l.SentAs, "somebody") {
		t.Errorf("redacted: %+v", l)
	}
	if l := one(joined.Name); l.Fate != "sent" || l.Joined != "first of several" || l.Text != "   sentinel within" {
		t.Errorf("joined: %+v", l)
	}
	if l := one(cut.Name); l.Fate != "sent" || !l.Cut {
		t.Errorf("cut: %+v", l)
	}
	if all := ask(0, "sentinel"); len(all) != 5 {
		t.Errorf("%d lines of all", len(all))
	}
	if none := ask(1, "nobody has written this"); len(none) != 0 {
		t.Errorf("%+v", none)
	}
	c.Kill9(t)

	// What is written while nothing runs is not sent yet; what is moved on and gone is missing.
	late := say("later sentinel")
	lines := why(t, 0, append(args("--listen", "off"), "later sentinel", late.Name)...)
	if len(lines) != 1 || lines[0].Fate != "not_sent" || !strings.Contains(lines[0].Behind, "nothing was acknowledged") {
		t.Errorf("not sent: %+v", lines)
	}
	other := lokitest.New(t, nil)
	c = carrier.Start(t, ledger.Only(t, "why", other.URL, "--state-dir", state, "--config", file)...)
	other.AwaitMost(t, ledger.Selector(late), 1, time.Minute)
	c.Terminate(t)
	if lines = why(t, 0, append(args("--listen", "off"), "later sentinel", late.Name)...); len(lines) != 1 || lines[0].Fate != "missing" {
		t.Errorf("missing: %+v", lines)
	}
	stdout, _, code := carrier.Run(t, append([]string{"why", "sentinel", sent.Name}, args("--listen", "off")...)...)
	if code != 0 || !strings.Contains(stdout, "sentinel order was paid\n      in Loki under {container=\"") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

// letter makes a name of a text.
func letter(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// TestWhyRefused: a line that Loki has refused is missing, and both commands say why.
func TestWhyRefused(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.New(t, map[string]string{"max_line_size": "1kb"})
	c := docker.Start(t, engine.Spec{Name: "refused", Driver: "json-file", Args: []string{"-say", "sentinel " + strings.Repeat("y", 3000)}})
	c.Wait(t)
	args := ledger.Only(t, "refused", loki.URL, "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	l.AwaitReady(t, time.Minute)
	wait.For(t, time.Minute, "a refusal", func() bool { return l.Metrics(t).Sum("lighterman_rejected_lines_total") == 1 })
	args = append(args, "--listen", l.Addr)
	var lines []whyLine
	wait.For(t, time.Minute, "the position", func() bool {
		lines = why(t, 0, append(args, "sentinel")...)
		return len(lines) != 1 || lines[0].Fate != "not_sent"
	})
	if len(lines) != 1 || lines[0].Fate != "refused" || lines[0].Refusal == nil || lines[0].Refusal.Reason == "" {
		t.Errorf("%+v", lines)
	}
	if v := verify(t, 1, args...)[c.Name]; v.Missing != 1 || v.Refused == nil || *v.Refused != 1 {
		t.Errorf("%s, refused %v", v.counts(), v.Refused)
	}
}
