package stage

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

const (
	jsonLine   = `{"time":"2026-11-29T12:00:00.123456789Z","level":"info","msg":"request served","method":"GET","path":"/api/v1/items/4711","status":200,"duration_ms":12.5,"request_id":"7f9c2ba4-e88f-4b8a-9c7d-0a1b2c3d4e5f","user_agent":"curl/8.5.0"}`
	accessLine = `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api/v1/items?page=2 HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/119.0"`
	javaLine   = `2026-11-29 12:00:00,123 INFO  [http-nio-8080-exec-7] com.example.shop.OrderService - order 4711 of customer 815 accepted in 12 ms`
	logfmtLine = `time=2026-11-29T12:00:00.123Z level=info msg="request served" method=GET path=/api/v1/items/4711 status=200 duration=12.5ms request_id=7f9c2ba4-e88f-4b8a-9c7d-0a1b2c3d4e5f`
)

func BenchmarkStages(b *testing.B) {
	for _, c := range []struct{ name, stages, line string }{
		{"level", "- level:", jsonLine},
		{"level/java", "- level:", javaLine},
		{"min_level", "- min_level: warn", javaLine},
		{"json", "- json: {expressions: {level: , method: , status: }}", jsonLine},
		{"json+labels", "- json: {expressions: {level: , method: }}\n- labels: {level: , method: }", jsonLine},
		{"json+labels+drop", "- json: {expressions: {level: , path: }}\n- labels: {level: }\n- drop: {source: path, expression: '^/health'}", jsonLine},
		{"json+labels+drop+redact", "- json: {expressions: {level: , path: }}\n- labels: {level: }\n- drop: {source: path, expression: '^/health'}\n- redact: [tokens, cards, mails]", jsonLine},
		{"logfmt+labels", "- logfmt: {mapping: {level: , method: }}\n- labels: {level: , method: }", logfmtLine},
		{"regex+labels", "- regex: {expression: '\"(?P<method>[A-Z]+) \\S+ HTTP/[\\d.]+\" (?P<status>\\d{3})'}\n- labels: {method: , status: }", accessLine},
		{"drop miss", "- drop: {expression: 'GET /health\\S* HTTP'}", accessLine},
		{"drop hit", "- drop: {expression: 'GET /api\\S* HTTP'}", accessLine},
		{"match const", "- match: {selector: '{container=\"shop\"} |= \"kube-probe\"', action: drop}", accessLine},
		{"static_labels", "- static_labels: {env: prod}", javaLine},
		{"template", "- template: {source: x, template: '{{ .container }}: {{ .Entry }}'}\n- output: {source: x}", javaLine},
		{"replace", "- replace: {expression: 'customer (\\d+)', replace: '#'}", javaLine},
		{"decolorize", "- decolorize:", "\x1b[32mINFO\x1b[0m " + javaLine},
		{"timestamp", "- json: {expressions: {time: }}\n- timestamp: {source: time, format: RFC3339Nano}", jsonLine},
		{"parser java", "- parser: java", javaLine},
		{"parser json", "- parser: json", jsonLine},
		{"sampling", "- sampling: {rate: 0.5}", javaLine},
		{"limit", "- limit: {rate: 1000000, burst: 1000000, drop: true}", javaLine},
		{"redact all", "- redact: [tokens, cards, mails, addresses]", jsonLine},
		{"redact tokens", "- redact: tokens", jsonLine},
	} {
		p := compile(b, c.stages)
		b.Run(c.name, func(b *testing.B) {
			r := p.For(base)
			line := []byte(c.line)
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			at := start
			var e Entry
			for b.Loop() {
				at += 1000
				e.Time, e.Line, e.Labels = at, line, base
				r.Process(&e)
			}
		})
	}
}

// BenchmarkJoined is what reading a line costs where lines are joined, with no other stage.
func BenchmarkJoined(b *testing.B) {
	for _, c := range []struct{ name, stages string }{
		{"not", "- match: {selector: '{container=\"other\"}', action: drop}"},
		{"multiline", "- multiline: {firstline: '^\\d{4}-'}"},
	} {
		p := compile(b, c.stages)
		b.Run(c.name, func(b *testing.B) {
			r := newReading(p, logs.Position{}, func(*Entry) {})
			lines := [][]byte{[]byte(javaLine + "\n"), []byte("\tat com.example.shop.OrderService.accept(OrderService.java:120)\n")}
			emit := func(logs.Entry) {}
			b.ReportAllocs()
			var record logs.Record
			for i := 0; b.Loop(); i++ {
				record.Time, record.Text = start+int64(i)*1000, lines[i%2]
				r.joins.Add(&record, emit)
			}
		})
	}
}

// BenchmarkNone is what a container without stages costs: asking whether there is a run.
func BenchmarkNone(b *testing.B) {
	r := compile(b, "- match: {selector: '{container=\"other\"}', action: drop}").For(base)
	b.ReportAllocs()
	for b.Loop() {
		if r != nil {
			b.Fatal("a run")
		}
	}
}

func BenchmarkLevelAlone(b *testing.B) {
	for name, line := range map[string]string{"json": jsonLine, "java": javaLine, "logfmt": logfmtLine, "access": accessLine} {
		b.Run(name, func(b *testing.B) {
			l := []byte(line)
			b.ReportAllocs()
			for b.Loop() {
				level.Detect(l)
			}
		})
	}
}
