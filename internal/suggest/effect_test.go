package suggest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/stage"
)

// effect takes lines through the configuration that is proposed for them, which must be one.
func effect(t *testing.T, c *Container, lines ...string) (all []*rehearsal.Entry) {
	t.Helper()
	var text strings.Builder
	if err := (&Report{Since: time.Unix(0, began), Containers: []*Container{c}, LevelsFound: true}).Configuration(&text); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Stages []yaml.Node
		Level  bool `yaml:"detect-level"`
	}
	if err := yaml.Unmarshal([]byte(text.String()), &doc); err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	var nodes []*yaml.Node
	for i := range doc.Stages {
		nodes = append(nodes, &doc.Stages[i])
	}
	p, err := stage.Compile(nodes, stage.Options{Path: "stages"})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	labels := logs.NewLabels(map[string]string{c.Label: c.Value}, nil)
	r := rehearsal.Rehearse(&rehearsal.Subject{Name: c.Name, Labels: labels, Pipeline: p}, func(e *rehearsal.Entry) { all = append(all, e) })
	for i, line := range lines {
		r.Add(rehearsal.Line{Time: began + int64(i)*int64(time.Millisecond), Text: []byte(line)})
	}
	r.End()
	return all
}

// sent are the texts of what is sent.
func sent(all []*rehearsal.Entry) (out []string) {
	for _, e := range all {
		if e.Sent() {
			out = append(out, e.After.Line)
		}
	}
	return out
}

// TestHealthChecks: each form of them is found with its share, and the rule drops just those
// that say all is well.
func TestHealthChecks(t *testing.T) {
	for name, form := range map[string]struct{ check, failed, other string }{
		"access": {
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /healthz?full=1 HTTP/1.1" 200 2 "-" "curl/8"`,
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /healthz HTTP/1.1" 503 2 "-" "curl/8"`,
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /healthz-report/%d HTTP/1.1" 200 2 "-" "curl/8"`,
		},
		"uvicorn": {`INFO:     127.0.0.1:5000 - "GET /api/v1/health HTTP/1.1" 200 OK`, `INFO:     127.0.0.1:5000 - "GET /api/v1/health HTTP/1.1" 500 Internal Server Error`, `INFO:     127.0.0.1:5000 - "GET /api/v1/users/%d HTTP/1.1" 200 OK`},
		"morgan":  {`GET /ping 200 1.2 ms - 4`, `GET /ping 500 1.2 ms - 4`, `GET /pingpong/%d 200 1.2 ms - 4`},
		"gin": {
			`[GIN] 2026/11/29 - 12:00:00 | 200 |      12.3µs |      10.0.0.1 | GET      "/readyz"`,
			`[GIN] 2026/11/29 - 12:00:00 | 503 |      12.3µs |      10.0.0.1 | GET      "/readyz"`,
			`[GIN] 2026/11/29 - 12:00:00 | 200 |      12.3µs |      10.0.0.1 | GET      "/orders/%d"`,
		},
		"prober": {
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 2 "-" "kube-probe/1.30"`,
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 500 2 "-" "kube-probe/1.30"`,
			`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /%d HTTP/1.1" 200 2 "-" "curl/8"`,
		},
		"json":   {`{"level":"info","path":"/health","status":200}`, `{"level":"info","path":"/health","status":503}`, `{"level":"info","path":"/orders/%d","status":200}`},
		"nested": {`{"level":"info","req":{"url":"/health?x=1"},"res":{"statusCode":204}}`, `{"level":"info","req":{"url":"/health"},"res":{"statusCode":503}}`, `{"level":"info","req":{"url":"/orders/%d"},"res":{"statusCode":200}}`},
		"logfmt": {`level=info path=/livez status=200`, `level=info path=/livez status=500`, `level=info path=/orders/%d status=200`},
	} {
		var lines []string
		for k := range 40 {
			lines = append(lines, form.check, fmt.Sprintf(form.other, k))
		}
		lines = append(lines, form.failed, form.failed)
		c := surveyed(lines...)
		var noise *Finding
		for i := range c.Findings {
			if c.Findings[i].Kind == Noise {
				noise = &c.Findings[i]
			}
		}
		if noise == nil || noise.Unsure || noise.Lines != 40 || !strings.HasPrefix(noise.Text, "40 lines (48 %) are health checks: /") && name != "prober" || !strings.HasSuffix(noise.Text, "2 more have failed, and stay") {
			t.Errorf("%s: %+v", name, noise)
			continue
		}
		left := sent(effect(t, c, lines...))
		if len(left) != 42 || slices.Contains(left, form.check) || !slices.Contains(left, form.failed) {
			t.Errorf("%s: %d lines are left: %s", name, len(left), left[:min(3, len(left))])
		}
	}
}

// TestChecksWithoutStatus: where a line does not say how it went the rule says so, and is a
// comment.
func TestChecksWithoutStatus(t *testing.T) {
	rest := make([]string, 0, 20)
	for k := range 20 {
		rest = append(rest, fmt.Sprintf("order %d is done", k))
	}
	for _, check := range []string{"GET /health", "health check ok", "heartbeat", `{"path":"/health","level":"info"}`} {
		c := surveyed(append(slices.Repeat([]string{check}, 20), rest...)...)
		if len(c.Findings) != 1 || !c.Findings[0].Unsure || c.Findings[0].Lines != 20 || !strings.Contains(c.Findings[0].Text, "50 %") || !strings.Contains(c.Findings[0].Text, "those that fail would be dropped as well") {
			t.Errorf("%s: %+v", check, c.Findings)
		}
		if left := len(sent(effect(t, c, check, "order 1 is done"))); left != 2 {
			t.Errorf("%s: %d lines are left", check, left)
		}
		if left := len(sent(effect(t, sure(c), check, "order 1 is done"))); left != 1 {
			t.Errorf("%s: %d lines are left without the #", check, left)
		}
	}
	c := surveyed(append(append(slices.Repeat([]string{"GET /health"}, 20), "GET /health failed"), rest...)...)
	if len(c.Findings) != 1 || !c.Findings[0].Unsure || !strings.Contains(c.Findings[0].Text, "1 more says that something is wrong and would be dropped as well") {
		t.Errorf("%+v", c.Findings)
	}
}

// TestOtherNoise: texts that come again, and what is for whoever mends the program, are the
// operator's to judge, and a text with anything in it but plain words is not repeated.
func TestOtherNoise(t *testing.T) {
	var lines []string
	for k := range 100 {
		lines = append(lines, "2026-11-29 12:00:00.123 no jobs in the queue", fmt.Sprintf("job %d is done", k))
	}
	c := surveyed(lines...)
	if stages, _ := found(c, Noise); stages != `drop: {expression: '^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.,Z+:\] -]*)?no jobs in the queue\r?$', drop_counter_reason: repeated}` || !c.Findings[0].Unsure {
		t.Errorf("%q, %+v", stages, c.Findings)
	}
	if left := sent(effect(t, c, lines...)); len(left) != len(lines) {
		t.Errorf("%d lines are left", len(left))
	}
	for i := range lines {
		if i%2 == 0 {
			lines[i] = "2026-11-29 12:00:00.123 connected with password hunter two"
		}
	}
	if c = surveyed(lines...); len(c.Findings) != 0 {
		t.Errorf("%+v", c.Findings)
	}
	for i := range lines {
		if i%2 == 0 {
			lines[i] = fmt.Sprintf("2026-11-29 12:00:00.123 DEBUG [main] org.example.Jobs - step %d", i)
		}
	}
	c = surveyed(lines...)
	if stages, _ := found(c, Noise); stages != "min_level: info" {
		t.Errorf("%q, %+v", stages, c.Findings)
	}
}
