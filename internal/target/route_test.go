package target

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// host makes a data root with the given content in the log of container "id".
func host(t *testing.T, content *string) Policy {
	t.Helper()
	p := Policy{Mode: Hybrid, FilePercent: 100, Root: t.TempDir()}
	dir := filepath.Join(p.Root, "containers", "id")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if content != nil {
		for _, name := range []string{"id-json.log", "local-logs/container.log", "container-cached.log"} {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(*content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

func TestDecide(t *testing.T) {
	record, foreign, empty := `{"log":"x\n"}`, "2025-11-07T12:00:00Z stdout F x\n", ""
	frame, begun, hole := "\x00\x00\x00\x0d\x0a\x06stdout", "\x00\x00", "\x00\x00\x00\x00\x00\x00"
	blocking, uncached := map[string]string{"mode": "blocking"}, map[string]string{"cache-disabled": "true"}
	started := time.Now()
	for _, test := range []struct {
		name      string
		content   *string
		container logs.Container
		change    func(*Policy)
		kind      logs.RouteKind
		reason    string
		fallback  bool
	}{
		{"file", &record, logs.Container{Driver: "json-file", StartedAt: started}, nil, logs.File, "can be read", false},
		{"empty file", &empty, logs.Container{Driver: "json-file", StartedAt: started}, nil, logs.File, "can be read", false},
		{"never started", nil, logs.Container{Driver: "json-file"}, nil, logs.File, "when the container starts", false},
		{"file missing", nil, logs.Container{Driver: "json-file", StartedAt: started}, nil, logs.File, "was deleted or renamed", false},
		{"other format", &foreign, logs.Container{Driver: "json-file", StartedAt: started}, nil, logs.API, "json-file format", true},
		{"no mount", &record, logs.Container{Driver: "json-file"}, func(p *Policy) { p.Root = "/nowhere" }, logs.API, "no such file", true},
		{"mode stream", &record, logs.Container{Driver: "json-file"}, func(p *Policy) { p.Mode = StreamOnly }, logs.API, "mode is stream", false},
		{"mode file", &record, logs.Container{Driver: "json-file"}, func(p *Policy) { p.Mode = FileOnly; p.FilePercent = 0 }, logs.File, "can be read", false},
		{"mode file, no mount", nil, logs.Container{Driver: "json-file", StartedAt: started}, func(p *Policy) { p.Mode = FileOnly; p.Root = "/nowhere" }, logs.Unreadable, "mode is file", true},
		{"mode file, other driver", nil, logs.Container{Driver: "journald"}, func(p *Policy) { p.Mode = FileOnly }, logs.Unreadable, "mode is file", false},
		{"no engine", &record, logs.Container{Driver: "json-file", StartedAt: started}, func(p *Policy) { p.NoEngine = true; p.FilePercent = 0 }, logs.File, "can be read", false},
		{"no engine, no mount", nil, logs.Container{Driver: "json-file", StartedAt: started}, func(p *Policy) { p.NoEngine = true; p.Root = "/nowhere" }, logs.Unreadable, "docker-host is none, and the json-file log cannot be read", true},
		{"no engine, other format", &foreign, logs.Container{Driver: "json-file", StartedAt: started}, func(p *Policy) { p.NoEngine = true }, logs.Unreadable, "json-file format", true},
		{"no engine, plugin", nil, logs.Container{Driver: "vendor/driver:1"}, func(p *Policy) { p.NoEngine = true }, logs.Unreadable, `docker-host is none, and log driver "vendor/driver:1"`, false},
		{"Podman", &foreign, logs.Container{Driver: "json-file", StartedAt: started}, func(p *Policy) { p.Podman = true }, logs.Unreadable, `Podman: its "json-file" log`, false},
		{"0 percent", &record, logs.Container{Driver: "json-file"}, func(p *Policy) { p.FilePercent = 0 }, logs.API, "file-percent", false},
		{"local", &frame, logs.Container{Driver: "local", StartedAt: started}, nil, logs.File, "local log can be read", false},
		{"local, empty", &empty, logs.Container{Driver: "local", StartedAt: started}, nil, logs.File, "local log can be read", false},
		{"local, half a frame", &begun, logs.Container{Driver: "local", StartedAt: started}, nil, logs.File, "local log can be read", false},
		{"local, truncated", &hole, logs.Container{Driver: "local", StartedAt: started}, nil, logs.File, "local log can be read", false},
		{"local, never started", nil, logs.Container{Driver: "local"}, nil, logs.File, "when the container starts", false},
		{"local, missing", nil, logs.Container{Driver: "local", StartedAt: started}, nil, logs.File, "was deleted or renamed", false},
		{"local, other format", &record, logs.Container{Driver: "local", StartedAt: started}, nil, logs.API, "Docker's local driver", true},
		{"local, mode stream", &frame, logs.Container{Driver: "local"}, func(p *Policy) { p.Mode = StreamOnly }, logs.API, "mode is stream", false},
		{"local, mode file, no mount", nil, logs.Container{Driver: "local", StartedAt: started}, func(p *Policy) { p.Mode = FileOnly; p.Root = "/nowhere" }, logs.Unreadable, "mode is file", true},
		{"local, 0 percent", &frame, logs.Container{Driver: "local"}, func(p *Policy) { p.FilePercent = 0 }, logs.API, "file-percent", false},
		{"journald", nil, logs.Container{Driver: "journald", DriverOptions: uncached}, nil, logs.API, `"journald"`, false},
		{"journald of an engine that cannot read it", &frame, logs.Container{Driver: "journald", StartedAt: started}, nil, logs.File, "cache", false},
		{"syslog", &frame, logs.Container{Driver: "syslog", StartedAt: started}, nil, logs.File, "a buffer of 1 MB", false},
		{"syslog, blocking", &frame, logs.Container{Driver: "syslog", StartedAt: started, DriverOptions: blocking}, nil, logs.File, "what the driver has taken", false},
		{"syslog, never started", nil, logs.Container{Driver: "syslog"}, nil, logs.File, "when the container starts", false},
		{"syslog, missing", nil, logs.Container{Driver: "syslog", StartedAt: started}, nil, logs.File, "was deleted or renamed", false},
		{"plugin", nil, logs.Container{Driver: "vendor/driver:1"}, nil, logs.API, `"vendor/driver:1"`, false},
		{"plugin with cache", &frame, logs.Container{Driver: "vendor/driver:1"}, nil, logs.File, "cache", false},
		{"cache disabled", &frame, logs.Container{Driver: "syslog", DriverOptions: uncached}, nil, logs.Unreadable, "cache-disabled", false},
		{"none", nil, logs.Container{Driver: "none"}, nil, logs.Unreadable, "stores nothing", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := host(t, test.content)
			if test.change != nil {
				test.change(&p)
			}
			test.container.ID = "id"
			got := p.Decide(&test.container)
			if got.Kind != test.kind || !strings.Contains(got.Reason, test.reason) || got.Fallback != test.fallback {
				t.Errorf("got %+v, want %v because of %q, fallback %v", got, test.kind, test.reason, test.fallback)
			}
			if (got.Kind == logs.File) != (got.Path != "") {
				t.Errorf("path %q", got.Path)
			}
			if frames := got.Kind == logs.File && test.container.Driver != "json-file"; (got.Format == logs.Frames) != frames {
				t.Errorf("format %v", got.Format)
			}
			if got.Kind == logs.File && strings.Contains(got.Reason, "1 MB") && test.container.DriverOptions["mode"] == "blocking" {
				t.Errorf("reason %q", got.Reason)
			}
		})
	}
}

func TestSymbolicLinkIsNotFollowed(t *testing.T) {
	record := `{"log":"x\n"}`
	p := host(t, &record)
	path := filepath.Join(p.Root, "containers", "id", "id-json.log")
	if err := os.Rename(path, path+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".real", path); err != nil {
		t.Fatal(err)
	}
	if got := p.Decide(&logs.Container{ID: "id", Driver: "json-file", StartedAt: time.Now()}); got.Kind != logs.API {
		t.Errorf("got %+v", got)
	}
}

// TestPercentGrows: whoever goes by file at 10 % does so at 50 %, too, and the
// shares are about what they say.
func TestPercentGrows(t *testing.T) {
	at := func(percent int) (n int) {
		before, now := Policy{FilePercent: percent - 1}, Policy{FilePercent: percent}
		for i := range 10000 {
			id := fmt.Sprintf("%064x", i*7919)
			if now.chosen(id) {
				n++
			}
			if before.chosen(id) && !now.chosen(id) {
				t.Fatalf("%s leaves at %d %%", id, percent)
			}
		}
		return n
	}
	for percent, want := range map[int]int{0: 0, 10: 1000, 50: 5000, 100: 10000} {
		if got := at(percent); got < want-300 || got > want+300 {
			t.Errorf("%d %%: %d of 10000", percent, got)
		}
	}
}

// TestD14DeletedLog: the log of a running container that is not there was deleted, and
// nobody can read what Docker writes on: not through the API either.
func TestD14DeletedLog(t *testing.T) {
	record, frame := `{"log":"x\n","stream":"stdout","time":"2025-11-07T12:00:00Z"}`+"\n", "\x00\x00\x00\x0d\x0a\x06stdout"
	for driver, content := range map[string]*string{"json-file": &record, "local": &frame, "syslog": &frame} {
		for _, noEngine := range []bool{false, true} {
			p := host(t, content)
			p.NoEngine = noEngine
			c := &logs.Container{ID: "id", Driver: driver, StartedAt: time.Now().Add(-time.Hour), Running: true}
			path := p.file(c).path
			before := p.Decide(c)
			if before.Kind != logs.File {
				t.Fatalf("%s: %+v", driver, before)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			got := p.Decide(c)
			if got.Kind != logs.Unreadable || !got.Deleted || !got.Missing || !got.Fallback || got.Path != path || !strings.Contains(got.Reason, "was deleted") || !strings.Contains(got.Reason, "restart the container") {
				t.Errorf("%s, deleted: %+v", driver, got)
			}
			c.Running = false
			if got := p.Decide(c); got.Kind != logs.File || !strings.Contains(got.Reason, "when the container starts") {
				t.Errorf("%s, deleted, stopped: %+v", driver, got)
			}
			c.Running = true
			if err := os.WriteFile(path+".1", []byte(*content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := p.Decide(c); got.Kind != logs.File || !strings.Contains(got.Reason, "deleted or renamed") {
				t.Errorf("%s, deleted, with a rotated file: %+v", driver, got)
			}
			if err := os.WriteFile(path, []byte(*content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := p.Decide(c); got != before {
				t.Errorf("%s, back: %+v", driver, got)
			}
		}
	}
}
