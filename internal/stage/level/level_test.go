package level

import (
	"bytes"
	"strings"
	"testing"
)

// The lines of this table are those of real loggers, with texts of our own.
var lines = []struct {
	name, line string
	want       Level
}{
	{"pino", `{"level":30,"time":1795953600000,"pid":1,"hostname":"a","msg":"listening"}`, Info},
	{"pino error", `{"level":50,"time":1795953600000,"msg":"no"}`, Error},
	{"pino own", `{"level":35,"msg":"between"}`, Info},
	{"bunyan", `{"name":"app","hostname":"a","pid":1,"level":60,"msg":"gone","v":0}`, Fatal},
	{"zap", `{"level":"warn","ts":1795953600.1,"caller":"a/b.go:1","msg":"slow"}`, Warn},
	{"late", `{"time":"2026-11-29T12:00:00Z","message":"a \"level\": debug","level":"ERROR"}`, Error},
	{"nested", `{"ts":1,"log":{"origin":{"file":"a"},"level":"critical"},"message":"x"}`, Critical},
	{"ecs", `{"@timestamp":"2026-11-29T12:00:00Z","log.level":"DEBUG","message":"x"}`, Debug},
	{"outer wins", `{"a":{"level":"debug"},"severity":"ERROR"}`, Error},
	{"deep", `{"a":{"b":{"c":{"level":"warning"}}}}`, Warn},
	{"grade", `{"user":{"level":"c"},"msg":"signed in"}`, Unknown},
	{"game", `{"player":{"level":7},"msg":"up"}`, Unknown},
	{"not pino", `{"level":3,"msg":"x"}`, Unknown},
	{"float", `{"level":30.5,"msg":"x"}`, Unknown},
	{"list", `{"tags":["level","error"],"msg":"x"}`, Unknown},
	{"objects in a list", `{"tags":[{"a":1},"level"],"level":"warn"}`, Warn},
	{"text of JSON", `{"msg":"{\"level\":\"error\"}"}`, Unknown},
	{"cut", `{"time":1,"level":"info","msg":"no end of it`, Info},
	{"cut before", `{"time":1,"lev`, Unknown},
	{"GELF", `{"version":"1.1","host":"a","short_message":"x","level":3}`, Error},
	{"GELF level first", `{"version":"1.1","level":6,"short_message":"x"}`, Info},
	{"mongo", `{"t":{"$date":"2026-11-29T12:00:00.000+00:00"},"s":"W",  "c":"NETWORK",  "id":22943,   "ctx":"listener","msg":"Connection accepted"}`, Warn},
	{"mongo debug", `{"t":{"$date":"2026-11-29T12:00:00.000+00:00"},"s":"D2", "c":"REPL"}`, Debug},
	{"an s", `{"s":"I","msg":"x"}`, Unknown},
	{"serilog", `{"@t":"2026-11-29T12:00:00Z","@l":"Warning","@m":"x"}`, Warn},
	{"monolog", `{"message":"x","level":400,"level_name":"ERROR","channel":"app"}`, Error},
	{"colour in JSON", `{"level":"\u001b[32minfo\u001b[39m","message":"x"}`, Info},
	{"python-json", `{"asctime":"2026-11-29 12:00:00,000","levelname":"WARNING","message":"x"}`, Warn},

	{"logfmt", `time=2026-11-29T12:00:00Z level=warn msg="slow query"`, Warn},
	{"logfmt quoted", `ts="2026-11-29 12:00:00" msg="level=error here" lvl="EROR"`, Error},
	{"logfmt pino", `level=40 msg=x`, Warn},
	{"logfmt colour", "level=\x1b[31merror\x1b[0m msg=x", Error},
	{"logfmt without", `msg="error in the text" code=5`, Unknown},
	{"assignment", `2026-11-29 12:00:00 SELECT x FROM t WHERE level="error"`, Unknown},

	{"klog", `E0806 10:15:00.123456       1 reflector.go:138] cannot list`, Error},
	{"klog info", `I1129 12:00:00.000000       1 main.go:1] started`, Info},
	{"not klog", `E08061 10:15`, Unknown},
	{"syslog", `<11>Nov 29 12:00:00 host app[1]: text`, Error},
	{"syslog 5424", `<165>1 2026-11-29T12:00:00Z host app - - - text`, Info},
	{"not syslog", `<999>text`, Unknown},
	{"html", `<b>ERROR</b>`, Unknown},
	{"redis", `1:M 29 Nov 2026 12:00:00.123 # WARNING Memory overcommit must be enabled`, Warn},
	{"redis notice", `1:C 29 Nov 2026 12:00:00.123 * oO0OoO0OoO0Oo Redis is starting`, Info},
	{"postgres", `2026-11-29 12:00:00.123 UTC [1] LOG:  database system is ready to accept connections`, Info},
	{"postgres fatal", `2026-11-29 12:00:00.123 UTC [77] FATAL:  password authentication failed for user "a"`, Fatal},
	{"postgres user", `2026-11-29 12:00:00.123 UTC [77] joe@shop ERROR:  relation "x" does not exist`, Error},
	{"postgres panic", `2026-11-29 12:00:00 CET [1] PANIC:  could not locate a valid checkpoint record`, Fatal},
	{"mysql", `2026-11-29T12:00:00.000000Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.`, Warn},
	{"mysql note", `2026-11-29 12:00:00+00:00 [Note] [Entrypoint]: Entrypoint script started.`, Info},
	{"mysql system", `2026-11-29T12:00:00.000000Z 0 [System] [MY-010931] [Server] ready for connections.`, Unknown},
	{"nginx", `2026/11/29 12:00:00 [error] 31#31: *1 open() "/x" failed (2: No such file or directory)`, Error},
	{"nginx emerg", `nginx: [emerg] host not found in upstream "a"`, Unknown},
	{"nginx notice", `2026/11/29 12:00:00 [notice] 1#1: start worker processes`, Info},
	{"apache", `[Sun Nov 29 12:00:00.123456 2026] [core:error] [pid 1:tid 2] AH00082: x`, Error},
	{"haproxy", `[NOTICE]   (1) : New worker (8) forked`, Info},
	{"access", `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /error HTTP/1.1" 500 12`, Unknown},
	{"logback", `12:00:00.123 [main] DEBUG c.e.Main - text`, Debug},
	{"spring", `2026-11-29T12:00:00.123Z  WARN 1 --- [nio-8080-exec-1] o.s.web.Thing : text`, Warn},
	{"log4j", `2026-11-29 12:00:00,123 ERROR [http-1] com.example.Shop - cannot`, Error},
	{"jul", `SEVERE: cannot start`, Error},
	{"jul fine", `FINE: a detail`, Debug},
	{"python", `WARNING:root:text`, Warn},
	{"python with a name", `2026-11-29 12:00:00,123 - shop.db - CRITICAL - x`, Critical},
	{"uvicorn", `INFO:     127.0.0.1:5 - "GET / HTTP/1.1" 200 OK`, Info},
	{"gunicorn", `[2026-11-29 12:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)`, Info},
	{"celery", `[2026-11-29 12:00:00,123: ERROR/MainProcess] Task x raised`, Error},
	{"django", `[29/Nov/2026 12:00:00] "GET /error HTTP/1.1" 200 1`, Unknown},
	{"loguru", `2026-11-29 12:00:00.123 | SUCCESS  | m:f:1 - x`, Unknown},
	{"loguru warn", `2026-11-29 12:00:00.123 | WARNING  | m:f:1 - x`, Warn},
	{"zap console", "2026-11-29T12:00:00.123Z\tinfo\ta/b.go:1\ttext", Info},
	{"zerolog", `12:00PM INF text`, Info},
	{"logrus", `WARN[0001] text                key=1`, Warn},
	{"serilog text", `[12:00:00 INF] text`, Info},
	{".NET", `info: Microsoft.Hosting.Lifetime[14]`, Info},
	{".NET fail", `fail: Shop.Api[0]`, Error},
	{"ruby", `W, [2026-11-29T12:00:00.123456 #1]  WARN -- : text`, Warn},
	{"laravel", `[2026-11-29 12:00:00] production.ERROR: text {"a":1}`, Error},
	{"env_logger", `[2026-11-29T12:00:00Z INFO  shop::api] text`, Info},
	{"tracing colour", "\x1b[2m2026-11-29T12:00:00.123Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mshop\x1b[0m: text", Warn},
	{"colour", "\x1b[31mERROR\x1b[0m text", Error},
	{"colour in brackets", "[\x1b[36mdebug\x1b[0m] text", Debug},
	{"nest", `[Nest] 1  - 11/29/2026, 12:00:00 PM     LOG [NestFactory] Starting`, Info},
	{"fluentd", `2026-11-29 12:00:00 +0000 [warn]: #0 text`, Warn},
	{"winston", `error: cannot connect`, Error},
	{"tornado", `[E 2026-11-29 12:00:00 web:1] text`, Error},
	{"letter", `[W] text`, Warn},
	{"go panic", `panic: runtime error: index out of range`, Fatal},
	{"node", `Error: connect ECONNREFUSED 127.0.0.1:5432`, Error},
	{"android", `NOTICE: text`, Info},

	{"prose", `no error found in the file`, Unknown},
	{"prose first", `error handling was improved`, Unknown},
	{"prose capital", `Warning signs were ignored`, Unknown},
	{"prose note", `Note: error counts are reset`, Unknown},
	{"prose time", `2026-11-29 12:00:00 the ERROR was found`, Unknown},
	{"prose caps", `CONFIG LOADED`, Unknown},
	{"prose log", `LOG ROTATED`, Unknown},
	{"code", `ERROR_CODE=5`, Unknown},
	{"count", `5 errors, 2 warnings`, Unknown},
	{"brackets of prose", `[the ERROR handler] text`, Unknown},
	{"question", `is this fatal? [maybe] ERROR`, Unknown},
	{"path", `/var/log/error.log was opened`, Unknown},
	{"trace", "\tat com.example.Error.main(Error.java:5)", Unknown},
	{"caused", `Caused by: java.lang.Error: x`, Unknown},
	{"empty", ``, Unknown},
	{"blank", " \t ", Unknown},
	{"brace", `{`, Unknown},
	{"quote", `"INFO"`, Unknown},
	{"information", `Information about the level of the river`, Unknown},
	{"health", `GET /healthz 200 info`, Unknown},
}

func TestDetect(t *testing.T) {
	for _, c := range lines {
		if got := Detect([]byte(c.line)); got != c.want {
			t.Errorf("%s: %v instead of %v: %s", c.name, got, c.want, c.line)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Level{
		"NOTICE": Info, "Severe": Error, "PANIC": Fatal, "20": Debug, "70": Unknown, "crit": Critical, "": Unknown, "0": Unknown,
		"something else": Unknown, "EMERG": Fatal, "w": Warn, "finest": Trace,
	} {
		if got := Parse([]byte(text)); got != want {
			t.Errorf("%q: %v instead of %v", text, got, want)
		}
	}
}

// TestBounded: what is further back is not looked at.
func TestBounded(t *testing.T) {
	line := []byte(`{"msg":"` + strings.Repeat("x", Look) + `","level":"error"}`)
	if got := Detect(line); got != Unknown {
		t.Errorf("%v", got)
	}
}

func FuzzDetect(f *testing.F) {
	for _, c := range lines {
		f.Add([]byte(c.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l := Detect(line)
		if l > Fatal {
			t.Fatal(l)
		}
		// More text behind what is looked at changes nothing.
		if len(line) >= Look && Detect(append(bytes.Clone(line), "ERROR"...)) != l {
			t.Fatal("looked too far")
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	for _, name := range []string{"pino", "zap", "late", "nested", "logfmt", "klog", "postgres", "nginx", "access", "spring", "prose", "mongo"} {
		for _, c := range lines {
			if c.name != name {
				continue
			}
			line := []byte(c.line)
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Detect(line)
				}
			})
		}
	}
}

// TestMissed: what Loki surely finds by itself is left to it; the rest is what Detect says.
// That Loki does find it is seen in test/outcomes.
func TestMissed(t *testing.T) {
	left := 0
	for _, c := range lines {
		got := Missed([]byte(c.line))
		if got == Unknown && c.want != Unknown {
			left++
			continue
		}
		if got != c.want {
			t.Errorf("%s: %v instead of %v: %s", c.name, got, c.want, c.line)
		}
	}
	if left < 5 {
		t.Errorf("only %d of %d are left to Loki", left, len(lines))
	}
	for _, line := range []string{
		`{"level":"info","msg":"x"}`, `{"time":"x","level":"WARN"} `, "INFO text", "2026-11-29 12:00:00 ERROR text", "warning: text", "[DEBUG] text",
		"t=5 level=info msg=\"x\"", "level=ERR",
	} {
		if got := Missed([]byte(line)); got != Unknown {
			t.Errorf("not left to Loki, which finds it: %v: %s", got, line)
		}
	}
	for line, want := range map[string]Level{
		`{"level":"notice","msg":"x"}`: Info,
		"level=NOTICE msg=x":           Info,
		"severity=info msg=x":          Info,
		`[error handler] INFO text`:    Info,
		`{"a":{"b":{"level":30}}}`:     Info,
		`{"@l":"Warning","@mt":"x"}`:   Warn,
		`[a] INFO text`:                Info,
		`12:00:00|INFO |text`:          Info,
	} {
		if got := Missed([]byte(line)); got != want {
			t.Errorf("%v instead of %v: %s", got, want, line)
		}
	}
}

// TestCandidate: no key for the level is passed over, but those in capitals, and Serilog's.
func TestCandidate(t *testing.T) {
	for _, key := range []string{
		"level", "lvl", "severity", "loglevel", "log_level", "log.level", "levelname", "level_name", "@level", "severity_text", "severitytext", "log-level", "Level",
	} {
		if !keyed([]byte(key)) || candidate([]byte(`x="`+key+`"`)) < 0 {
			t.Errorf("%s: keyed %v", key, keyed([]byte(key)))
		}
	}
}

// carried are lines as bench/line makes them, and others without a level.
var carried = map[string]string{
	"bench":      `t=1764000000123456789 c=00042 n=0000001234 request served cache miss connection opened retry worker user=1234 took 12.5 ms upstream timeout order payment accepted stored 0123456789abcdef`,
	"prose":      `the request was served from the cache after a miss, and the connection was opened again by a worker that had finished with the queue of the session before`,
	"time":       `2026-11-29 12:00:00.123 request served cache miss connection opened retry worker queue started finished user session token expired upstream`,
	"json":       `{"time":"2026-11-29T12:00:00.123456789Z","msg":"request served","method":"GET","path":"/api/v1/items/4711","status":200,"duration_ms":12.5,"request_id":"7f9c2ba4-e88f-4b8a-9c7d-0a1b2c3d4e5f"}`,
	"json level": `{"time":"2026-11-29T12:00:00.123456789Z","level":"info","msg":"request served","method":"GET","path":"/api/v1/items/4711","status":200,"duration_ms":12.5}`,
	"pino":       `{"level":30,"time":1795953600000,"pid":1,"hostname":"a","msg":"request served","method":"GET","path":"/api/v1/items/4711","status":200,"duration_ms":12.5}`,
	"access":     `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api/v1/items?page=2 HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/119.0"`,
	"java":       `2026-11-29 12:00:00,123 INFO  [http-nio-8080-exec-7] com.example.shop.OrderService - order 4711 of customer 815 accepted in 12 ms`,
	"logfmt":     `time=2026-11-29T12:00:00.123Z level=info msg="request served" method=GET path=/api/v1/items/4711 status=200 duration=12.5ms`,
	"klog":       `E0806 10:15:00.123456       1 reflector.go:138] cannot list`,
}

func BenchmarkMissed(b *testing.B) {
	for name, text := range carried {
		line := []byte(text)
		for how, find := range map[string]func([]byte) Level{"Detect": Detect, "Missed": Missed} {
			b.Run(name+"/"+how, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					find(line)
				}
			})
		}
	}
}
