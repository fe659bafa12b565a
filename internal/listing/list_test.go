package listing

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/status"
)

// some is one container of each kind.
func some() status.Snapshot {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	return status.Snapshot{Version: "1.2.3", EngineConnected: true, Containers: []status.ContainerStatus{
		{
			Name: "web", ID: strings.Repeat("1", 64), Driver: "json-file", Route: "file", Reason: "json-file log can be read",
			LagBytes: 1536, LagSeconds: 0.5, Lines: 1234567, Position: &status.Position{Inode: 5, Offset: 987654321, Time: at},
		},
		{
			Name: "cache", ID: strings.Repeat("2", 64), Driver: "syslog", Route: "file", Position: &status.Position{},
			Reason: `cache of log driver "syslog" can be read; the engine keeps at most 5 files of 20 MiB there, and only what the driver has taken`,
		},
		{
			Name: "batch", ID: strings.Repeat("3", 64), Driver: "journald", Route: "api", Lines: 3, Position: &status.Position{Time: at},
			Reason: `log driver "journald" is read through the API`, LastError: "cannot read log stream: unexpected EOF",
		},
		{
			Name: "silent", ID: strings.Repeat("4", 64), Driver: "none", Route: "unreadable", LagBytes: -1, LagSeconds: -1,
			Reason: `log driver "none" stores nothing`, Position: &status.Position{},
		},
		{
			Name: "b", ID: strings.Repeat("5", 64), Driver: "json-file", Route: "file", Reason: "json-file log can be read",
			Position: &status.Position{Inode: 5, Offset: 8, Time: at},
		},
	}}
}

func TestCoverage(t *testing.T) {
	l := New(Running, "a:1", some())
	want := Coverage{5, []Share{{"file", 3, 60}, {"api", 1, 20}, {"unreadable", 1, 20}}}
	if fmt.Sprint(l.Coverage) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", l.Coverage, want)
	}
	with := some()
	with.Containers = append(with.Containers, status.ContainerStatus{Name: "j", Route: "journal"})
	if got := New(DryRun, "", with).Coverage.Routes[1]; got != (Share{"journal", 1, 16.7}) {
		t.Errorf("got %v", got)
	}
	if none := New(DryRun, "", status.Snapshot{}).Coverage; none.Routes[0].Percent != 0 || math.IsNaN(none.Routes[2].Percent) {
		t.Errorf("got %v", none)
	}
}

// TestJSON: what scripts read must not change.
func TestJSON(t *testing.T) {
	for source, want := range map[Source]string{
		Running: `{"source":"running","address":"a:1","version":"1.2.3","engine_connected":true,` +
			`"coverage":{"containers":1,"routes":[{"route":"file","containers":1,"percent":100},{"route":"api","containers":0,"percent":0},` +
			`{"route":"unreadable","containers":0,"percent":0}]},"containers":[{"name":"web","id":"1","driver":"json-file","route":"file",` +
			`"reason":"json-file log can be read","position":{"inode":5,"offset":987654321,"time":"2026-02-03T04:05:06.000000007Z"},` +
			`"lag_bytes":1536,"lag_seconds":0.5,"lines":1234567,"last_error":""}]}`,
		DryRun: `{"source":"dry-run","address":"a:1","version":"1.2.3","engine_connected":true,` +
			`"coverage":{"containers":1,"routes":[{"route":"file","containers":1,"percent":100},{"route":"api","containers":0,"percent":0},` +
			`{"route":"unreadable","containers":0,"percent":0}]},"containers":[{"name":"web","id":"1","driver":"json-file","route":"file",` +
			`"reason":"json-file log can be read","position":null,"lag_bytes":null,"lag_seconds":null,"lines":null,"last_error":""}]}`,
	} {
		in := some()
		in.Containers = in.Containers[:1]
		in.Containers[0].ID = "1"
		got, err := json.Marshal(New(source, "a:1", in))
		if err != nil || string(got) != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}

func TestUnknownLag(t *testing.T) {
	l := New(Running, "a:1", some())
	if c := l.Containers[3]; c.Name != "silent" || c.LagBytes != nil || c.LagSeconds != nil || c.Lines == nil {
		t.Errorf("got %+v", c)
	}
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name     string
		source   Source
		width    int
		snapshot status.Snapshot
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
		{"dry run", DryRun, 80, status.Snapshot{Containers: some().Containers[:2]}, `
CONTAINER  DRIVER     ROUTE  REASON
cache      syslog     file   cache of log driver "syslog" can be read; the
                             engine keeps at most 5 files of 20 MiB there, and
                             only what the driver has taken
web        json-file  file   json-file log can be read

2 containers: 2 by file (100 %), 0 by API (0 %), 0 unreadable (0 %)
dry run, as none answers at a:1: how lighterman would read this host
`},
		{"none", DryRun, 0, status.Snapshot{}, `
no containers
dry run, as none answers at a:1: how lighterman would read this host
`},
		{"away", Running, 0, status.Snapshot{Containers: some().Containers[4:]}, `
CONTAINER  DRIVER     ROUTE  LAG  LINES  POSITION  REASON
b          json-file  file   0 B  0      byte 8    json-file log can be read

1 container: 1 by file (100 %), 0 by API (0 %), 0 unreadable (0 %)
from the lighterman at a:1, which does not reach the engine: this may be old
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := New(c.source, "a:1", c.snapshot).WriteTable(&b, c.width); err != nil {
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
