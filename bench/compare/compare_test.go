package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/bench/sink"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	repo.RemoveBuilt()
	os.Exit(code)
}

// TestSmoke runs a small comparison on a real engine, with everything in it. How
// fast, and whether anything grows, so short a time cannot tell; what arrives it can.
func TestSmoke(t *testing.T) {
	need.Dockerd(t)
	need.Journald(t)
	need.Syslog(t)
	o, err := parse([]string{
		"-kind", "soak", "-modes", "stream,file,hybrid,leaky", "-minutes", "0.15", "-warmup", "3s", "-interval", "1s",
		"-containers", "4", "-every", "2s", "-mix", "json-file=50,journald=25,syslog=25", "-peers", "../peers",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := o.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, covered := range map[string]bool{"stream": true, "file": false, "hybrid": true, "leaky": true} {
		m := r.Mode(name)
		switch {
		case m == nil:
			t.Errorf("%s was not measured", name)
			continue
		case m.Lines.Written == 0 || m.Containers.All < 4 || m.Latency.Lines == 0 || m.Latency.P95 <= 0 || m.RSS <= 0:
			t.Errorf("%s: %+v %+v %+v, RSS %v", name, m.Lines, m.Containers, m.Latency, m.RSS)
		case m.Kind == dashboard.Ours && covered && m.Containers.Covered != m.Containers.All:
			t.Errorf("%s: %v, %v", name, m.Containers, m.Containers.Uncovered)
		}
		for _, figure := range []string{dashboard.Goroutines, dashboard.FDs, dashboard.RSS} {
			if len(m.Series[figure]) == 0 {
				t.Errorf("%s: no %s", name, figure)
			}
		}
		if len(m.DockerdSeries[dashboard.Goroutines]) == 0 {
			t.Errorf("%s: dockerd's goroutines are not known", name)
		}
	}
	for _, name := range []string{"file", "hybrid"} {
		if m := r.Mode(name); m != nil && !m.Lines.Exact() {
			t.Errorf("%s: %v", name, m.Lines)
		}
	}
	if drivers := r.Mode("file").Containers.Uncovered; drivers["json-file"]+drivers["syslog"] != 0 {
		t.Errorf("by file %v are not covered", drivers)
	}
	dir := t.TempDir()
	if err := write(r, dir); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{"txt", "html", "json"} {
		if info, err := os.Stat(filepath.Join(dir, "soak."+ending)); err != nil || info.Size() < 1000 {
			t.Errorf("soak.%s: %v", ending, err)
		}
	}
}

func TestParse(t *testing.T) {
	o, err := parse(nil)
	if err != nil || o.together || o.window != 3*time.Minute || o.fleet.Containers != 50 {
		t.Errorf("%+v %v", o, err)
	}
	if o, err = parse([]string{"-kind", "soak"}); err != nil || !o.together || !o.fleet.Rotate {
		t.Errorf("%+v %v", o, err)
	}
	for _, args := range [][]string{{"-kind", "x"}, {"-minutes", "0"}, {"-containers", "0"}, {"-mix", "x"}, {"-rate", "-1"}, {"-interval", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	o.modes, o.peers = []string{"no-such"}, "../peers"
	if _, err := o.found(); err == nil {
		t.Error("found a mode that is not there")
	}
}

func TestCountCode(t *testing.T) {
	code, err := countCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code["stream"] < 1000 || code["file"] < 1000 || code["hybrid"] <= code["stream"] || code["hybrid"] <= code["file"] {
		t.Errorf("got %v", code)
	}
}

func TestCountFrom(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.go": "package a\n\n// A comment.\nvar x = 1 // not one\n",
		"b.go": "package b\n\n\tfunc f() {\n\t}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packages := map[string]listed{
		"a": {Dir: dir, GoFiles: []string{"a.go"}, Imports: []string{"b", "c", "fmt"}},
		"b": {Dir: dir, GoFiles: []string{"b.go"}},
		"c": {Dir: dir, Imports: []string{"b"}},
	}
	for without, want := range map[string]int{"": 5, "c": 5, "b": 2} {
		n, err := countFrom("a", packages, map[string]bool{without: true})
		if err != nil || n != want {
			t.Errorf("without %q: %d lines, want %d: %v", without, n, want, err)
		}
	}
}

func TestJudge(t *testing.T) {
	tally := func(lines int, content uint64) *line.Tally { return &line.Tally{Lines: lines, Content: content} }
	written := line.Ledger{0: tally(10, 1), 1: tally(10, 2), 2: tally(10, 3), 3: tally(10, 4), 4: tally(0, 0)}
	arrived := sink.Report{Repeated: 2, Reordered: 1, Ledger: line.Ledger{0: tally(10, 1), 1: tally(7, 9), 2: tally(10, 99)}}
	arrived.Ledger[0].Times = 77 // of which nobody knows what they should be
	c, l := judge(arrived, written, map[int]string{3: "journald"})
	if c.All != 4 || c.Covered != 3 || c.Whole != 1 || !maps.Equal(c.Uncovered, map[string]int{"journald": 1}) {
		t.Errorf("containers %+v", c)
	}
	if want := (dashboard.Lines{Written: 40, Uncovered: 10, Lost: 3, Repeated: 2, Changed: 1, Reordered: 1}); l != want {
		t.Errorf("lines %+v, want %+v", l, want)
	}
}

func TestProgressElsewhereThanOnATerminal(t *testing.T) {
	var out strings.Builder
	p := &progress{to: &out, phases: 2, each: 10 * time.Second, tenth: -1}
	p.phase(1, []*mode{{name: "file"}})
	for at := time.Duration(0); at <= 10*time.Second; at += 100 * time.Millisecond {
		p.at(at, 7)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 12 || !strings.Contains(lines[11], "[2/2] file ["+strings.Repeat("#", barLength)+"] 100 %") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}
