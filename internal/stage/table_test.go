package stage

var stageTable = []struct {
	name, stages string
	in, want     []string
}{
	{"json", `
- json: {expressions: {level: , msg: message, id: user.id, third: 'list[2]', end: 'list[-1]', odd: '"a.b"."c d"', none: none}}
- labels: {level: }
- structured_metadata: {id: , third: , end: , odd: , none: }
- output: {source: msg}`,
		[]string{
			`{"level":"info","message":"a \"b\" \u00e9","user":{"id":9007199254740993},"list":[1,2.50,true,{"x":1}],"a.b":{"c d":"e"}}`,
			`{"level":"info","message":"cut`, `no json`, `{"level":"warn","level":"error","message":null}`, `[1]`},
		[]string{
			`level=info {end={"x":1}} {id=9007199254740993} {odd=e} {third=true} a "b" é`,
			`{"level":"info","message":"cut`, `no json`, `level=error {"level":"warn","level":"error","message":null}`, `[1]`}},
	{"json of an extracted value", `
- json: {expressions: {log: }}
- json: {expressions: {inner: }, source: log}
- labels: {inner: }`,
		[]string{`{"log":"{\"inner\":\"x\"}"}`}, []string{`inner=x {"log":"{\"inner\":\"x\"}"}`}},
	{"malformed json", `
- json: {expressions: {a: }, drop_malformed: true}`, []string{`{"a":1}`, `{"a":tru}`, `x`}, []string{`{"a":1}`}},
	{"logfmt", `
- logfmt: {mapping: {level: lvl, msg: }}
- labels: {level: }
- output: {source: msg}`,
		[]string{`lvl=warn msg="a \"b\"" x`, `msg= lvl=info "`, `msg=a=b`}, []string{`level=warn a "b"`, `level=info `, `msg=a=b`}},
	{"regex", `
- regex: {expression: '^(?P<verb>GET|POST) (?P<path>\S+)(?: (?P<code>\d+))?'}
- labels: {verb: }
- structured_metadata: {path: , code: }`,
		[]string{`GET /a 200`, `POST /b`, `PUT /c`}, []string{`verb=GET {code=200} {path=/a} GET /a 200`, `verb=POST {path=/b} POST /b`, `PUT /c`}},
	{"labels", `
- static_labels: {env: prod, empty: ""}
- labels: {copy: container}
- labeldrop: [host]`,
		[]string{`x`}, []string{`copy=shop env=prod -host x`}},
	{"labelallow", "- static_labels: {env: prod}\n- labelallow: [app]", []string{`x`}, []string{`-container -host x`}},
	{"metadata of a label", "- structured_metadata: {where: host}", []string{`x`}, []string{`-host {where=h} x`}},
	{"drop", `
- drop: {expression: 'GET /health', drop_counter_reason: health}
- drop: {longer_than: 20B}
- json: {expressions: {a: , b: , c: }}
- drop: {source: [a, b], expression: '^x;y$'}
- drop: {source: c, value: z}`,
		[]string{`GET /health 200`, `123456789012345678901`, `12345678901234567890`, `{"a":"x","b":"y"}`, `{"a":"x"}`, `{"c":"z"}`, `{"c":"zz"}`, `{"c":""}`},
		[]string{`12345678901234567890`, `{"a":"x"}`, `{"c":"zz"}`, `{"c":""}`}},
	{"drop by a source", "- regex: {expression: '(?P<a>x)'}\n- drop: {source: a}", []string{`x`, `y`}, []string{`y`}},
	{"drop old", `
- regex: {expression: '^(?P<t>\d+)'}
- timestamp: {source: t, format: Unix}
- drop: {older_than: 1h}`, []string{`1795950000`, `1795949999`, `x`}, []string{`-3600000000000ns 1795950000`}},
	{"match", `
- match:
    selector: '{app="a"} |= "deep"'
    stages:
    - static_labels: {env: x}
    - match: {selector: '{env="x"} |~ "deeper$"', action: drop, drop_counter_reason: deeper}
    - match: {selector: '{env="x"}', stages: [{labels: {copy: env}}]}
- match: {selector: '{copy="x"}', stages: [{static_labels: {seen: 'yes'}}]}`,
		[]string{`deep`, `deeper`, `other`}, []string{`copy=x env=x seen=yes deep`, `other`}},
	{"template", `
- regex: {expression: '^(?P<level>\w+) (?P<msg>.*)'}
- template: {source: level, template: '{{ .Value | ToLower }}'}
- template: {source: new, template: '{{ .container }}/{{ .level }}: {{ .msg | replace "a" "b" | trunc 3 }}{{ if contains "x" .Entry }}!{{ end }}'}
- template: {source: msg, template: ''}
- labels: {level: }
- structured_metadata: {msg: }
- output: {source: new}`,
		[]string{`WARN aax`, `none`}, []string{`level=warn shop/warn: bbx!`, `none`}},
	{"template without end", "- template: {source: a, template: '{{ repeat 2000000 .Entry }}'}\n- output: {source: a}", []string{`xx`}, []string{`xx`}},
	{"template functions", `
- template: {source: a, template: '{{ Sha2Hash "s" .Entry | trunc 8 }} {{ Hash "s" .Entry | trunc 8 }} {{ regexReplaceAll "(\\d+)" .Entry "<$1>" }} {{ default "d" .nothing }} {{ add 1 2 }} {{ ternary "y" "n" (hasPrefix "a" .Entry) }} {{ div 1 0 }}'}
- template: {source: b, template: '{{ regexReplaceAll "(\\d+)" .Entry "<$1>" }} {{ default "d" .nothing }} {{ add 1 2 }} {{ ternary "y" "n" (hasPrefix "a" .Entry) }}'}
- output: {source: b}`, []string{`a12`}, []string{`a<12> d 3 y`}},
	{"replace", `
- replace: {expression: 'password=(\S+) (?P<user>\w+)', replace: '***'}
- replace: {expression: '(\d{3})', replace: '{{ if eq .Value "123" }}one{{ else }}{{ .Value }}{{ end }}'}
- labels: {user: }`,
		[]string{`password=x joe 123 password=y ann 456`, `no`}, []string{`user=*** password=*** *** one password=*** *** 456`, `no`}},
	{"replace with nothing", "- replace: {expression: '(\\s+)$', replace: ''}", []string{`a  `}, []string{`a`}},
	{"decolorize", "- decolorize:", []string{"\x1b[1;31mred\x1b[0m \x1b[38;5;82mx\x1b[K", "\x1b", "a\x1b[1"}, []string{"red x", "\x1b", "a\x1b[1"}},
	{"timestamp", `
- regex: {expression: '^(?P<t>\S+ ?\S*)'}
- timestamp: {source: t, format: RFC3339Nano, fallback_formats: ['Jan 2 15:04:05', UnixMs, Unix], action_on_failure: skip}`,
		[]string{`2026-11-29T12:00:00.5Z`, `1795953601500`, `1795953602.25`, `never`},
		[]string{`+500000000ns 2026-11-29T12:00:00.5Z`, `+500000000ns 1795953601500`, `+250000000ns 1795953602.25`, `never`}},
	{"timestamp fudged", `
- regex: {expression: '^t=(?P<t>\S+)'}
- timestamp: {source: t, format: Unix}`,
		[]string{`x`, `t=1795953601`, `y`, `z`}, []string{`x`, `t=1795953601`, `-999999999ns y`, `-1999999998ns z`}},
	{"timestamp in a zone", "- regex: {expression: '(?P<t>.*)'}\n- timestamp: {source: t, format: '2006-01-02 15:04:05', location: Europe/Berlin}",
		[]string{`2026-11-29 13:00:00`}, []string{`2026-11-29 13:00:00`}},
	{"multiline", "- multiline: {firstline: '^\\d', max_lines: 3}",
		[]string{`before`, `1 a`, ` b`, `2`, `3`, `c`, `d`, `e`, `4`},
		[]string{"before", "1 a\n b", "2", "3\nc\nd", "e", "4"}},
	{"multiline before a first line", "- multiline: {firstline: '^\\d', max_lines: 3}",
		[]string{`a`, `b`, `1 c`, `d`}, []string{"a\nb", "1 c\nd"}},
	{"multiline and limit", "- multiline: {firstline: '^\\d'}\n- limit: {rate: 0.25, burst: 1, drop: true}",
		[]string{`1 a`, ` b`, `2 c`, ` d`, ` e`, ` f`, `3 g`}, []string{"1 a\n b", "3 g"}},
	{"multiline and timestamp", "- multiline: {firstline: '^\\d'}\n- regex: {expression: '^(?P<t>\\d+)\\n'}\n- timestamp: {source: t, format: Unix}",
		[]string{`1795953601`, ` b`, `2`}, []string{"+1000000000ns 1795953601\n b", "-999999999ns 2"}},
	{"multiline and what follows", `
- multiline: {firstline: '^\S'}
- regex: {expression: '(?s)^(?P<first>\w+).*\n\s(?P<rest>.*)$'}
- labels: {first: }
- drop: {expression: 'secret'}`,
		[]string{`a`, ` b`, `x`, ` secret`, `z`}, []string{"first=a a\n b", "z"}},
	{"level", "- level:", []string{`{"level":30,"msg":"x"}`, `ERROR x`, `no error here`}, []string{`{detected_level=info} {"level":30,"msg":"x"}`, `{detected_level=error} ERROR x`, `no error here`}},
	{"level behind output", `
- json: {expressions: {msg: , sev: }}
- output: {source: msg}
- level: {source: sev}`,
		[]string{`{"level":"warn","msg":"a"}`, `{"sev":"PANIC","msg":"b"}`}, []string{`{detected_level=warn} a`, `{detected_level=fatal} b`}},
	{"min_level", "- min_level: warn", []string{`INFO a`, `WARN b`, `c`, `ERROR d`}, []string{`WARN b`, `c`, `ERROR d`}},
	{"sampling", "- sampling: {rate: 0.5}", []string{`a`, `b`, `c`, `d`, `e`, `f`}, []string{`a`, `c`, `d`, `e`}},
	{"sampling all", "- sampling: {rate: 1}", []string{`a`, `b`}, []string{`a`, `b`}},
	{"sampling none", "- sampling: {rate: 0}", []string{`a`, `b`}, nil},
	{"limit", "- limit: {rate: 0.5, burst: 2, drop: true}", []string{`a`, `b`, `c`, `d`, `e`, `f`}, []string{`a`, `b`, `e`, `f`}},
	{"limit less", "- limit: {rate: 0.25, burst: 1, drop: true}", []string{`a`, `b`, `c`, `d`, `e`, `f`}, []string{`a`, `e`}},
	{"limit by a label", "- regex: {expression: '(?P<k>.)'}\n- labels: {k: }\n- limit: {rate: 0.1, burst: 1, drop: true, by_label_name: k}",
		[]string{`a`, `b`, `a`, `b`}, []string{`k=a a`, `k=b b`}},
	{"tenant", "- regex: {expression: 't=(?P<t>\\w+)'}\n- tenant: {value: x}\n- tenant: {source: t}", []string{`a`, `t=y`}, []string{`@x a`, `@y t=y`}},
	{"tenant of a label", "- tenant: {label: app}", []string{`a`}, []string{`@a a`}},
	{"redact", "- redact: {presets: [mails], patterns: [{name: pw, expression: 'pw=(\\S+)'}]}\n- level:", []string{`ERROR joe@example.org pw=x`, `ok`},
		[]string{`{detected_level=error} ERROR <redacted:mail> pw=<redacted:pw>`, `ok`}},
	{"redact twice", "- redact: mails\n- redact: {presets: [cards], replace: '#'}", []string{`joe@example.org 4111111111111111`}, []string{`<redacted:mail> #`}},
	{"parser", "- parser: java\n- labels: {level: }\n- structured_metadata: {time: }",
		[]string{`2026-11-29 12:00:00,123 ERROR [x] a.B - no`, `java.lang.IllegalStateException: x`, "\tat a.B.c(B.java:1)", `Caused by: y`, `2026-11-29 12:00:01,000 INFO [x] a.B - ok`},
		[]string{"level=error {time=2026-11-29 12:00:00,123} 2026-11-29 12:00:00,123 ERROR [x] a.B - no\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: y",
			`level=info {time=2026-11-29 12:00:01,000} 2026-11-29 12:00:01,000 INFO [x] a.B - ok`}},
	{"label stream", "- regex: {expression: '(?P<x>.)'}\n- labels: {stream: }\n- template: {source: o, template: '{{ .stream }}'}\n- output: {source: o}", []string{`a`}, []string{`stdout`}},
}
