package agent

import (
	"testing"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/test/settings"
)

// TestTakenOver: all settings that are said to change while lighterman runs are taken over by
// somebody.
func TestTakenOver(t *testing.T) {
	taken := map[string]bool{"log-level": true, "stages": true, "tests": true}
	for _, group := range [][]string{choosing, pushing} {
		for _, name := range group {
			if !config.Live(name) {
				t.Errorf("%s is taken over and needs a restart", name)
			}
			taken[name] = true
		}
	}
	for _, name := range config.LiveNames() {
		if !taken[name] {
			t.Errorf("%s is said to change while lighterman runs, and nobody takes it over", name)
		}
	}
}

// TestDifferences: what is taken over, what needs a restart, and what is none.
func TestDifferences(t *testing.T) {
	started := settings.Of(t, "external-label: {a: b}\nbatch-size: 2MiB\n")
	r := &reloader{started: started, applied: started}
	for _, tt := range []struct {
		text, changed, restart string
	}{
		{"# nothing\nbatch-size:   2MiB\nexternal-label: {a: 'b'}\n", "[]", "[]"},
		{"external-label: {a: b}\nbatch-size: 2MiB\nfiles: [{paths: [/a]}]\n", "[]", "[files]"},
		{"external-label: {a: c}\nbatch-size: 2MiB\n", "[external-label]", "[]"},
		{"external-label: {a: b}\nbatch-size: 3MiB\nlog-level: debug\n", "[log-level]", "[batch-size]"},
		{"batch-size: 2MiB\nloki-password: secret\nloki-username: me\nstages: [{decolorize: {}}]\n", "[external-label loki-username loki-password stages]", "[]"},
	} {
		changed, restart := r.differences(settings.Of(t, tt.text))
		if got := [2]string{listed(changed), listed(restart)}; got != [2]string{tt.changed, tt.restart} {
			t.Errorf("%q: %q", tt.text, got)
		}
	}
}

func listed(names []string) string {
	out := "["
	for i, name := range names {
		if i > 0 {
			out += " "
		}
		out += name
	}
	return out + "]"
}

// TestDifferencesOTLP: a receiver of OTLP can be another, and no Loki.
func TestDifferencesOTLP(t *testing.T) {
	load := func(text string) *config.Config {
		t.Helper()
		cfg, err := config.Load([]string{"--state-dir", "/s", "--" + text}, []string{"HOME=/home/user"})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	started := load("otlp-url=http://a")
	r := &reloader{started: started, applied: started}
	for text, want := range map[string][2]string{
		"otlp-url=http://b": {"[otlp-url]", "[]"},
		"loki-url=http://a": {"[]", "[loki-url otlp-url]"},
	} {
		changed, restart := r.differences(load(text))
		if got := [2]string{listed(changed), listed(restart)}; got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
