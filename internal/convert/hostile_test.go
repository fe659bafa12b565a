package convert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/convert"
)

// hostile are texts that want to be a setting, or to break what is written.
var hostile = []string{
	"n\rproxy-url: http://evil:1\r#", "n\nproxy-url: http://evil:1\n#", "n\r\nproxy-url: http://evil:1\r\n#",
	"n\u0085proxy-url: http://evil:1\u0085#", "n\u2028proxy-url: http://evil:1\u2028#", "n\u2029proxy-url: http://evil:1\u2029#",
	"a]\nproxy-url: http://evil:1\nx: [b", "a, b", "]", "[", "{a: b}", "# x", "a #x", "a: b", ": ", "- a", "*a", "&a", "!a", "%a", "@a", "`a`",
	`"`, "'", `\`, "\t", "a\tb", " a ", "null", "true", "on", "~", "0x1", "\x1b]0;x\a", "\x00", "\x7f", "\u009b31m", "\u202e", "\ufeff", "\ufffe", "\U0001f600", "---", "...", "|", ">", "a\n\n b\r c",
}

// places are where a text of another file gets into what is written. %s is the text, in
// quotes.
var places = map[string]string{
	"filter":     "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: %s, values: [a]}]}]\n",
	"value":      "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: label, values: [%s]}]}]\n",
	"job":        "- job_name: %s\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n- job_name: b\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: label, values: [x=y]}]}]\n",
	"path":       "- job_name: a\n  static_configs: [{targets: [localhost], labels: {__path__: %s}}]\n",
	"source":     "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{source_labels: [%s, __meta_docker_container_name], target_label: x}]\n",
	"left out":   "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{source_labels: [%s], target_label: x}]\n",
	"separator":  "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{source_labels: [__meta_docker_container_name], separator: %s, target_label: x}]\n",
	"target":     "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{source_labels: [__meta_docker_container_name], target_label: %s}]\n",
	"replaced":   "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{target_label: x, replacement: %s}]\n",
	"regex":      "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  relabel_configs: [{source_labels: [__meta_docker_container_name], target_label: x, regex: %s}]\n",
	"stage":      "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  pipeline_stages: [{static_labels: {x: %s}}]\n",
	"stage name": "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n  pipeline_stages: [{json: {expressions: {%s: a}}}]\n",
	"two": "- job_name: a\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: label, values: [x=y]}]}]\n  relabel_configs: [{target_label: job, replacement: %s}]\n  pipeline_stages: [{docker: {}}, {drop: {expression: x}}]\n" +
		"- job_name: b\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: label, values: [x=z]}]}]\n  relabel_configs: [{target_label: job, replacement: b}]\n",
}

// heads are places before the sources.
var heads = map[string]string{
	"positions": "positions: {filename: %s}\n",
	"address":   "server: {http_listen_port: 1, http_listen_address: %s}\n",
	"port":      "server: {http_listen_port: %s}\n",
}

const (
	client  = "clients: [{url: 'http://l/loki/api/v1/push'%s}]\n"
	sources = "scrape_configs:\n"
)

// TestHostileTexts puts texts that want to be settings into all places: what comes out is
// taken, and has no setting that nobody asked for.
func TestHostileTexts(t *testing.T) {
	plainClient := fmt.Sprintf(client, "")
	all := make(map[string]string)
	for name, text := range places {
		all[name] = plainClient + sources + text
	}
	for name, text := range heads {
		all[name] = text + plainClient + sources + fmt.Sprintf(places["filter"], "status")
	}
	for _, key := range []string{"tenant_id: ", "proxy_url: ", "external_labels: {a: ", "basic_auth: {username: a, password: ", "bearer_token: "} {
		end := strings.Repeat("}", strings.Count(key, "{"))
		all[key] = fmt.Sprintf(client, ", "+key+"%s"+end) + sources + fmt.Sprintf(places["filter"], "status")
	}
	for name, pattern := range all {
		t.Run(strings.Trim(name, ":{ "), func(t *testing.T) {
			want := keysOf(t, convertedText(t, fmt.Sprintf(pattern, `"status"`)))
			carried := 0
			for _, text := range hostile {
				quoted, err := json.Marshal(text) // is YAML, too
				if err != nil {
					t.Fatal(err)
				}
				result, err := convert.Promtail("f", fmt.Appendf(nil, pattern, strings.ReplaceAll(string(quoted), "\x7f", `\u007f`)), convert.Expand{})
				if err != nil {
					continue // Promtail takes no such text there
				}
				carried++
				if strings.ContainsFunc(result.Config, func(r rune) bool { return strings.ContainsRune("\r\u0085\u2028\u2029\x1b\u009b", r) }) {
					t.Errorf("%q: it is in what is written:\n%q", text, result.Config)
				}
				for key := range keysOf(t, result.Config) {
					if !want[key] && key != "include-label" && key != "relabel_configs" && key != "stages" && (key != "external-label" || !strings.HasPrefix(name, "external_labels")) {
						t.Errorf("%q: a setting %q that nobody asked for:\n%s", text, key, result.Config)
					}
				}
				if _, err := loaded(t, result.Config); err != nil && !strings.Contains(err.Error(), "must not contain the control character") && !strings.Contains(err.Error(), ": invalid value") {
					// Such a value is whole, and named: lighterman takes fewer of them.
					t.Errorf("%q: lighterman does not take it: %v\n%s", text, err, result.Config)
				}
			}
			t.Logf("%d of %d texts are carried", carried, len(hostile))
		})
	}
}

func convertedText(t *testing.T, text string) string {
	t.Helper()
	result, err := convert.Promtail("f", []byte(text), convert.Expand{})
	if err != nil {
		return ""
	}
	return result.Config
}

func keysOf(t *testing.T, text string) map[string]bool {
	t.Helper()
	var all map[string]any
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("no YAML: %v\n%s", err, text)
	}
	keys := make(map[string]bool)
	for key := range all {
		keys[key] = true
	}
	return keys
}
