//go:build promtail

package sidebyside

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/repo"
)

// later is what Promtail notices only when it makes its stages, or when Loki refuses the labels.
var later = []string{"invalid-1-misplaced.yml", "external label.yml"}

// TestRefusals: what Promtail does not take the converter refuses, too, and no more than that.
func TestRefusals(t *testing.T) {
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "internal/convert/testdata/promtail/*.yml"))
	if err != nil || len(files) < 36 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	const (
		base   = "clients: [{url: http://loki:3100}]\nscrape_configs:\n- job_name: a\n"
		docker = base + "  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n"
	)
	for name, text := range map[string]string{
		"unknown key":         "a: b\n",
		"two jobs":            base + "- job_name: a\n",
		"misspelled key":      docker + "  relabel_confgs: []\n",
		"unknown action":      docker + "  relabel_configs: [{action: kep}]\n",
		"broken expression":   docker + "  relabel_configs: [{target_label: a, regex: '('}]\n",
		"no target":           docker + "  relabel_configs: [{source_labels: [a]}]\n",
		"no host":             base + "  docker_sd_configs: [{}]\n",
		"duration":            base + "  docker_sd_configs: [{host: 'unix:///x', refresh_interval: 5}]\n",
		"filter without":      base + "  docker_sd_configs: [{host: 'unix:///x', filters: [{name: label}]}]\n",
		"key twice":           base + "  job_name: b\n",
		"merge keys":          docker + "  relabel_configs:\n  - <<: {source_labels: [a], target_label: b}\n    regex: x\n",
		"upper case action":   docker + "  relabel_configs: [{action: Keep, source_labels: [a], regex: b}]\n",
		"no target label":     docker + "  relabel_configs: [{action: labelmap, regex: a_(.+)}]\n",
		"no stages in match":  docker + "  pipeline_stages: [{match: {selector: '{a=\"b\"}', stages: []}}]\n",
		"null sections":       docker + "  relabel_configs:\n  pipeline_stages:\nserver:\ntarget_config:\n",
		"old option":          docker + "  entry_parser: raw\n",
		"external label":      "clients: [{url: http://loki:3100, external_labels: {a-b: c}}]\nscrape_configs: [{job_name: a}]\n",
		"batchwait as number": "clients: [{url: http://loki:3100, batchwait: 1}]\nscrape_configs: [{job_name: a}]\n",
		"size as number":      docker + "limits_config: {max_line_size: 1000}\n",
		"size as text":        docker + "limits_config: {max_line_size: 256kb}\n",
		"two discoveries":     base + "  docker_sd_configs: [{host: 'unix:///x'}, {host: 'unix:///y'}]\n",
		"aliases":             "x: &x 1\n" + docker,
	} {
		path := filepath.Join(t.TempDir(), name+".yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		expand, args := strings.Contains(string(text), "${LOKI_"), []string{"convert", "promtail", path}
		if expand {
			args = append(args, "--expand-env")
		}
		theirs, failed := exec.Command(os.Getenv("LIGHTERMAN_PROMTAIL"), "-config.file="+path, fmt.Sprint("-config.expand-env=", expand), "-check-syntax").CombinedOutput()
		_, ours, code := carrier.Run(t, args...)
		if (failed != nil || slices.Contains(later, filepath.Base(path))) != (code == 2) {
			t.Errorf("%s: Promtail: %v %s\nconvert: %d %s", filepath.Base(path), failed, theirs, code, ours)
		}
	}
}
