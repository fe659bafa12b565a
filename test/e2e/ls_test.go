package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
)

// list is what `lighterman ls --json` says.
func list(t testing.TB, args ...string) (out status.List) {
	t.Helper()
	stdout, stderr, code := carrier.Run(t, append([]string{"ls", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("lighterman ls: exit code %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		t.Fatalf("lighterman ls: %v\n%s", err, stdout)
	}
	return out
}

// fleet is containers of one kind, and what ls says of them.
type fleet struct {
	driver, name  string
	opts          map[string]string
	n             int
	route, reason string
}

// TestFortyContainers: forty containers on all drivers that need nobody but this
// machine. `ls` tells the route and the reason of each, before lighterman runs and
// while it does; all that can be read goes by file or journal, with no connection to the
// engine for it; and every line is in Loki once, byte for byte what `docker logs` says.
func TestFortyContainers(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	syslog := map[string]string{"syslog-address": engine.StartSyslog(t).Unix, "mode": "blocking"}
	uncached := docker.Gelf(t)
	uncached["cache-disabled"] = "true"
	fleets := []fleet{
		{"json-file", "", map[string]string{"max-size": "200k", "max-file": "99", "compress": "true"}, 12, "file", "json-file log can be read"},
		{"local", "", nil, 9, "file", "local log can be read"},
		{"syslog", "", syslog, 3, "file", `cache of log driver "syslog" can be read`},
		{"gelf", "", docker.Gelf(t), 3, "file", `cache of log driver "gelf" can be read`},
		{"fluentd", "", docker.Fluentd(t), 3, "file", `cache of log driver "fluentd" can be read`},
		{"splunk", "", docker.Splunk(t), 3, "file", `cache of log driver "splunk" can be read`},
		{"journald", "", map[string]string{"mode": "blocking"}, 3, "journal", "the host's journal can be read"},
		{"none", "", nil, 2, "unreadable", "stores nothing"},
		{"gelf", "uncached", uncached, 2, "unreadable", "its cache is disabled"},
	}
	only := []string{"--include-name", engine.Prefix(t) + "forty-.*", "--docker-host", docker.Host}
	all := make(map[string]fleet)
	var containers []*engine.Container
	for _, f := range fleets {
		args := awkward(300)
		if f.driver == "journald" { // which has its own times and no blank lines
			args = []string{"-n", "300", "-tag", "journal", "-streams", "alternate"}
		}
		for i := range f.n {
			c := docker.Start(t, engine.Spec{Name: fmt.Sprintf("forty-%s%s-%d", f.driver, f.name, i), Driver: f.driver, Opts: f.opts, Args: args})
			all[c.Name] = f
			containers = append(containers, c)
		}
	}
	checkList(t, list(t, append(only, "--listen", "off")...), "dry-run", all)

	l := carrier.Start(t, append([]string{"--loki-url", loki.URL}, only...)...)
	l.AwaitReady(t, 2*time.Minute)
	for _, c := range containers {
		c.Wait(t)
		switch all[c.Name].route {
		case "file":
			ledger.Check(t, loki, c)
		case "journal":
			want := ledger.Journal(t, c, 300)
			ledger.Compare(t, c.Name, want, ledger.Delivered(loki.Await(t, ledger.Selector(c), len(want), 2*time.Minute)))
		}
	}
	noStreams(t, l)
	running := list(t, "--listen", l.Addr)
	checkList(t, running, "running", all)
	for _, c := range running.Containers {
		switch {
		case c.Route == "unreadable":
		case c.Lines == nil || *c.Lines == 0 || c.Position == nil || c.Position.Time.IsZero() || c.LagBytes == nil:
			t.Errorf("%s: lines, position or lag are missing: %+v", c.Name, c)
		case c.Route == "file" && c.Position.Offset == 0:
			t.Errorf("%s: no position in the file", c.Name)
		}
	}
	ledger.Clean(t, l)
}

// leastByFile is the share, in percent, of the logs that can be read which go by
// file or journal.
const leastByFile = 95

func checkList(t *testing.T, got status.List, source status.Source, want map[string]fleet) {
	t.Helper()
	if got.Source != source || len(got.Containers) != len(want) || got.Coverage.Containers != len(want) {
		t.Errorf("%s: %d containers of %d, source %q", source, len(got.Containers), len(want), got.Source)
	}
	readable, byFile := 0, 0
	shares := make(map[string]int)
	for _, c := range got.Containers {
		f, ok := want[c.Name]
		if !ok || c.Driver != f.driver || c.Route != f.route || !strings.Contains(c.Reason, f.reason) {
			t.Errorf("%s: got %+v, want route %s because of %q", source, c, f.route, f.reason)
		}
		shares[c.Route]++
		if c.Route != "unreadable" {
			readable++
		}
		if c.Route == "file" || c.Route == "journal" {
			byFile++
		}
	}
	if 100*byFile < leastByFile*readable {
		t.Errorf("%s: %d of %d go by file", source, byFile, readable)
	}
	for _, s := range got.Coverage.Routes {
		if s.Containers != shares[s.Route] {
			t.Errorf("%s: %d containers are said to be %s, %d are", source, s.Containers, s.Route, shares[s.Route])
		}
	}
}
