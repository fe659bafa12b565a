package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/diff"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestDiff runs the subcommand against a real Loki: the same, a line that is missing, labels
// that differ, and a Loki that does not answer.
func TestDiff(t *testing.T) {
	t.Cleanup(lokitest.StopShared)
	l := lokitest.Shared(t)
	base := time.Now().Add(-10 * time.Minute).UnixNano()
	for k := range 20 {
		for _, side := range []string{"a", "b", "c"} {
			labels := map[string]string{"side": side, "container": "web"}
			if side == "c" {
				labels["job"] = "docker"
			}
			if side != "b" || k != 7 {
				l.Push(t, lokitest.Entry{Labels: labels, Time: base + int64(k), Line: fmt.Sprintf("line %d \x1b[31m", k)})
			}
		}
	}
	compare := func(args ...string) (stdout, stderr string, code int) {
		var out, err strings.Builder
		args = append([]string{"diff", "--loki-url", l.URL, "--left-selector", `{side="a"}`, "--ignore-label", "side"}, args...)
		code = run(t.Context(), args, []string{"HOME=" + t.TempDir()}, &out, &err)
		return out.String(), err.String(), code
	}
	out, said, code := compare("--right-selector", `{side="a"}`)
	if code != 0 || said != "" || !strings.Contains(out, "1 streams, 0 of them with differences; 20 lines on both sides, 0 only on the left, 0 only on the right") {
		t.Errorf("the same: %d\n%s%s", code, out, said)
	}
	out, _, code = compare("--right-selector", `{side="b"}`)
	if code != exitFailure || !strings.Contains(out, "        19          1          0  {") || !strings.Contains(out, "only left: ") || !strings.Contains(out, "line 7 ^[[31m") {
		t.Errorf("a line is missing: %d\n%s", code, out)
	}
	out, _, code = compare("--right-selector", `{side="c"}`)
	if code != exitFailure || !strings.Contains(out, `label job: left none, right "docker"`) {
		t.Errorf("labels differ: %d\n%s", code, out)
	}
	out, _, code = compare("--right-selector", `{side="b"}`, "--json", "--right-tenant-id", "shadow")
	var all diffJSON
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitFailure {
		t.Fatalf("%d, %v\n%s", code, err, out)
	}
	want := diffTotal{Streams: 1, Differing: 1, Both: 19, OnlyLeft: 1}
	if all.Same || all.Total != want || all.Right.Tenant != "shadow" || len(all.Streams) != 1 || all.Streams[0].Examples[0].Side != diff.Left.String() {
		t.Errorf("%+v", all)
	}
	proxy := lokiproxy.New(t, l.URL)
	proxy.Status(http.StatusUnauthorized, 0)
	for text, args := range map[string][]string{
		"neither side has a line":                        {"--right-selector", `{side="a"}`, "--to", "2020-01-01T00:00:00Z", "--from", "2019-12-31T00:00:00Z"},
		"right: cannot list the streams: Loki answers 4": {"--right-loki-url", proxy.URL},
		"right: loki-pasword-file: a side has no such setting of its own; did you mean loki-password-file?": {"--right-loki-pasword-file", "x"},
		"--examples: invalid value":                             {"--examples", "-1"},
		"the end is not behind":                                 {"--from", "2030-01-01T00:00:00Z"},
		"--from: needs a value":                                 {"--from"},
		"--bogus: unknown flag":                                 {"--bogus"},
		"right: tls-cert-file and tls-key-file need each other": {"--right-tls-cert-file", "x"},
	} {
		if out, said, code := compare(args...); code != exitUsage || !strings.Contains(said, text) {
			t.Errorf("%q: %d\n%s%s", args, code, out, said)
		}
	}
}

// TestDiffProgress: how far it is stands on one line of the terminal, which is empty again
// before a result is written.
func TestDiffProgress(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out}
	p.show(diff.Progress{Matching: true, Streams: 4, Done: 1})
	p.show(diff.Progress{Streams: 4, Done: 2, Lines: 10}) // too soon
	p.last = time.Time{}
	p.show(diff.Progress{Streams: 4, Done: 3, Lines: 20})
	p.clear()
	p.clear()
	const want = "\r\x1b[Klooking for streams whose labels differ: 1 of 4\r\x1b[K3 of 4 streams, 20 lines\r\x1b[K"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	none := progressOn(&out)
	none.show(diff.Progress{})
	if none.clear(); out.String() != want {
		t.Error("progress where there is no terminal")
	}
}
