package suggest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/preset"
)

// began is the time of the first line.
var began = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC).UnixNano()

// surveyed is what is found in lines that are a millisecond apart.
func surveyed(lines ...string) *Container {
	return of(Subject{Name: "web", Label: "container", Value: "web", LevelsFound: true}, lines...)
}

func of(s Subject, lines ...string) *Container {
	survey := New(s)
	for i, line := range lines {
		survey.Add(Line{Time: began + int64(i)*int64(time.Millisecond), Stream: logs.Stdout, Text: []byte(line)})
	}
	return survey.End(Storage{})
}

// found returns the stages of a kind, joined, and all kinds.
func found(c *Container, kind Kind) (stages string, all []Kind) {
	for _, f := range c.Findings {
		all = append(all, f.Kind)
		if f.Kind == kind {
			stages += strings.Join(f.Stages, "\n") + "\n"
		}
	}
	return strings.TrimSuffix(stages, "\n"), all
}

// clean are lines of programs that need nothing: k is the number of the line.
var clean = map[string]func(k int) string{
	"log4j": func(k int) string {
		return fmt.Sprintf("2026-11-29 12:00:00.123 INFO  [main] org.example.Jobs - job %d is done", k)
	},
	"python": func(k int) string { return fmt.Sprintf("2026-11-29 12:00:00,123 INFO app.worker: job %d is done", k) },
	"prose":  func(k int) string { return fmt.Sprintf("order %d was accepted at 127.0.0.1:8080, release 1.2.3.4", k) },
	"slog json": func(k int) string {
		return fmt.Sprintf(`{"time":"2026-11-29T12:00:00.%09dZ","level":"INFO","msg":"job %d is done","ms":%d}`, k, k, k)
	},
	"logfmt": func(k int) string {
		return fmt.Sprintf(`time=2026-11-29T12:00:00.%09dZ level=info msg="job %d is done" ms=%d.%d`, k, k, k, k)
	},
	"indented": func(k int) string { return fmt.Sprintf("  step %d of the plan (12:30:45) at /srv/app/data/%d", k, k) },
	// What looks like a secret, and is none.
	"snowflakes": func(k int) string {
		return fmt.Sprintf("message %d of guild %d stored", 4111111111111000000+int64(k)*7919, 5105105105100000+int64(k)*131)
	},
	"times": func(k int) string {
		return fmt.Sprintf("at %d in %d ns, uuid 550e8400-e29b-41d4-a716-44665544%04d", 1795953600123456789+int64(k), k, k)
	},
	"hashes": func(k int) string { return fmt.Sprintf("commit %040x of main, etag %032x", k*7919, k*104729) },
	"units": func(k int) string {
		return fmt.Sprintf("Started user@%d.service, getty@tty1.service and sshd@%d.socket", k, k)
	},
	"assets": func(k int) string {
		return fmt.Sprintf("GET /img/logo@2x.png and /img/icon%d@3x.svg, git@github.com:org/repo.git, react@18.2.0.tgz, mod@v0.1.0-dev.abc, web@docker, app@db.service.consul", k)
	},
	"classes": func(k int) string {
		return fmt.Sprintf("class sk-loading-skeleton-wrapper-for-the-page-%d and sk-fading-circle-element-of-all-%d", k, k)
	},
	"private": func(k int) string {
		return fmt.Sprintf("from 10.1.2.%d to 192.168.7.%d and 172.18.0.%d, fe80::%x, ::1, 0.0.0.0", k%250, k%250, k%250, k)
	},
	"versions": func(k int) string {
		return fmt.Sprintf("Mozilla/5.0 Chrome/120.0.0.0 Edg/119.0.2151.97, version 21.4.0.%d, v22.1.33.7, build 10.0.19045.3693", k%250)
	},
}

// TestClean: of ordinary logs nothing is said.
func TestClean(t *testing.T) {
	for name, line := range clean {
		var lines []string
		for k := range 3000 {
			lines = append(lines, line(k))
		}
		for _, f := range surveyed(lines...).Findings {
			t.Errorf("%s: %s: %s", name, f.Kind, f.Text)
		}
	}
}

// TestTraces: the logs of all languages, as the presets' own tests have them, are to be joined
// by that preset.
func TestTraces(t *testing.T) {
	for i := range languages {
		name := languages[i].parser
		var lines []string
		text, err := os.ReadFile(filepath.Join("..", "stage", "preset", "testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.ReplaceAll(string(text), "<ESC>", "\x1b")) {
			if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "=== ") {
				lines = append(lines, line)
			}
		}
		c := surveyed(lines...)
		stages, _ := found(c, Join)
		if stages != "parser: "+name {
			t.Errorf("%s: %q", name, stages)
		}
	}
}

// TestFormats: servers are recognised where their parser finds more than Loki.
func TestFormats(t *testing.T) {
	for name, line := range map[string]string{
		"json":    `{"level":50,"time":1795953600123,"msg":"no"}`,
		"nginx":   `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api HTTP/1.1" 502 512 "-" "curl/8.5.0"`,
		"traefik": `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api HTTP/1.1" 502 12 "-" "-" 1 "web@docker" "http://172.18.0.5:80" 3ms`,
		"apache":  `[Sun Nov 29 12:00:00.123456 2026] [core:notice] [pid 1:tid 2] AH00094: Command line`,
		"haproxy": `10.0.0.7:51234 [29/Nov/2026:12:00:00.123] web shop/app1 0/0/1/12/13 503 512 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"`,
		"redis":   `1:M 29 Nov 2026 12:00:00.123 # Warning: no space`,
		"klog":    `E1129 12:00:00.123456       1 server.go:12] no`,
		"mongodb": `{"t":{"$date":"2026-11-29T12:00:00.000+00:00"},"s":"W","c":"NETWORK","msg":"slow"}`,
		"syslog":  `<11>Nov 29 12:00:00 host app[1]: no`,
	} {
		c := surveyed(slices.Repeat([]string{line}, 20)...)
		if stages, all := found(c, Format); stages != "parser: "+name || !slices.Contains(all, Level) {
			t.Errorf("%s: %q, %q", name, stages, all)
		}
	}
	if _, is := preset.Get(presetOf("access")); !is {
		t.Error("there is no parser for access logs")
	}
}
