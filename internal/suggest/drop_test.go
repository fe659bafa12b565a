package suggest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// stay are lines of which those that say BROKEN must be sent, whatever is proposed.
func stay(t *testing.T, name string, lines ...string) *Container {
	t.Helper()
	c := surveyed(lines...)
	want := strings.Count(strings.Join(lines, "\n"), "BROKEN")
	if got := strings.Count(strings.Join(sent(effect(t, c, lines...)), "\n"), "BROKEN"); got != want {
		t.Errorf("%s: %d of %d are sent: %+v", name, got, want, c.Findings)
	}
	return c
}

// sure makes what is proposed in comments active.
func sure(c *Container) *Container {
	for i := range c.Findings {
		c.Findings[i].Unsure = false
	}
	return c
}

// TestChecksAmongTraces: what joins the lines of traces may join a health check to one, as the
// last line or the first, and that must not drop the trace.
func TestChecksAmongTraces(t *testing.T) {
	for name, trace := range map[string][]string{
		"java":      {"java.lang.IllegalStateException: BROKEN %d", "\tat com.x.Y.z(Y.java:17)", "\tat com.x.Y.z(Y.java:18)"},
		"python":    {"Traceback (most recent call last):", `  File "/x.py", line 3, in <module>`, "    main()", "ValueError: BROKEN %d"},
		"node":      {"Error: BROKEN %d", "    at main (/app/x.js:17:3)", "    at main (/app/x.js:18:3) {", "  code: 'E17'", "}"},
		"go":        {"panic: BROKEN %d", "", "goroutine 1 [running]:", "main.main()", "\t/app/x.go:17 +0x1"},
		"multiline": {"2026-11-29 12:00:00 ERROR BROKEN %d", "    at pay", "    at main"},
	} {
		for _, check := range []string{
			"GET /healthz 200", `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /healthz HTTP/1.1" 200 2 "-" "curl/8"`, `| 200 | 12µs | 10.0.0.1 | GET "/healthz"`,
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 2 "-" "kube-probe/1.30"`,
			`{"level":"info","path":"/health","status":200}`, `level=info path=/health status=200`, `{"level":"info","path":"/health"}`, "GET /health", "heartbeat",
		} {
			var lines []string
			for k := range 60 {
				for _, line := range trace {
					lines = append(lines, strings.Replace(line, "%d", fmt.Sprint(k), 1))
				}
				if k%3 != 0 {
					lines = append(lines, check)
				}
			}
			name := name + ", " + check
			c := stay(t, name, lines...)
			for _, f := range c.Findings {
				if f.Kind == Noise && !strings.HasSuffix(f.Text, "; those that are joined to other lines stay") {
					t.Errorf("%s: %s", name, f.Text)
				}
			}
			// What the rules do to an entry does not depend on what has joined it: here the
			// check is its first line.
			var rules []Finding
			for _, f := range sure(c).Findings {
				if f.Kind == Noise {
					rules = append(rules, f)
				}
			}
			c.Findings = rules
			for _, more := range []string{strings.Join(trace, "\n"), "BROKEN 200", "BROKEN }", " BROKEN\t", "\nBROKEN \"\n"} {
				if e := effect(t, c, check+"\n"+more, check); len(e) != 2 || !e[0].Sent() || e[1].Sent() {
					t.Errorf("%s: of %q and the check alone %d are sent", name, more, len(sent(e)))
				}
			}
		}
	}
	// The end of a line is no part of a path.
	c := surveyed(slices.Repeat([]string{`GET /health?x=1 200`, "order"}, 20)...)
	if left := sent(effect(t, c, "GET /health?x=1\nBROKEN 200", "GET http://a\nBROKEN/health 200")); len(left) != 2 {
		t.Errorf("%q, %+v", left, c.Findings)
	}
}

// TestChecksJoined: what is joined already is no health check.
func TestChecksJoined(t *testing.T) {
	s := New(Subject{Name: "web", Label: "container", Value: "web"})
	for k := range 40 {
		s.Add(Line{Time: began + int64(k)*int64(time.Second), Stream: logs.Stdout, Text: []byte("GET /healthz 200\njava.lang.Error: BROKEN\n\tat com.x.Y.z(Y.java:17)")})
	}
	if c := s.End(Storage{}); len(c.Findings) != 0 {
		t.Errorf("%+v", c.Findings)
	}
}

// TestChecksInTwoForms: beside lines with a status there may be others without one, and a rule
// for these must not drop of those what has failed.
func TestChecksInTwoForms(t *testing.T) {
	for name, form := range map[string][]string{
		"json": {`{"level":"info","path":"/health","msg":"started"}`, `{"level":"info","path":"/health","status":200,"msg":"done"}`, `{"level":"error","path":"/health","status":503,"msg":"BROKEN"}`},
		"text": {`GET /health`, `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 200 2 "-" "curl/8"`, `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 503 2 "-" "BROKEN"`},
	} {
		lines := append(slices.Repeat(form[:2], 40), form[2], form[2])
		c := stay(t, name, lines...)
		var noise []bool
		for _, f := range c.Findings {
			if f.Kind == Noise {
				noise = append(noise, f.Unsure)
			}
		}
		if len(noise) != 2 || noise[0] == noise[1] {
			t.Errorf("%s: %+v", name, c.Findings)
		}
		if left := sent(effect(t, c, lines...)); len(left) != 42 {
			t.Errorf("%s: %d lines are left", name, len(left))
		}
	}
}

// TestChecksLoud: a line whose status is good and whose level is not goes by a rule that looks at
// the status. It is not said to stay, and the rule is a comment.
func TestChecksLoud(t *testing.T) {
	for check, loud := range map[string]string{
		"INFO GET /health 200": "ERROR GET /health 200 but the database is BROKEN",
		`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 200 2 "-" "curl/8"`: `WARN BROKEN: 10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 200 2 "-" "curl/8"`,
		`{"level":"info","path":"/health","status":200}`:                                      `{"level":"error","path":"/health","status":200,"msg":"BROKEN"}`,
		`{"path":"/health","status":200,"code":200}`:                                          `{"path":"/health","status":200,"code":503,"msg":"BROKEN"}`,
		`level=info path=/health status=200`:                                                  `level=warn path=/health status=200 msg=BROKEN`,
	} {
		var lines []string
		for k := range 40 {
			lines = append(lines, check, fmt.Sprintf("order %d", k))
		}
		bad := strings.ReplaceAll(strings.Replace(check, "INFO", "ERROR", 1), "200", "503")
		c := stay(t, check, append(lines, loud, bad, bad)...)
		for _, f := range c.Findings {
			const want = "; 2 more have failed, and stay; 1 more says that something is wrong although the status is good, and would be dropped as well"
			if f.Kind == Noise && (!f.Unsure || f.Lines != 40 || !strings.HasSuffix(f.Text, want)) {
				t.Errorf("%s: %+v", check, f)
			}
		}
		// That is what the rule does.
		left := sent(effect(t, sure(c), append(lines, loud, bad, bad)...))
		if len(left) != 42 || slices.Contains(left, loud) {
			t.Errorf("%s: %d lines are left", check, len(left))
		}
	}
}

// TestRepeatsAlone: what drops a text that comes again drops no line that only ends with it.
func TestRepeatsAlone(t *testing.T) {
	for _, text := range []string{"connected", "2026-11-29 12:00:00.123 connected", "[2026-11-29T12:00:00+01:00] connected", "2026-11-29 12:00:00 Zone connected"} {
		var lines []string
		for k := range 60 {
			lines = append(lines, text, fmt.Sprintf("order %d", k))
		}
		stays := []string{"broker: not connected", "2026-11-29 12:00:00 not connected", "not\nconnected", text + "\nBROKEN"}
		left := sent(effect(t, sure(surveyed(lines...)), append(lines, stays...)...))
		if len(left) != 60+len(stays) || !slices.Equal(left[60:], stays) {
			t.Errorf("%q: %d lines are left, at the end %q", text, len(left), left[max(0, len(left)-len(stays)):])
		}
	}
}
