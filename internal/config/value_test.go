package config

import (
	"log/slog"
	"math"
	"testing"
	"time"
)

const (
	wantDuration = ": expected a duration, such as 200ms, 10s or 7d"
	wantSince    = `: expected "beginning", "now" or a duration, such as 168h or 7d`
	wantSize     = ": expected a size, such as 1048576, 512KiB or 1MiB"
	wantURL      = ": expected an http or https URL, such as http://localhost:3100"
	wantEngine   = `: expected "none" or a unix, tcp, http or https URL, such as unix:///var/run/docker.sock`
	wantAddress  = `: expected "off", an address, such as 127.0.0.1:9177, or a socket, such as unix:///run/lighterman/lighterman.sock`
	wantProxy    = ": expected an http, https or socks5 URL, such as http://proxy:3128"
	wantTenant   = ": expected at most 150 letters, digits and !-_.*'()"
	notShown     = "invalid value (not shown, it may hold a password)"
)

func TestRefusedValues(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"loki-url", "localhost:3100", `invalid value "localhost:3100"` + wantURL},
		{"loki-url", "ftp://loki", `invalid value "ftp://loki"` + wantURL},
		{"loki-url", "http://", `invalid value "http://"` + wantURL},
		{"loki-url", "http://loki:99999", `invalid value "http://loki:99999"` + wantURL},
		{"loki-url", "http://loki/#x", `invalid value "http://loki/#x"` + wantURL},
		{"loki-url", "ftp://loki?token=hunter2", `invalid value "ftp://loki"` + wantURL},
		{"loki-url", "http://u:hunter2%zz@loki", notShown + wantURL},
		{"loki-url", "http://u@loki", "the URL must not hold a user or a password; use --loki-username and --loki-password-file"},
		{"proxy-url", "ftp://u:p@proxy", notShown + wantProxy},
		{"docker-host", "ssh://me@host", notShown + wantEngine},
		{"docker-host", "tcp://me@host:2375", "the URL must not hold a user or a password"},
		{"docker-host", "/var/run/docker.sock", `invalid value "/var/run/docker.sock"` + wantEngine},
		{"docker-host", "unix://var/run/docker.sock", `invalid value "unix://var/run/docker.sock"` + wantEngine},
		{"listen", "9177", `invalid value "9177"` + wantAddress},
		{"listen", "localhost:http", `invalid value "localhost:http"` + wantAddress},
		{"listen", "http://localhost:9177", `invalid value "http://localhost:9177"` + wantAddress},
		{"listen", "", `invalid value ""` + wantAddress},
		{"mode", "", `invalid value "": expected "hybrid", "file" or "stream"`},
		{"batch-wait", "200", `invalid value "200"` + wantDuration},
		{"batch-wait", "-1s", `invalid value "-1s"` + wantDuration},
		{"batch-wait", "", `invalid value ""` + wantDuration},
		{"batch-wait", "1h2d", `invalid value "1h2d"` + wantDuration},
		{"batch-wait", "99999999999w", `invalid value "99999999999w"` + wantDuration},
		{"batch-wait", "106751d24h", `invalid value "106751d24h"` + wantDuration},
		{"push-timeout", "0", `invalid value "0": expected a duration above zero, such as 10s`},
		{"since", "0s", `invalid value "0s"` + wantSince},
		{"since", "yesterday", `invalid value "yesterday"` + wantSince},
		{"batch-size", "1MB2", `invalid value "1MB2"` + wantSize},
		{"batch-size", "1.5MiB", `invalid value "1.5MiB"` + wantSize},
		{"batch-size", "-1", `invalid value "-1"` + wantSize},
		{"batch-size", "99999999999GiB", `invalid value "99999999999GiB"` + wantSize},
		{"batch-size", "1023", `invalid value "1023": expected a size from 1KiB to 1GiB`},
		{"max-memory", "1KiB", `invalid value "1KiB": expected a size from 1MiB to 1024GiB`},
		{"file-percent", "101", `invalid value "101": expected a number from 0 to 100`},
		{"file-percent", "10%", `invalid value "10%": expected a number from 0 to 100`},
		{"include-name", "web(", "invalid pattern \"web(\": missing closing ): `web(`"},
		{"include-name", "a)|(b", "invalid pattern \"a)|(b\": unexpected ): `a)|(b`"},
		{"include-name", "", "expected a pattern, found nothing"},
		{"exclude-label", "=x", `invalid value "=x": expected key or key=value`},
		{"tenant-id", "a|b", `invalid value "a|b"` + wantTenant},
		{"tenant-id", "..", `invalid value ".."` + wantTenant},
		{"loki-username", "me:hunter2", "must not contain a colon; the password goes into loki-password-file"},
		{"external-label", "a", `invalid value "a": expected name=value`},
		{"external-label", "a-b=c", `invalid label name "a-b": expected letters, digits and underscores, not beginning with a digit`},
		{"external-label", "__a=c", `invalid label name "__a": names that begin with two underscores are reserved`},
		{"external-label", "stream=c", `invalid label name "stream": lighterman sets this label itself`},
		{"external-label", "container=c", `invalid label name "container": lighterman sets this label itself`},
		{"external-label", "host=c", `invalid label name "host": use host-label`},
		{"external-label", "a=", `label "a" has no value`},
		{"tls-insecure-skip-verify", "yes", `invalid value "yes": expected true or false`},
		{"log-level", "trace", `invalid value "trace": expected "debug", "info", "warn" or "error"`},
		{"color", "on", `invalid value "on": expected "auto", "always" or "never"`},
		{"tenant-id", "a\xff", "is not valid UTF-8"},
		{"host-label", "a\u2028b", "must not contain the control character U+2028"},
	} {
		_, err := load([]string{"--" + tt.name + "=" + tt.value}, testEnviron, testMachine)
		wantErr(t, err, "--"+tt.name+": "+tt.want)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "200ms": 200 * time.Millisecond, "1.5h": 90 * time.Minute, "7d": 168 * time.Hour,
		"2w": 336 * time.Hour, "1w1d1h": 193 * time.Hour, "106751d23h": 106751*24*time.Hour + 23*time.Hour,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "12": 12, "1kB": 1e3, "1KiB": 1 << 10, "2MB": 2e6, "2MiB": 2 << 20, "3GB": 3e9, "3GiB": 3 << 30,
	} {
		if got, err := size[int64](0, math.MaxInt64)(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestTypedFields(t *testing.T) {
	c, err := loadFile(t, `
log-level: warn
listen: off
since: 2d
batch-wait: 0
batch-size: 2048
file-percent: 10
include-name: [web, "db-[0-9]"]
include-label: [team, tier=back=end, "empty="]
external-label: {dc: north, rack: "12"}
loki-url: https://loki:3100/prefix?x=1
tls-insecure-skip-verify: True
proxy-url: http://u:p@proxy
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != slog.LevelWarn || c.Listener.Address != "" || c.Reading.Since != (Since{Age: 48 * time.Hour}) || c.Batch.Wait != 0 ||
		c.Batch.Bytes != 2048 || c.Reading.FilePercent != 10 || c.Loki.URL.String() != "https://loki:3100/prefix?x=1" ||
		!c.Loki.TLS.InsecureSkipVerify || c.Loki.Proxy.Host != "proxy" || len(c.Labels.External) != 2 || c.Labels.External["rack"] != "12" {
		t.Errorf("got %+v", c)
	}
	if p := c.Containers.IncludeName[0]; !p.MatchString("web") || p.MatchString("web-1") || p.MatchString("my-web") {
		t.Errorf("pattern %v is not anchored", p)
	}
	labels := map[string]string{"team": "a", "tier": "back=end", "empty": ""}
	for _, m := range c.Containers.IncludeLabel {
		if !m.Matches(labels) || m.Matches(nil) || m.Matches(map[string]string{"tier": "x", "empty": "x"}) {
			t.Errorf("label match %+v", m)
		}
	}
}
