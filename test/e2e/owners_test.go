package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

const allHonoured = `container-labels: [enable, parser, multiline, label, metadata, drop, keep, min_level, redact, sample, limit, tenant]
stages:
  - match: {selector: '{container=~".*owners.*"}', stages: [{multiline: {firstline: '^'}}]}
  - drop: {expression: of the operator}
`

// asks is a container whose owner asks for something, and the entries that come of it.
type asks struct {
	name   string
	labels map[string]string
	args   []string
	want   []string
	// check looks at an entry.
	check func(e lokitest.Entry) bool
}

func ownersOf() []asks {
	const log = "GET /health\nGET /shop\nof the operator\nERROR: mail ann@example.org\nDEBUG: detail"
	set := func(pairs ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			m["lighterman."+pairs[i]] = pairs[i+1]
		}
		return m
	}
	hostile := set("drop", `(\pL{30}){30}`, "multiline", strings.Repeat("x", 60_000), "keep", "(", "parser", "\x1b[2J", "limit", "-1", "sample", "NaN",
		"tenant", "../x", "min_level", "wran", "redact", "cards;mails", "label.container", "forged", "metadata.container_id", "forged",
		"label.service_name", "forged", "label.1x", "x", "metadata.__x", "x", "paser", "java", "enable", "nope", "\x1b]0;x\a", "x")
	for i := range 300 {
		hostile[fmt.Sprint("lighterman.zz", i)] = strings.Repeat("y", 300)
	}
	var traces []string
	for k := range 3 {
		alone, together := lines.Traced("java", k)
		traces = append(traces, alone, strings.Join(together, "\n"))
	}
	whole := []string{"GET /health", "GET /shop", "ERROR: mail ann@example.org", "DEBUG: detail"}
	return []asks{
		{"parser", set("parser", "java", "label.team", "blue", "metadata.commit", "1a2b"), []string{"-n", "3", "-traces", "java"}, traces,
			func(e lokitest.Entry) bool { return e.Labels["team"] == "blue" && e.Metadata["commit"] == "1a2b" }},
		{"multiline", set("multiline", "^(GET|of)"), []string{"-say", log}, []string{"GET /health", "GET /shop"}, nil}, // the rest is one entry with what the operator drops
		{"drop", set("drop", "/health$"), []string{"-say", log}, whole[1:], nil},
		{"keep", set("keep", "^[A-Z]+:", "paser", "java"), []string{"-say", log}, whole[2:], nil},
		{"level", set("min_level", "info"), []string{"-say", log}, whole[:3], nil},
		{"redact", set("redact", "mails"), []string{"-say", log}, []string{whole[0], whole[1], "ERROR: mail <redacted:mail>", whole[3]}, nil},
		{"sample", set("sample", "0"), []string{"-say", log}, nil, nil},
		{"limit", set("limit", "2/h"), []string{"-say", log}, whole[:2], nil},
		{"off", set("enable", "false"), []string{"-say", log}, nil, nil},
		{"plain", nil, []string{"-say", log}, whole, nil},
		{"hostile", hostile, []string{"-say", log}, whole, func(e lokitest.Entry) bool {
			return e.Labels["container"] != "forged" && e.Labels["service_name"] != "forged" && e.Metadata["container_id"] != "forged"
		}},
	}
}

// TestOwners: containers are read as their labels ask for from their first line on, by file and
// by the API, while lighterman runs and after it was killed, each entry once. What cannot be
// done is named once, and harms nobody.
func TestOwners(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(allHonoured), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(host string) *carrier.Carrier {
		mode := map[string]string{"files": "hybrid", "api": "stream"}[host]
		return carrier.Start(t, ledger.Only(t, "owners", loki.URL, "--mode", mode, "--host-label", host, "--state-dir", filepath.Join(dir, host), "--config", file)...)
	}
	running := map[string]*carrier.Carrier{"files": run("files"), "api": run("api")}
	for _, l := range running {
		l.AwaitReady(t, time.Minute)
	}
	all := ownersOf()
	containers := make(map[string]*engine.Container)
	for _, c := range all {
		containers[c.name] = docker.Start(t, engine.Spec{Name: "owners-" + c.name, Labels: c.labels, Args: c.args})
	}
	check := func() {
		t.Helper()
		for host := range running {
			for _, c := range all {
				selector := fmt.Sprintf(`{container=%q, host=%q}`, containers[c.name].Name, host)
				var got []string
				for _, e := range loki.AwaitMost(t, selector, len(c.want), time.Minute) {
					got = append(got, e.Line)
					if c.check != nil && !c.check(e) {
						t.Errorf("%s by %s: %v %v", c.name, host, e.Labels, e.Metadata)
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s by %s: got %q, want %q", c.name, host, got, c.want)
				}
			}
		}
	}
	check()
	for host, l := range running {
		for _, c := range []string{"keep", "hostile"} {
			why := list(t, "--listen", l.Addr, "--include-name", containers[c].Name).Containers[0].Remarks
			if text := strings.Join(why, "; "); !strings.Contains(text, "lighterman.paser: there is no such label; did you mean lighterman.parser?") && c == "keep" ||
				len(why) == 0 || strings.ContainsAny(text, "\x1b\a") {
				t.Errorf("ls says of %s by %s: %q", c, host, why)
			}
			if n := strings.Count(l.Stderr(), "why=\"lighterman.paser: there is no such label; did you mean lighterman.parser?\""); n != 1 && c == "keep" {
				t.Errorf("the log of %s names it %d times", host, n)
			}
		}
		if _, page, err := l.Get("/"); err != nil || !strings.Contains(page, "did you mean lighterman.parser?") {
			t.Errorf("%v: the page does not name it: %s", err, page)
		}
		l.Kill9(t)
		running[host] = run(host)
	}
	for _, l := range running {
		l.AwaitReady(t, time.Minute)
		ledger.Clean(t, l)
	}
	check()
}

// TestOwnersNotHonoured: without the operator's leave nobody hides lines or has them sent
// elsewhere, which is said; with it, the tenant is the owner's.
func TestOwnersNotHonoured(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	c := docker.Start(t, engine.Spec{Name: "leave", Args: []string{"-say", "one\ntwo"}, Labels: map[string]string{
		"lighterman.enable": "false", "lighterman.drop": "one", "lighterman.tenant": "elsewhere", "lighterman.sample": "0",
	}})
	file := filepath.Join(t.TempDir(), "lm.yaml")
	for _, honoured := range []string{"[parser]", "[tenant]"} {
		if err := os.WriteFile(file, []byte("container-labels: "+honoured+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tenants := make(chan string, 100)
		loki := fakeloki.Start(t, func(r *http.Request, entries []fakeloki.Entry) (int, string) {
			if len(entries) > 0 {
				tenants <- r.Header.Get("X-Scope-OrgID")
			}
			return http.StatusNoContent, ""
		})
		l := carrier.Start(t, ledger.Only(t, "leave", loki.URL, "--config", file, "--tenant-id", "ours")...)
		wait.For(t, time.Minute, "both lines", func() bool { return loki.Count() == 2 })
		want := map[string]string{"[parser]": "ours", "[tenant]": "elsewhere"}[honoured]
		if got := <-tenants; got != want {
			t.Errorf("%s: pushed as %q", honoured, got)
		}
		why := list(t, "--listen", l.Addr, "--include-name", c.Name).Containers[0].Remarks
		if len(why) != 5-strings.Count(honoured, "tenant")-1 || !slices.Contains(why, "lighterman.enable is not honoured: container-labels does not have enable") {
			t.Errorf("%s: %q", honoured, why)
		}
		l.Terminate(t)
	}
}
