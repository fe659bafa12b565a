package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/tap"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/chromium"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPages: the pages of a lighterman that runs, in a real browser: lines of a container show
// while Loki takes them, as they are there; what becomes of all of them, the files, the outputs,
// the configuration, the messages and the last hour are as they are. To everybody on the host
// lines, labels, configuration and messages are not shown.
func TestPages(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	c := docker.Start(t, engine.Spec{Name: "pages", Driver: "json-file", Args: []string{"-n", "100000", "-tag", "pages", "-rate", "20", "-pattern", "escapes"}})
	file := filepath.Join(t.TempDir(), "lighterman.yaml")
	config := "log-level: debug\nstages:\n  - drop:\n      drop_counter_reason: sevenths\n      expression: \"^pages [0-9]*[07] \"\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--loki-url", loki.URL, "--docker-host", docker.Host, "--include-name", c.Name}
	l := carrier.Start(t, append(args, "--config", file, "--listen-private", "always")...)
	l.AwaitReady(t, 2*time.Minute)
	ask := func(of *carrier.Carrier, path string, to any) {
		t.Helper()
		code, body, err := of.Get(path)
		if err != nil || code != 200 {
			t.Fatalf("%s: %d, %v: %s", path, code, err, body)
		}
		if err := json.Unmarshal([]byte(body), to); err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
	var one struct {
		status.Detail
		Lines *tap.Seen `json:"lines"`
	}
	path := "/containers/" + c.ID
	wait.For(t, time.Minute, "lines on the page", func() bool {
		if code, body, err := l.Get(path + ".json"); err != nil || code != 200 || json.Unmarshal([]byte(body), &one) != nil {
			return false
		}
		return one.Lines != nil && len(one.Lines.Lines) > 20
	})
	if a := one.Container.Account; a == nil || a.Read != a.Sent+a.Joined+a.DroppedLines()+a.Rejected+a.Pending || a.Dropped["sevenths"] == 0 {
		t.Errorf("account %+v", a)
	}
	if len(one.Files) != 1 || one.Files[0].Deleted || one.Files[0].Read == 0 || one.Files[0].Inode != one.Container.Position.Inode || !one.Running || one.Container.Route != "file" {
		t.Errorf("got %+v", one.Detail)
	}
	if len(one.Labels) != 2 || !slices.Contains(one.Labels[0].Labels, status.Attribute{Name: "container", Value: c.Name}) {
		t.Errorf("labels %+v", one.Labels)
	}
	there := make(map[int64]string)
	for _, e := range loki.All(t, `{container="`+c.Name+`"}`) {
		there[e.Time] = e.Line
	}
	for _, line := range one.Lines.Lines {
		if there[line.Time.UnixNano()] != line.Text {
			t.Errorf("%+v is shown, and Loki has %q", line, there[line.Time.UnixNano()])
		}
	}

	var outputs struct{ Outputs []status.OutputState }
	ask(l, "/outputs.json", &outputs)
	if o := outputs.Outputs; len(o) != 1 || !o[0].Ready || o[0].LastAnswer == nil || o[0].LastAnswer.Outcome != "accepted" || o[0].MemoryBytes == 0 {
		t.Errorf("outputs %+v", o)
	}
	var inForce status.Configuration
	ask(l, "/configuration.json", &inForce)
	if !strings.Contains(inForce.Text, "listen-private: always  # flag --listen-private") || !strings.Contains(inForce.Text, "drop_counter_reason: sevenths  # "+file+":4") || inForce.File != file {
		t.Errorf("configuration:\n%s", inForce.Text)
	}
	var said struct{ Messages []status.Message }
	ask(l, "/messages.json", &said)
	if !slices.ContainsFunc(said.Messages, func(m status.Message) bool { return m.Text == "starting" }) {
		t.Errorf("messages %+v", said.Messages)
	}
	var overview struct {
		History struct {
			Lines []*float64 `json:"lines_per_second"`
			P50   []*float64 `json:"delivery_p50_seconds"`
			FDs   []*float64 `json:"open_fds"`
		}
	}
	wait.For(t, time.Minute, "a rate on the overview", func() bool {
		ask(l, "/overview.json", &overview)
		last := len(overview.History.Lines) - 1
		return last > 0 && overview.History.Lines[last] != nil && *overview.History.Lines[last] > 1 && overview.History.P50[last] != nil && *overview.History.FDs[last] > 5
	})

	page := chromium.Open(t, "http://"+l.Addr+path, 1280, 800)
	for _, other := range []string{"/", "/containers", "/outputs", "/configuration", "/messages", path} {
		page.Go("http://" + l.Addr + other)
	}
	var before, now string
	newest := `document.querySelector('.lines li').textContent`
	page.Eval(newest, &before)
	wait.For(t, time.Minute, "newer lines", func() bool { page.Eval(newest, &now); return now != before })
	for _, c := range page.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}

	// A configuration with a mistake is named, and the one before stays.
	if err := os.WriteFile(file, []byte(strings.Replace(config, "drop:", "drp:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Signal(t, 1)
	wait.For(t, time.Minute, "the mistake on the page", func() bool {
		ask(l, "/configuration.json", &inForce)
		return len(inForce.Problems) > 0
	})
	if !strings.Contains(inForce.Problems[0], "drp") || !strings.Contains(inForce.Text, "drop:") {
		t.Errorf("got %+v", inForce)
	}

	everybody := carrier.Start(t, args...)
	everybody.AwaitReady(t, 2*time.Minute)
	for path, want := range map[string]int{"/configuration.json": 403, "/messages.json": 403, path + ".json": 200, "/": 200} {
		code, body, err := everybody.Get(path)
		if err != nil || code != want || strings.Contains(body, "loki-url:") || strings.Contains(body, `"value": "`+c.Name) || strings.Contains(body, `"total"`) {
			t.Errorf("%s: %d, %v: %s", path, code, err, body)
		}
	}
}
