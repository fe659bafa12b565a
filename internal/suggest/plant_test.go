package suggest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/test/lines"
)

// a repeats, so that no file here holds what a scanner for secrets would report.
func a(n int) string { return strings.Repeat("a", n) }

// planted are secrets of each preset.
var planted = map[string][]string{
	"tokens": {
		"ghp_" + a(36), "AKIA" + strings.Repeat("B", 16), "eyJ" + a(20) + ".eyJ" + a(20) + "." + a(20), "glpat-" + a(20), "xoxb-" + strings.Repeat("1", 12) + "-" + a(20), "sk_live_" + a(24), "sk-proj-" + a(40),
		"-----BEGIN PRIVATE KEY-----\\n" + a(60) + "\\n-----END PRIVATE KEY-----",
	},
	"cards":     {"4111 1111 1111 1111", "5500-0000-0000-0004", "374245455400126"},
	"mails":     {"joe.doe+x@mail.example.org"},
	"addresses": {"203.0.113.7", "2001:db8::17"},
}

// TestSecrets: each kind is found among ordinary lines, is not in what is printed, and gone
// with what is proposed.
func TestSecrets(t *testing.T) {
	for preset, all := range planted {
		for _, secret := range all {
			var lines []string
			for k := range 200 {
				lines = append(lines, fmt.Sprintf("order %d is done", k))
			}
			lines[77] = "it was " + secret + " that was used"
			c := surveyed(lines...)
			stages, kinds := found(c, Secrets)
			if stages != "redact: ["+preset+"]" || len(kinds) != 1 {
				t.Errorf("%s: %q, %q", secret, stages, kinds)
				continue
			}
			if f := c.Findings[0]; f.Lines != 1 || f.Of != 200 {
				t.Errorf("%s: %+v", secret, f)
			}
			if left := sent(effect(t, c, lines...)); slices.ContainsFunc(left, func(l string) bool { return strings.Contains(l, secret) }) {
				t.Errorf("%s is left", secret)
			}
			if strings.Contains(printed(t, c), secret) {
				t.Errorf("%s is printed", secret)
			}
		}
	}
}

// printed is all that is printed of a container.
func printed(t *testing.T, c *Container) string {
	t.Helper()
	var out strings.Builder
	r := &Report{Containers: []*Container{c}}
	if err := errors.Join(r.Configuration(&out), r.JSON(&out)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestSecretNames: whoever makes names of fields from data may make them from secrets. Of those
// nothing is proposed: not as a label, and not as a level or the path of a health check.
func TestSecretNames(t *testing.T) {
	all := []string{"postgres://app:hunter2@db"}
	for _, of := range planted {
		all = append(all, of...)
	}
	for _, secret := range all {
		name, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		forms := map[string][]string{
			"label": {`{"level":"info",%s:"v%dx"}`, `{"level":"info","usage":{%s:"v%dx"}}`, `{"level":"info","usage":{"a b":{%s:{"id":"v%dx"}}}}`},
			"level": {`{%s:"WARN","n":%d}`, `{"by":{%s:"WARN"},"n":%d}`},
			"check": {`{"level":"info",%s:"/health","status":200,"n":%d}`, `{"level":"info","by":{%s:"/health"},"status":200,"n":%d}`},
		}
		for kind, of := range forms {
			for _, form := range of {
				var lines []string
				for k := range 300 {
					lines = append(lines, fmt.Sprintf(form, name, k))
				}
				if out := printed(t, surveyed(lines...)); strings.Contains(out, secret) || strings.Contains(out, strings.Trim(string(name), `"`)) {
					t.Errorf("%s: %s is printed:\n%s", kind, secret, out)
				}
			}
		}
		if strings.ContainsAny(secret, " =") {
			continue
		}
		var lines []string
		for k := range 300 {
			lines = append(lines, fmt.Sprintf("level=info n=%d %s=v%dx", k, secret, k))
		}
		if out := printed(t, surveyed(lines...)); strings.Contains(out, secret) {
			t.Errorf("logfmt: %s is printed:\n%s", secret, out)
		}
	}
}

// TestSecretWords: a secret of letters alone is no text of plain words, and such texts are shown.
func TestSecretWords(t *testing.T) {
	for text, shown := range map[string]bool{
		"admin logs in with QWERTYUIOPLKJHGFDSA":  false,
		"admin logs in with QWERTYUIOPL":          false,
		"admin logs in with qwrtplkjhgfdsaei":     false,
		"admin logs in with aBcDeFgHi":            false,
		"admin logs in with abcdefghijklmnopqrs":  false,
		"healthchecks of ServiceManager are done": true,
		"HTTPS INITIALIZED: (catchphrase)":        false,
		"HTTPS connection is reused":              true,
		"no jobs in the queue":                    true,
	} {
		var lines []string
		for k := range 100 {
			lines = append(lines, text, fmt.Sprintf("order %d", k))
		}
		if is := strings.Contains(printed(t, surveyed(lines...)), text); is != shown {
			t.Errorf("%q: shown %v", text, is)
		}
	}
}

// TestPasswordInURL: it is found, gone with the pattern that is proposed, and not found again.
func TestPasswordInURL(t *testing.T) {
	for _, url := range []string{"postgres://app:hunter2@db.example.org:5432/shop", "redis://:hunter2@cache", "see https://joe:hunter2@example.org/x?mail=joe@example.org"} {
		c := surveyed("connecting to "+url, "done")
		stages, kinds := found(c, Secrets)
		if len(kinds) != 1 || !strings.Contains(stages, "url_password") || strings.Contains(stages, "hunter2") || strings.Contains(c.Findings[0].Text, "hunter2") {
			t.Errorf("%s: %q, %+v", url, stages, c.Findings)
			continue
		}
		left := sent(effect(t, c, "connecting to "+url))
		if strings.Contains(left[0], "hunter2") {
			t.Errorf("%q is left", left)
		}
		if again := surveyed(left...); len(again.Findings) != 0 {
			t.Errorf("%q: %+v", left, again.Findings)
		}
	}
	if c := surveyed("http://localhost:8080/a@b", "amqp://app:***@mq", "postgres://app:xxxxx@db", "http://u:${PW}@h", "at 12:30:45 // a:b@c"); len(c.Findings) != 0 {
		t.Errorf("%+v", c.Findings)
	}
}

// TestKeyInSeveralLines: a key is found only in one entry, so its lines are joined.
func TestKeyInSeveralLines(t *testing.T) {
	all := []string{"service started", "done.", "-----BEGIN PRIVATE KEY-----", a(64), strings.Repeat("b", 64), "Zm9v==", "-----END PRIVATE KEY-----", "order 7 is done", "order 8 is done"}
	c := surveyed(all...)
	stages, kinds := found(c, Join)
	if len(kinds) != 2 || !strings.HasPrefix(stages, "multiline: ") {
		t.Fatalf("%q, %q", kinds, stages)
	}
	left := sent(effect(t, c, all...))
	want := []string{"service started", "done.", "<redacted:private_key>", "order 7 is done", "order 8 is done"}
	if !slices.Equal(left, want) {
		t.Errorf("%q", left)
	}
	// Where a parser joins other lines it does not join these, which is said.
	_, trace := lines.Traced("java", 3)
	c = surveyed(append(all, trace...)...)
	for _, f := range c.Findings {
		if f.Kind == Secrets && !strings.Contains(f.Text, "private key are not joined") {
			t.Errorf("%+v", f)
		}
	}
}

// TestJoined: with what is proposed the lines of a trace are one entry, and what is joined
// already is not proposed.
func TestJoined(t *testing.T) {
	var all, entries []string
	for k := range 10 {
		alone, together := lines.Traced("java", k)
		all = append(append(all, alone), together...)
		entries = append(entries, alone, strings.Join(together, "\n"))
	}
	c := surveyed(all...)
	if f := c.Findings[0]; f.Kind != Join || !strings.HasSuffix(f.Text, " are stack traces of Java: 10 entries of several lines each") || f.Lines != int64(len(all)-10) {
		t.Errorf("%+v", f)
	}
	if left := sent(effect(t, c, all...)); !slices.Equal(left, entries) {
		t.Errorf("%d entries, want %d: %q", len(left), len(entries), left)
	}
	if c = surveyed(entries...); len(c.Findings) != 0 {
		t.Errorf("joined already: %+v", c.Findings)
	}
}

// TestContinued: what follows a line with a time and has none is part of it.
func TestContinued(t *testing.T) {
	var all []string
	for k := range 20 {
		all = append(all, fmt.Sprintf("2026-11-29 12:00:%02d a report of %d", k, k), "  first: 1", "  second: 2")
	}
	c := surveyed(all...)
	if left := sent(effect(t, c, all...)); len(left) != 20 {
		t.Errorf("%d entries, %+v", len(left), c.Findings)
	}
}

// TestColours: they are found, and gone.
func TestColours(t *testing.T) {
	all := []string{"\x1b[32mINFO\x1b[0m ready", "plain"}
	c := surveyed(all...)
	if left := sent(effect(t, c, all...)); !slices.Equal(left, []string{"INFO ready", "plain"}) {
		t.Errorf("%q, %+v", left, c.Findings)
	}
}

// TestLabels: fields with many values, in whatever depth and format, become structured metadata
// under a name that is free.
func TestLabels(t *testing.T) {
	for name, line := range map[string]func(k int) string{
		"json": func(k int) string {
			return fmt.Sprintf(`{"level":"info","user":{"id":%d},"request-id":"r%x","container":"c%d","msg":"job %d","ms":%d,"kind":"k%d"}`, k, k*7919, k, k, k, k%7)
		},
		"logfmt": func(k int) string {
			return fmt.Sprintf(`level=info user.id=%d request-id=r%x container=c%d msg="job %d" ms=%d kind=k%d`, k, k*7919, k, k, k, k%7)
		},
	} {
		var all []string
		for k := range 300 {
			all = append(all, line(k+1000))
		}
		c := of(Subject{Name: "web", Label: "container", Value: "web", LevelsFound: true, Taken: []string{"container"}}, all...)
		if len(c.Findings) != 1 || c.Findings[0].Kind != Labels || len(c.Findings[0].Names) != 3 || !strings.Contains(c.Findings[0].Text, "300 values in 300 lines") {
			t.Errorf("%s: %+v", name, c.Findings)
			continue
		}
		e := effect(t, c, all...)[7]
		if m := e.After.Metadata; m["user_id"] != "1007" || m["request_id"] != fmt.Sprintf("r%x", 1007*7919) || m["field_container"] != "c1007" || len(m) != 3 || len(e.After.Labels) != 2 {
			t.Errorf("%s: %v, %v", name, m, e.After.Labels)
		}
	}
}

// TestNames: whatever a field of JSON is called, it is found by its path, whose quoted names are
// texts of JSON, or nothing is proposed of it.
func TestNames(t *testing.T) {
	for name, proposed := range map[string]bool{
		"a": true, "a b": true, "a.b": true, "a:b": true, "*": true, "[a": true, "{a": true, "a#b: c": true, "a,b}": true, "it's": true, `a"b`: true, `a\b`: true, "a<b>&c": true,
		"a\ab": true, "a\x00b": true, "a\tb\vc\bd\fe": true, "\U0001f600": true, "\u00fc": true, "a\ufffdb": true, "a\u2028b": true,
		"a\x7fb": false, "a\u0085b": false, "a\u202eb": false, "a\U000e0001b": false, "a\xffb": false,
	} {
		key, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(name) {
			key = []byte(`"` + name + `"`)
		}
		var all []string
		for k := range 300 {
			all = append(all, fmt.Sprintf(`{"level":"info","in it":{%s:"v%dx"}}`, key, k))
		}
		c := surveyed(all...)
		if len(c.Findings) != map[bool]int{true: 1}[proposed] {
			t.Errorf("%q: %+v", name, c.Findings)
			continue
		}
		e := effect(t, c, all...)[7]
		if !proposed {
			continue
		}
		path, is := strings.CutPrefix(c.Findings[0].Names[0], `"in it".`)
		var back string
		if name == "a" {
			path = `"` + path + `"`
		}
		if err := json.Unmarshal([]byte(path), &back); !is || err != nil || back != name {
			t.Errorf("%q: its path is %s", name, path)
		}
		if m := e.After.Metadata; len(m) != 1 || !slices.Contains(slices.Collect(maps.Values(m)), "v7x") {
			t.Errorf("%q: %v", name, m)
		}
	}
}

// TestLevels: pino's numbers, and a field that nobody would look in.
func TestLevels(t *testing.T) {
	var pino, strange []string
	for k := range 50 {
		pino = append(pino, fmt.Sprintf(`{"level":%d,"time":17959536%05d,"msg":"job %d"}`, 30+10*(k%3), k, k))
		strange = append(strange, fmt.Sprintf(`{"prio":"%s","msg":"job %d"}`, []string{"INFO", "WARN"}[k%2], k))
	}
	c := surveyed(pino...)
	if stages, kinds := found(c, Format); stages != "parser: json" || !slices.Equal(kinds, []Kind{Format, Level}) || !strings.Contains(c.Findings[1].Text, "50 lines (100 %) have a level that Loki does not find by itself: it is a number") {
		t.Errorf("%q, %q: %+v", stages, kinds, c.Findings)
	}
	if e := effect(t, c, pino...)[2]; e.After.Metadata["detected_level"] != "error" {
		t.Errorf("%+v", e.After)
	}
	c = surveyed(strange...)
	if e := effect(t, c, strange...)[1]; e.After.Metadata["detected_level"] != "warn" {
		t.Errorf("%+v, %+v", e.After, c.Findings)
	}
}

// TestLevelsOff: where levels are not looked for, that is proposed for all containers.
func TestLevelsOff(t *testing.T) {
	for _, missed := range []int64{0, 20} {
		var out strings.Builder
		if err := (&Report{Containers: []*Container{{Name: "web", Lines: 100, Missed: missed}}}).Configuration(&out); err != nil {
			t.Fatal(err)
		}
		want := "# 20 lines of all (20 %) have a level that Loki does not find by itself, and detect-level is off.\ndetect-level: true\n"
		if strings.Contains(out.String(), want) != (missed > 0) {
			t.Errorf("%d missed: %s", missed, out.String())
		}
	}
}

// TestAccessAddresses: those of an access log are its operator's to judge, and other secrets in
// it are not.
func TestAccessAddresses(t *testing.T) {
	var all []string
	for k := range 50 {
		all = append(all, fmt.Sprintf(`203.0.113.%d - - [29/Nov/2026:12:00:00 +0000] "GET /orders/%d HTTP/1.1" 200 512 "-" "curl/8"`, k, k))
	}
	all = append(all, `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /?mail=joe@example.org HTTP/1.1" 200 512 "-" "curl/8"`)
	c := surveyed(all...)
	var of []Finding
	for _, f := range c.Findings {
		if f.Kind == Secrets {
			of = append(of, f)
		}
	}
	if len(of) != 2 || of[0].Unsure || of[0].Lines != 1 || of[0].Stages[0] != "redact: [mails]" || !of[1].Unsure || of[1].Lines != 50 || of[1].Stages[0] != "redact: [addresses]" {
		t.Errorf("%+v", of)
	}
	if left := sent(effect(t, c, all...)); left[0] != all[0] || strings.Contains(left[50], "joe") {
		t.Errorf("%q", left)
	}
}

// TestStorage: a log that is kept too short, or for ever, is named, and others are not.
func TestStorage(t *testing.T) {
	newest := began + int64(2*time.Hour)
	ago := func(d time.Duration) int64 { return newest - int64(d) }
	for name, one := range map[string]struct {
		of   Storage
		want string
	}{
		"full":        {Storage{Driver: "json-file", MaxSize: 1e6, MaxFile: 3, Files: 3, Bytes: 25e5, Oldest: ago(12 * time.Minute)}, "Docker keeps 12 minutes of this log (max-size 1m, max-file 3): what is written while lighterman does not run is lost after that. With max-file 16 it would be 60 minutes"},
		"not full":    {Storage{Driver: "local", MaxSize: 20e6, MaxFile: 5, Files: 3, Bytes: 50e6, Oldest: ago(10 * time.Minute)}, "at the rate at which it was written, Docker keeps 20 minutes of this log (max-size 20m, max-file 5)"},
		"long enough": {Storage{Driver: "json-file", MaxSize: 1e6, MaxFile: 3, Files: 3, Bytes: 25e5, Oldest: ago(61 * time.Minute)}, ""},
		"a burst":     {Storage{Driver: "json-file", MaxSize: 1e9, MaxFile: 3, Files: 1, Bytes: 25e5, Oldest: ago(time.Second)}, ""},
		"one file":    {Storage{Driver: "json-file", MaxSize: 1e6, MaxFile: 1, Files: 1, Bytes: 9e5, Oldest: ago(9 * time.Minute)}, "Docker keeps 10 minutes of this log (max-size 1m, max-file 1), and at each rotation nothing"},
		"one is left": {Storage{Driver: "json-file", MaxSize: 2e4, MaxFile: 1, Files: 2, Bytes: 3e4, Oldest: ago(9 * time.Second)}, "Docker keeps 9 s of this log (max-size 20k, max-file 1)"},
		"half full":   {Storage{Driver: "json-file", MaxSize: 2e4, MaxFile: 1, Files: 1, Bytes: 1e4, Oldest: ago(9 * time.Second)}, "Docker keeps 18 s of this log (max-size 20k, max-file 1)"},
		"a cache":     {Storage{Driver: "syslog", Prefix: "cache-", MaxSize: 20e6, MaxFile: 5, Files: 5, Bytes: 9e7, Oldest: ago(9 * time.Minute)}, "Docker keeps 9 minutes of this log (cache-max-size 20m, cache-max-file 5)"},
		"large":       {Storage{Driver: "json-file", MaxFile: 1, Files: 1, Bytes: 300 << 20, Oldest: ago(time.Minute)}, "without max-size this log is never rotated: it has 300 MiB, until the disk is full"},
		"grows":       {Storage{Driver: "json-file", MaxFile: 1, Files: 1, Bytes: 100 << 20, Oldest: ago(2 * time.Hour)}, "it has 100 MiB and grows by 1200 MiB a day"},
		"small":       {Storage{Driver: "json-file", MaxFile: 1, Files: 1, Bytes: 1 << 20, Oldest: ago(2 * time.Hour)}, ""},
		"nothing":     {Storage{}, ""},
	} {
		got := ""
		for _, f := range one.of.findings(newest) {
			got += f.Text
		}
		if one.want == "" && got != "" || !strings.Contains(got, one.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestHostile: whatever a container is called, its name is a comment and a value of its label,
// and nothing else.
func TestHostile(t *testing.T) {
	for _, name := range []string{"a'\nstages:\n  - drop: {expression: '.*'}\n#", "\x1b]0;title\x07\x9b31m", "\u202e\u2028\u0085\ufffe\U000e0041", `b"} |= "x`, `\x`, "# - x: 'y", "{{ .Value }}", strings.Repeat("long ", 400)} {
		var all []string
		for k := range 100 {
			all = append(all, "\x1b[31mred", "no jobs in the queue", fmt.Sprint("job ", k))
		}
		s := New(Subject{Name: name, Label: "container", Value: name})
		for i, line := range all {
			s.Add(Line{Time: began + int64(i), Text: []byte(line)})
		}
		c := s.End(Storage{Driver: "json-file", MaxSize: 1e6, MaxFile: 2, Files: 2, Bytes: 2e6, Oldest: began - int64(time.Minute)})
		if entries := effect(t, c, all...); len(sent(entries)) != len(all) || strings.Contains(sent(entries)[0], "\x1b") {
			t.Errorf("%q: %d lines, the first %q", name, len(sent(entries)), sent(entries)[0])
		}
		var out strings.Builder
		if err := (&Report{Containers: []*Container{c, {Name: name, Unread: name}}}).Configuration(&out); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07\u202e\u2028\u0085\ufffe\U000e0041\u009b") {
			t.Errorf("%q: %q", name, out.String())
		}
	}
}

// TestAlike: containers that need the same share a match.
func TestAlike(t *testing.T) {
	red := func(name string) *Container {
		s := New(Subject{Name: name, Label: "container", Value: name})
		s.Add(Line{Time: began, Text: []byte("\x1b[31mred")})
		return s.End(Storage{})
	}
	var out strings.Builder
	if err := (&Report{Containers: []*Container{red("shop.1"), red("shop.2")}}).Configuration(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`selector: '{container=~"shop\\.1|shop\\.2"}'`, "# shop.1: 1 line (100 %)", "# shop.2: 1 line (100 %)"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("%q is not there once in\n%s", want, out.String())
		}
	}
}
