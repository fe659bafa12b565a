package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConvertShowsNoControls holds what is said about a hostile file, and about a wrong one,
// to do nothing to a terminal.
func TestConvertShowsNoControls(t *testing.T) {
	const head = "clients: [{url: 'http://l/loki/api/v1/push'}]\nscrape_configs:\n"
	for name, c := range map[string]struct {
		text string
		code int
	}{
		"finding": {head + `- {job_name: a, static_configs: [{targets: [localhost], labels: {__path__: "x\e]0;owned\a\u009b31m\u202e"}}]}`, exitFailure},
		"carried": {head + `- {job_name: a, static_configs: [{targets: [localhost], labels: {__path__: "/x\e]0;owned\a\u009b31m\u202e"}}]}`, 0},
		"error":   {head + `- {job_name: a, relabel_configs: [{action: "\e]0;owned\a\u009b31m\u202e"}]}` + "\n- {job_name: a}\n- {job_name: a}", exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "p.yml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			code := convertFrom([]string{"promtail", file}, nil, strings.NewReader(""), &stdout, &stderr)
			if code != c.code || !strings.Contains(stderr.String(), "owned") && name == "finding" {
				t.Errorf("exit code %d:\n%q", code, stderr.String())
			}
			for _, out := range []string{stdout.String(), stderr.String()} {
				if strings.ContainsAny(out, "\x1b\a\r\u009b\u202e") {
					t.Errorf("raw controls: %q", out)
				}
			}
			if lines := strings.Count(stderr.String(), "\n"); name == "error" && lines < 2 {
				t.Errorf("%d problems, one a line: %q", lines, stderr.String())
			}
		})
	}
}
