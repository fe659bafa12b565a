package engine

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) {
	code := m.Run()
	StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// checkNumbered checks that the records are lines 0 to n-1 of tag, each once and
// on its stream.
func checkNumbered(t *testing.T, records []Record, tag, streams string, n int) {
	t.Helper()
	if len(records) != n {
		t.Fatalf("%d records, want %d", len(records), n)
	}
	byText := map[string]Record{}
	for _, r := range records {
		byText[r.Line] = r
	}
	for k := range n {
		r, ok := byText[lines.Text(tag, lines.Plain, k)]
		if !ok {
			t.Fatalf("line %d is missing", k)
		}
		if r.Stream != lines.Stream(streams, k) {
			t.Fatalf("line %d is on %s", k, r.Stream)
		}
	}
}

func TestDrivers(t *testing.T) {
	e := Default(t)
	const n = 500
	for _, driver := range []string{"json-file", "local", "journald", "syslog", "gelf", "fluentd", "splunk"} {
		t.Run(driver, func(t *testing.T) {
			opts := map[string]string{}
			var sink *Syslog
			switch driver {
			case "journald":
				need.Journald(t)
			case "syslog":
				sink = StartSyslog(t)
				opts["syslog-address"] = sink.Unix // UDP may lose some
			case "gelf":
				opts = e.Gelf(t)
			case "fluentd":
				opts = e.Fluentd(t)
			case "splunk":
				opts = e.Splunk(t)
			}
			before := time.Now()
			c := e.Start(t, Spec{Driver: driver, Opts: opts, Args: []string{"-tag", "x", "-n", fmt.Sprint(n), "-streams", "alternate", "-exit", "3"}})
			if code := c.Wait(t); code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			records := c.Logs(t)
			checkNumbered(t, records, "x", "alternate", n)
			for _, r := range records {
				if at := time.Unix(0, r.Time); at.Before(before.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
					t.Fatalf("record of %v", at)
				}
			}
			if sink != nil {
				wait.For(t, 10*time.Second, "the lines in the syslog", func() bool {
					text, _ := os.ReadFile(sink.File)
					return bytes.Contains(text, []byte(lines.Text("x", lines.Plain, n-1)))
				})
			}
		})
	}
}

func TestLongAndAwkwardLines(t *testing.T) {
	e := Default(t)
	sizes := []int{0, 1, 16383, 16384, 16385, 100000, 1048576}
	args := []string{"-corpus", "-unterminated", "-sizes", strings.Trim(strings.ReplaceAll(fmt.Sprint(sizes), " ", ","), "[]")}
	for _, spec := range []Spec{{Driver: "json-file"}, {Driver: "local"}, {Driver: "json-file", TTY: true}, {Driver: "local", TTY: true}} {
		t.Run(fmt.Sprintf("%s tty=%t", spec.Driver, spec.TTY), func(t *testing.T) {
			spec.Args = args
			c := e.Start(t, spec)
			c.Wait(t)
			var want []string
			for k, size := range sizes {
				want = append(want, lines.Sized(k, size))
			}
			want = append(want, lines.Corpus()...)
			for i := range want {
				if spec.Driver == "json-file" {
					want[i] = string(bytes.ToValidUTF8([]byte(want[i]), nil)) // compared without what json-file replaces
				}
				if spec.TTY {
					want[i] += "\r"
				}
			}
			want = append(want, lines.Unterminated)
			records := c.Logs(t)
			if len(records) != len(want) {
				t.Fatalf("%d records, want %d", len(records), len(want))
			}
			for i, r := range records {
				got := r.Line
				if spec.Driver == "json-file" && !strings.Contains(want[i], "\ufffd") {
					got = strings.ReplaceAll(got, "\ufffd", "")
				}
				if got != want[i] {
					t.Errorf("record %d is %.80q (%d bytes), want %.80q (%d bytes)", i, got, len(got), want[i], len(want[i]))
				}
			}
		})
	}
}

func TestLifeCycle(t *testing.T) {
	e := Default(t)
	c := e.Start(t, Spec{Name: "life", Labels: map[string]string{"a": "b"}, Args: []string{"-on-usr1", "-n", "5", "-linger"}})
	if got := len(c.Logs(t)); got != 0 {
		t.Fatalf("%d records before the signal", got)
	}
	// The signal is lost while the program has not asked for it yet, so again.
	go1 := func(n int) {
		t.Helper()
		wait.For(t, 10*time.Second, fmt.Sprint(n, " lines"), func() bool {
			if len(c.Logs(t)) < n {
				c.Kill(t, "USR1")
			}
			return len(c.Logs(t)) == n
		})
	}
	go1(5)
	c.Pause(t)
	c.Unpause(t)
	c.Rename(t, "afterlife")
	c.Restart(t)
	go1(10)
	c.Stop(t)
	c.Start(t)
	info := c.Inspect(t)
	if info.Name != "/"+c.Name || info.Config.Labels["a"] != "b" || !info.State.Running {
		t.Errorf("inspected %q, labels %v, running %t", info.Name, info.Config.Labels, info.State.Running)
	}
	if _, err := os.Stat(c.LogPath(t)); os.Geteuid() == 0 && err != nil {
		t.Error(err)
	}
	c.Remove(t)
}

func TestPrivateEngine(t *testing.T) {
	for _, live := range []bool{false, true} {
		t.Run(fmt.Sprintf("live-restore=%t", live), func(t *testing.T) {
			p := Private(t, PrivateOptions{LiveRestore: live})
			c := p.Start(t, Spec{Restart: "always", Args: []string{"-tag", "p", "-n", "-1", "-rate", "200"}})
			grows := func() {
				t.Helper()
				n := len(c.Logs(t))
				wait.For(t, 20*time.Second, "more lines", func() bool { return len(c.Logs(t)) > n+20 })
			}
			grows()
			p.Kill9(t)
			p.Up(t)
			grows()
			p.Stop(t)
			p.Up(t)
			grows()
			sink := StartSyslog(t)
			s := p.Start(t, Spec{Driver: "syslog", Opts: map[string]string{"syslog-address": sink.Unix}, Args: []string{"-n", "3"}})
			s.Wait(t)
			checkNumbered(t, s.Logs(t), "line", "stdout", 3)
			seen := map[string]int{}
			for _, r := range c.Logs(t) {
				seen[r.Line]++
			}
			if live && slices.Max(slices.Collect(maps.Values(seen))) > 1 {
				t.Error("the container was restarted although there is live restore")
			}
		})
	}
}
