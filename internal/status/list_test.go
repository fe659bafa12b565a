package status

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// some is one container of each kind.
func some() State {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	out := State{Ready: true, Snapshot: Snapshot{Version: "1.2.3", EngineConnected: true, Containers: []Container{
		{
			Name: "web", ID: strings.Repeat("1", 64), Driver: "json-file", Route: "file", Reason: "json-file log can be read", Remarks: []string{},
			LagBytes: is(int64(1536)), LagSeconds: is(float64(0.5)), Lines: is(uint64(1234567)), Position: &Position{Inode: 5, Offset: 987654321, Time: at},
		},
		{
			Name: "cache", ID: strings.Repeat("2", 64), Driver: "syslog", Route: "file", Position: &Position{},
			Reason: `cache of log driver "syslog" can be read; the engine keeps at most 5 files of 20 MiB there, and only what the driver has taken`,
		},
		{
			Name: "batch", ID: strings.Repeat("3", 64), Driver: "journald", Route: "api", Lines: is(uint64(3)), Position: &Position{Time: at},
			Reason: `log driver "journald" is read through the API`, LastError: "cannot read log stream: unexpected EOF",
		},
		{
			Name: "silent", ID: strings.Repeat("4", 64), Driver: "none", Route: "unreadable",
			Reason: `log driver "none" stores nothing`, Position: &Position{},
		},
		{
			Name: "b", ID: strings.Repeat("5", 64), Driver: "json-file", Route: "file", Reason: "json-file log can be read", Remarks: []string{},
			Position: &Position{Inode: 5, Offset: 8, Time: at},
		},
	}}}
	for i := range out.Containers {
		c := &out.Containers[i]
		c.Refused = is(uint64(0))
		if c.Lines == nil {
			c.Lines = is(uint64(0))
		}
		if c.LagBytes == nil && c.Route != routeUnreadable {
			c.LagBytes, c.LagSeconds = is(int64(0)), is(0.0)
		}
	}
	return out
}

func TestCoverage(t *testing.T) {
	l := NewList(Running, "a:1", some())
	want := Coverage{5, []Share{{"file", 3, 60}, {"api", 1, 20}, {"unreadable", 1, 20}}}
	if fmt.Sprint(l.Coverage) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", l.Coverage, want)
	}
	with := some()
	with.Containers = append(with.Containers, Container{Name: "j", Route: "journal"})
	if got := NewList(DryRun, "", with).Coverage.Routes[1]; got != (Share{"journal", 1, 16.7}) {
		t.Errorf("got %v", got)
	}
	if none := NewList(DryRun, "", State{}).Coverage; none.Routes[0].Percent != 0 || math.IsNaN(none.Routes[2].Percent) {
		t.Errorf("got %v", none)
	}
}

// TestJSON: what scripts read must not change.
// TestD11CoverageOfWaitingLogs: logs that are not open do not count as read by file.
func TestD11CoverageOfWaitingLogs(t *testing.T) {
	var state State
	for _, route := range []string{"file", "waiting", "waiting"} {
		state.Containers = append(state.Containers, Container{Name: "c", Route: route})
	}
	l := NewList(Running, "here", state)
	if got := l.Coverage.words(); got != "3 containers: 1 by file (33.3 %), 0 by API (0 %), 2 waiting for a descriptor (66.7 %), 0 unreadable (0 %)" {
		t.Error(got)
	}
}

func TestListJSON(t *testing.T) {
	for source, want := range map[Source]string{
		Running: `{"source":"running","address":"a:1","version":"1.2.3","engine_connected":true,` +
			`"coverage":{"containers":1,"routes":[{"route":"file","containers":1,"percent":100},{"route":"api","containers":0,"percent":0},` +
			`{"route":"unreadable","containers":0,"percent":0}]},"containers":[{"name":"web","id":"1","driver":"json-file","route":"file",` +
			`"reason":"json-file log can be read","remarks":[],"position":{"inode":5,"offset":987654321,"time":"2026-02-03T04:05:06.000000007Z"},` +
			`"lag_bytes":1536,"lag_seconds":0.5,"lines":1234567,"last_error":"","refused":0,"last_refusal":null,"account":null}],"ready":true,"not_ready":[],"oldest_undelivered_seconds":0.5}`,
		DryRun: `{"source":"dry-run","address":"a:1","version":"1.2.3","engine_connected":true,` +
			`"coverage":{"containers":1,"routes":[{"route":"file","containers":1,"percent":100},{"route":"api","containers":0,"percent":0},` +
			`{"route":"unreadable","containers":0,"percent":0}]},"containers":[{"name":"web","id":"1","driver":"json-file","route":"file",` +
			`"reason":"json-file log can be read","remarks":[],"position":null,"lag_bytes":null,"lag_seconds":null,"lines":null,"last_error":"","refused":null,"last_refusal":null,"account":null}],"ready":null,"not_ready":null,"oldest_undelivered_seconds":null}`,
	} {
		in := some()
		in.Containers = in.Containers[:1]
		in.Containers[0].ID = "1"
		if source == DryRun {
			c := in.Containers[0]
			in.Containers[0] = Container{Name: c.Name, ID: c.ID, Driver: c.Driver, Route: c.Route, Reason: c.Reason, Remarks: c.Remarks}
		}
		got, err := json.Marshal(NewList(source, "a:1", in))
		if err != nil || string(got) != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}

func TestUnknownLag(t *testing.T) {
	l := NewList(Running, "a:1", some())
	if c := l.Containers[3]; c.Name != "silent" || c.LagBytes != nil || c.LagSeconds != nil || c.Lines == nil {
		t.Errorf("got %+v", c)
	}
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name     string
		source   Source
		width    int
		snapshot State
		want     string
	}{
		{"wide", Running, 200, some(), `
CONTAINER  DRIVER     ROUTE       LAG      LINES    POSITION             REASON
b          json-file  file        0 B      0        byte 8               json-file log can be read
batch      journald   api         0 B      3        2026-02-03 04:05:06  log driver "journald" is read through the API; last error: cannot read log stream: unexpected EOF
cache      syslog     file        0 B      0        byte 0               cache of log driver "syslog" can be read; the engine keeps at most 5 files of 20 MiB there, and only what the driver has taken
silent     none       unreadable  -        -        -                    log driver "none" stores nothing
web        json-file  file        1.5 KiB  1234567  byte 987654321       json-file log can be read

5 containers: 3 by file (60 %), 1 by API (20 %), 1 unreadable (20 %)
from the lighterman at a:1
`},
		{"narrow", Running, 80, some(), `
CONTAINER  DRIVER     ROUTE       LAG      LINES    POSITION             REASON
b          json-file  file        0 B      0        byte 8               [1]
batch      journald   api         0 B      3        2026-02-03 04:05:06  [2]
cache      syslog     file        0 B      0        byte 0               [3]
silent     none       unreadable  -        -        -                    [4]
web        json-file  file        1.5 KiB  1234567  byte 987654321       [1]

[1] json-file log can be read
[2] log driver "journald" is read through the API; last error: cannot read log
    stream: unexpected EOF
[3] cache of log driver "syslog" can be read; the engine keeps at most 5 files
    of 20 MiB there, and only what the driver has taken
[4] log driver "none" stores nothing

5 containers: 3 by file (60 %), 1 by API (20 %), 1 unreadable (20 %)
from the lighterman at a:1
`},
		{"dry run", DryRun, 80, State{Ready: true, Snapshot: Snapshot{Containers: some().Containers[:2]}}, `
CONTAINER  DRIVER     ROUTE  REASON
cache      syslog     file   cache of log driver "syslog" can be read; the
                             engine keeps at most 5 files of 20 MiB there, and
                             only what the driver has taken
web        json-file  file   json-file log can be read

2 containers: 2 by file (100 %), 0 by API (0 %), 0 unreadable (0 %)
dry run, as none answers at a:1: how lighterman would read this host
`},
		{"none", DryRun, 0, State{}, `
no containers
dry run, as none answers at a:1: how lighterman would read this host
`},
		{"away", Running, 0, State{Ready: true, Snapshot: Snapshot{Containers: some().Containers[4:]}}, `
CONTAINER  DRIVER     ROUTE  LAG  LINES  POSITION  REASON
b          json-file  file   0 B  0      byte 8    json-file log can be read

1 container: 1 by file (100 %), 0 by API (0 %), 0 unreadable (0 %)
from the lighterman at a:1, which does not reach the engine: this may be old
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := NewList(c.source, "a:1", c.snapshot).WriteTable(&b, c.width); err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimPrefix(c.want, "\n"); b.String() != want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); c.width > 0 && n > c.width {
					t.Errorf("%d letters: %s", n, line)
				}
			}
		})
	}
}

// TestP1RefusedIsListed and what to do, per container and in all.
func TestP1RefusedIsListed(t *testing.T) {
	in := some()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	in.Containers[0].Refused, in.Containers[0].LastRefusal = is(uint64(20)), &Refusal{Reason: "too_new", Example: at, Cure: "set this host's clock; see docs/loki-limits.md"}
	var b strings.Builder
	if err := NewList(Running, "a:1", in).WriteTable(&b, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"json-file log can be read; 20 lines refused, the last as too_new, for example that of 2026-02-03T04:05:06Z: set this host's clock; see docs/loki-limits.md\n",
		"\nREFUSED: 20 lines were refused by Loki for good since the start\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}

// TestP4NotReadyIsListed with the reason, and the age of the oldest line that waits.
func TestP4NotReadyIsListed(t *testing.T) {
	in := some()
	in.Ready = false
	in.Containers[4].LagSeconds = is(312.4)
	in.Conditions = []Verdict{{Name: "collector", OK: true}, {Name: "sink", Why: "http://loki: connection refused"}, {Name: "checkpoints", Why: "disk full"}}
	for width, want := range map[int]string{
		0:  "\nNOT READY: sink: http://loki: connection refused; checkpoints: disk full\noldest line not delivered: 5m12s old, of b\n",
		40: "\nNOT READY: sink: http://loki: connection\n  refused; checkpoints: disk full\noldest line not delivered: 5m12s old, of\n  b\n",
	} {
		var b strings.Builder
		if err := NewList(Running, "a:1", in).WriteTable(&b, width); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}
