package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const passing = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"secret of a passed test\n"}
{"Action":"pass","Package":"p","Test":"A","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
{"Action":"start","Package":"no/tests"}
{"Action":"skip","Package":"no/tests","Elapsed":0}
`

func TestReport(t *testing.T) {
	began := `{"Time":"2026-01-02T03:04:00Z","Action":"start","Package":"q"}` + "\n" +
		`{"Time":"2026-01-02T03:04:00Z","Action":"run","Package":"q","Test":"Slow"}` + "\n" +
		`{"Time":"2026-01-02T03:05:30Z","Action":"output","Package":"q","Test":"Slow","Output":"    s_test.go:1: halfway\n"}` + "\n"
	for _, c := range []struct {
		name, input string
		ok          bool
		shown       []string
	}{
		{"passed", passing, true, []string{"1 passed, 0 failed, 0 skipped"}},
		{"failed", passing + `{"Action":"output","Package":"p","Test":"B","Output":"why\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"B"}`, false, []string{"why", "failed: p.B"}},
		{"skipped", passing + `{"Action":"skip","Package":"p","Test":"B"}`, false, []string{"skipped, which counts as a failure: p.B"}},
		{"not built", `{"ImportPath":"p","Action":"build-output","Output":"syntax error\n"}` + "\n" + `{"ImportPath":"p","Action":"build-fail"}`, false, []string{"syntax error"}},
		{"input ends early", passing + began, false, []string{
			"these were running when the input ended:", "--- did not end: q.Slow, begun 90 s before\n    s_test.go:1: halfway\n", "  did not end: q.Slow\n",
		}},
		{"package panics", began + `{"Action":"output","Package":"q","Test":"Slow","Output":"panic: oh\n"}` + "\n" + `{"Action":"fail","Package":"q","Elapsed":1}`, false, []string{
			"FAIL  q  1.0s\n--- did not end: q.Slow", "halfway", "panic: oh", "  failed: q\n",
		}},
		{"cut within a line", passing + began + `{"Action":"pa`, false, []string{`{"Action":"pa`, "did not end: q.Slow"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := newSummary(&out).report(t.Context(), strings.NewReader(c.input))
			if err != nil || ok != c.ok || strings.Contains(out.String(), "secret") {
				t.Errorf("%t %v\n%s", ok, err, out.String())
			}
			for _, want := range c.shown {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing:\n%s", want, out.String())
				}
			}
		})
	}
}

// TestCommand: what a command says counts, and so does its exit code; its line says how long
// it ran and what it has used.
func TestCommand(t *testing.T) {
	for _, c := range []struct {
		name, script string
		ok, err      bool
		line         string
	}{
		{"passed", `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; cat "$0"`, true, false, "1 passed   0 failed   0 skipped  ok"},
		{"says nothing of its failure", `cat "$0"; exit 1`, true, true, "1 passed   0 failed   0 skipped  FAILED"},
		{"failed", `cat "$0"; echo '{"Action":"fail","Package":"p","Test":"B"}'; exit 1`, false, false, "1 passed   1 failed   0 skipped  FAILED"},
		{"ends early", `cat "$0"; echo '{"Action":"run","Package":"p","Test":"B"}'`, false, false, "1 passed   1 failed   0 skipped  FAILED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			input := filepath.Join(t.TempDir(), "input")
			if err := os.WriteFile(input, []byte(passing), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newSummary(io.Discard)
			ok, err := s.run(t.Context(), []string{"sh", "-c", c.script, input})
			if ok != c.ok || (err != nil) != c.err || s.took <= 0 || s.cpu <= 0 || s.cpu > s.took {
				t.Errorf("%t %v, %v, %v of processor", ok, err, s.took, s.cpu)
			}
			if line := s.line("phase", ok && err == nil); !strings.HasPrefix(line, "phase ") || !strings.HasSuffix(line, c.line) {
				t.Errorf("got %q", line)
			}
		})
	}
}

// TestFirstWords: what failed is told again in few lines, what passed is not.
func TestFirstWords(t *testing.T) {
	line := func(test, action, output string) string {
		text, err := json.Marshal(event{Action: action, Package: "p", Test: test, Output: output})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	input := passing + line("B", "output", "    b_test.go:1: why "+strings.Repeat("x", 5000)+"\n") + strings.Repeat(line("B", "output", "    b_test.go:2: more\n"), 50) +
		line("B", "output", "--- FAIL: B (0.1s)\n") + line("B", "fail", "") + line("C", "run", "") + line("", "fail", "")
	s := newSummary(io.Discard)
	if ok, err := s.report(t.Context(), strings.NewReader(input)); ok || err != nil {
		t.Fatal(ok, err)
	}
	got := s.firstWords()
	if !strings.HasPrefix(got, "p.B\n--- FAIL: B (0.1s)\n    b_test.go:1: why xxx") || !strings.HasSuffix(got, "p.C\ndid not end\n") || strings.Count(got, "\n") != 9 || len(got) > 1000 {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
}

// TestStopped: a signal ends it while its input is open, and it names what runs.
func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	var out strings.Builder
	go func() {
		_, _ = io.WriteString(feed, passing+`{"Action":"run","Package":"q","Test":"Hangs"}`+"\n")
		_, _ = io.WriteString(feed, "{}\n") // taken when all before it has been
		stop()
	}()
	ok, err := newSummary(&out).report(ctx, in)
	_ = feed.CloseWithError(errors.New("over"))
	if ok || err != nil || !strings.Contains(out.String(), "these were running when this was told to stop:\n--- did not end: q.Hangs") {
		t.Errorf("%t %v\n%s", ok, err, out.String())
	}
}

// TestBounded: the assertion comes before the logs, which are cut from their beginning.
func TestBounded(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("=== RUN   TestX\n    engine.go:289: the engine's log ends:\n")
	for i := range 900 {
		fmt.Fprintf(&text, "        engine line %d\n", i)
	}
	text.WriteString("    x_test.go:10: 3 lines are lost:\n        one\n        \n        two\n=== NAME  TestX\n    x_test.go:11: " + strings.Repeat("é", 9000) + "\n--- FAIL: TestX (1.00s)\n")
	lines := strings.Split(strings.TrimSuffix(bounded(text.String()), "\n"), "\n")
	want := []string{"--- FAIL: TestX (1.00s)", "    x_test.go:10: 3 lines are lost:", "        one", "        ", "        two"}
	for i, line := range want {
		if lines[i] != line {
			t.Errorf("line %d is %q, want %q", i, lines[i], line)
		}
	}
	if len(lines) != len(want)+1+logHead+1+logTail || len(lines[5]) > widest+50 || !strings.HasSuffix(lines[5], " bytes") {
		t.Errorf("%d lines, the long one has %d bytes", len(lines), len(lines[5]))
	}
	if last := lines[len(lines)-1]; last != "        engine line 899" {
		t.Errorf("the log ends with %q", last)
	}
}

func TestBoundedCrash(t *testing.T) {
	text := "    x_test.go:1: said before\npanic: runtime error\n\ngoroutine 7 [running]:\nmain.f()\n\t/x/y.go:12 +0x1\n" + strings.Repeat("more\n", 9000)
	out := bounded(text)
	if !strings.HasPrefix(out, "    x_test.go:1: said before\npanic: runtime error\n\ngoroutine 7 [running]:\n") || strings.Count(out, "\n") > crashHead+crashTail+2 {
		t.Errorf("%d lines: %.300s", strings.Count(out, "\n"), out)
	}
}

func TestBoundedMany(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "    x_test.go:1: line %d is lost\n", i)
	}
	if out := bounded(text.String()); strings.Count(out, "\n") != mostMessages+1 || !strings.Contains(out, "4900 more messages") {
		t.Errorf("%d lines", strings.Count(out, "\n"))
	}
}

// FuzzReport: whatever the input is, it is read to its end, and what did not end well is
// said to be so.
func FuzzReport(f *testing.F) {
	f.Add([]byte(passing))
	f.Add([]byte(`{"Action":"run","Package":"p","Test":"A"}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		var out bytes.Buffer
		ok, err := newSummary(&out).report(t.Context(), bytes.NewReader(input))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(input) {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action == "fail" && ok {
				t.Fatal("a failure passes")
			}
		}
	})
}
