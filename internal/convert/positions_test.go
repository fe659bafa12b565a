package convert_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/convert"
	"github.com/lighterman/lighterman/internal/logs"
)

var one, two = strings.Repeat("1", 64), strings.Repeat("2", 64)

// TestPositions reads what Promtail and Alloy write.
func TestPositions(t *testing.T) {
	for _, c := range []struct {
		name, file, want, says string
		bad                    bool
	}{
		{"Promtail's", "positions:\n  cursor-" + one + ": \"1700000000\"\n  cursor-" + two + ": \"1700000001\"\n",
			"1111 1700000000 ; 2222 1700000001 ", "", false},
		{"Alloy's", "positions:\n  ? path: cursor-" + one + "\n    labels: '{__meta_docker_container_id=\"x\"}'\n  : \"1700000000\"\n  ? path: cursor-" + one + "\n    labels: '{a=\"b\"}'\n  : \"1600000000\"\n",
			"1111 1600000000 ", "", false},
		{"JSON", `{"positions": {"cursor-` + one + `": "12"}}`, "1111 12 ", "", false},
		{"files", "positions:\n  /var/lib/docker/containers/" + one + "/" + one + "-json.log: \"99\"\n", "1111 0 99", "", false},
		{"files of the host", "positions:\n  /var/log/syslog: \"1\"\n  ? path: /var/log/a\n    labels: '{}'\n  : \"5\"\n  ? path: /var/log/a\n    labels: '{b=\"c\"}'\n  : \"3\"\n", "/var/log/syslog 0 1; /var/log/a 0 3", "", false},
		{"no offset", "positions:\n  /var/log/syslog: \"x\"\n", "", "2: /var/log/syslog: expected an offset in bytes", true},
		{"others'", "positions:\n  journal-x: s=abc\n  cursor-abc: \"1\"\n  /var/lib/docker/containers/" + one + "/" + two + "-json.log: \"99\"\n", "",
			"no cursor of the journal|no container's ID|no container's log", false},
		{"Promtail's journal", "positions:\n  cursor-My journal: s=" + strings.Repeat("ab", 16) + ";i=1a;b=" + strings.Repeat("cd", 16) + ";m=2b;t=5f3c;x=ff\n", "journal:my-journal 26/24380/255 ", "", false},
		{"Alloy's journal", "positions:\n  ? path: cursor-loki.source.journal.read\n    labels: ''\n  : s=" + strings.Repeat("ab", 16) + ";i=1;b=" + strings.Repeat("cd", 16) + ";m=2b;t=2;x=3\n", "journal:read 1/2/3 ", "", false},
		{"half a cursor", "positions:\n  journal-a: s=" + strings.Repeat("ab", 16) + ";i=1a\n", "", "no cursor of the journal", false},
		{"empty", "positions: {}\n", "", "", false},
		{"none", "positions:\n", "", "", false},
		{"no number", "positions:\n  cursor-" + one + ": \"x\"\n", "", "2: cursor-" + one + ": expected seconds since 1970, found \"x\"", true},
		{"far away", "positions:\n  cursor-" + one + ": \"99999999999\"\n", "", "expected seconds since 1970", true},
		{"negative", "positions:\n  cursor-" + one + ": \"-5\"\n", "", "expected seconds since 1970", true},
		{"no positions", "a: b\n", "", "1: there are no positions", true},
		{"a list", "positions: [a]\n", "", "1: positions: expected a map", true},
		{"nothing", "", "", "nothing in the file", true},
	} {
		list, found, err := convert.Positions("positions.yaml", []byte(c.file))
		if err != nil || c.bad {
			if !c.bad || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var got, says []string
		for _, p := range list {
			offset := ""
			if p.File != "" {
				offset = fmt.Sprint(p.Offset)
			}
			if p.Journal != "" {
				got = append(got, fmt.Sprintf("journal:%s %d/%d/%d ", p.Journal, p.Cursor.Seqnum, p.Cursor.Realtime, p.Cursor.Hash))
				continue
			}
			got = append(got, fmt.Sprintf("%s %d %s", cmp.Or(p.ID[:min(4, len(p.ID))], p.File), p.Seconds, offset))
		}
		for _, f := range found {
			says = append(says, f.Why)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
		for i, want := range strings.Split(c.says, "|") {
			if want != "" && (i >= len(says) || !strings.Contains(says[i], want)) {
				t.Errorf("%s: said %q", c.name, says)
			}
		}
	}
}

// TestTakeOver makes positions that begin where the old collector has stopped.
func TestTakeOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "containers", one)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, one+"-json.log")
	record := `{"log":"a\n","stream":"stdout","time":"2026-01-02T03:04:05.000000001Z"}` + "\n"
	if err := os.WriteFile(path, []byte(record+record), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(offset int) convert.Position {
		return convert.Position{ID: one, File: path, Offset: int64(offset), Line: 2}
	}
	for _, c := range []struct {
		name  string
		from  convert.Position
		known bool
		since int64
		place int64
		says  string
	}{
		{"a time", convert.Position{ID: one, Seconds: 1700000000}, false, 1699999990e9, 0, ""},
		{"the beginning", convert.Position{ID: one}, false, 1, 0, ""},
		{"a place", at(len(record)), false, 1767323045000000001 - 3e9, int64(len(record)), ""},
		{"within a record", at(5), false, 0, 0, "no record ends there"},
		{"behind the end", at(1000), false, 0, 0, "rotated or truncated"},
		{"no file", convert.Position{ID: one, File: path + "x"}, false, 0, 0, "no such file"},
		{"one that is known", convert.Position{ID: one, Seconds: 5}, true, 0, 0, "a position of its own"},
	} {
		var got *logs.Position
		made, found := convert.TakeOver([]convert.Position{c.from}, func(string) bool { return c.known }, func(_ string, p logs.Position) { got = &p })
		if c.says != "" {
			if made != 0 || got != nil || len(found) != 1 || !strings.Contains(found[0].Why, c.says) {
				t.Errorf("%s: %d, %v", c.name, made, found)
			}
			continue
		}
		if made != 1 || len(found) != 0 || got == nil || got.Since != c.since || got.File.Start() != c.place {
			t.Errorf("%s: %d, %v, %+v", c.name, made, found, got)
		}
		if c.place > 0 && (got.File.Fingerprint == 0 || got.File.Inode == 0) {
			t.Errorf("%s: the file is not known by %+v", c.name, got.File)
		}
	}
}
