package convert_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/convert"
)

// promtailOf is a file of Promtail's with one job of these rules and stages.
func promtailOf(rules, stages string) string {
	return "clients: [{url: http://loki:3100}]\nscrape_configs:\n- job_name: x\n  docker_sd_configs: [{host: unix:///var/run/docker.sock}]\n" +
		"  relabel_configs: " + rules + "\n  pipeline_stages: " + stages + "\n"
}

// filesOf is one that reads Docker's own files.
func filesOf(stages string) string {
	return "clients: [{url: http://loki:3100}]\nscrape_configs:\n- job_name: x\n  static_configs: [{labels: {__path__: /var/lib/docker/containers/*/*-json.log, job: j}}]\n" +
		"  pipeline_stages: " + stages + "\n"
}

// TestTraps are the places where a file does not do what it seems to, or lighterman does
// something else.
func TestTraps(t *testing.T) {
	container := "{source_labels: [__meta_docker_container_name], target_label: container}"
	for _, c := range []struct {
		name, file string
		// has and has not are parts of the configuration, says of what is said; lost says that
		// something was not carried.
		has, hasNot, says string
		lost              bool
	}{
		{"a slash stays", promtailOf("["+container+"]", "[]"), "target_label: container", "regex:", "keeps the slash", false},
		{"a slash goes", promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[]"), "regex: /(.*)", "", "", false},
		{"half an ID", promtailOf("["+container+", {source_labels: [__meta_docker_container_id], regex: '(.{12})', target_label: id}]", "[]"), "# - source_labels: [__meta_docker_container_id]", "\n  - source_labels: [__meta_docker_container_id]", "never matches", false},
		{"the beginning of an ID", promtailOf("["+container+", {source_labels: [__meta_docker_container_id], regex: '(.{12}).*', target_label: id}]", "[]"), "\n  - source_labels: [__meta_docker_container_id]", "", "", false},
		{"keeping half an ID", promtailOf("[{source_labels: [__meta_docker_container_id], regex: '[a-f0-9]{12}', action: keep}]", "[]"), "", "", "keeps no container at all", true},
		{"the image", promtailOf("["+container+", {source_labels: [__meta_docker_container_image], target_label: image}]", "[]"), "# - source_labels: [__meta_docker_container_image]", "\n  - source_labels: [__meta_docker_container_image]", "always empty", false},
		{"nothing makes a constant", promtailOf("[{source_labels: [__meta_docker_container_image], regex: '(.*)', replacement: 'x$1', target_label: image}]", "[]"), "replacement: x\n", "container_image]\n", "", false},
		{"nothing removes a label", promtailOf("["+container+", {source_labels: [__path__], target_label: container}]", "[]"), "replacement: \"\"", "", "", false},
		{"labels of networks", promtailOf("[{source_labels: [__meta_docker_network_label_team], target_label: team}]", "[]"), "", "team", "does not ask the engine about networks", true},
		{"one stream", promtailOf("["+container+", {source_labels: [__meta_docker_container_log_stream], regex: stderr, action: keep}]", "[]"), `selector: '{stream="stdout"}'`, "action: keep", "", false},
		{"one stream of some", promtailOf("["+container+", {source_labels: [__meta_docker_container_name, __meta_docker_container_log_stream], regex: '/web;stderr', action: keep}]", "[]"), "", "action: keep", "chooses a stream", true},
		{"metrics", promtailOf("["+container+"]", "[{metrics: {lines: {type: Counter, config: {match_all: true, action: inc}}}}, {labels: {level: }}]"), "labels:", "metrics:", "recording rules", true},
		{"an expression that is none", promtailOf("["+container+"]", "[{json: {expressions: {a: 'length(z)', level: }}}, {labels: {level: }}]"), "expressions: {level: ''}", "length", "functions are not supported", true},
		{"a group that has a name", promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(?P<n>.*)', replacement: 'x${n}', target_label: container}]", "[]"), "replacement: x${n}", "", "", false},
		{"found twice", strings.Replace(promtailOf("["+container+"]", "[]"), "[{host: unix:///var/run/docker.sock}]", "[{host: unix:///var/run/docker.sock, filters: [{name: label, values: [a=b]}]}, {host: unix:///var/run/docker.sock}]", 1),
			"target_label: container", "__taken", "keeps the slash", false},
		{"found by one of two", strings.Replace(promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[]"), "[{host: unix:///var/run/docker.sock}]",
			"[{host: unix:///var/run/docker.sock, filters: [{name: label, values: [a=b]}]}, {host: unix:///var/run/docker.sock, filters: [{name: label, values: [a=c]}]}]", 1), "__taken", "", "", false},
		{"an engine nowhere", strings.Replace(promtailOf("[]", "[]"), "unix:///var/run/docker.sock", "/var/run/docker.sock", 1), "", "docker-host", "takes a unix, tcp, http or https URL", true},
		{"a filter without values", strings.Replace(promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[]"), "docker.sock}", "docker.sock, filters: [{name: label}]}", 1), "", "include-label", "it has no values", false},
		{"nanoseconds", strings.Replace(promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[]"), "3100}", "3100, batchwait: 5}", 1), "", "batch-wait", "nanoseconds to Promtail", false},
		{"a stage docker for lines", promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[{docker: {}}]"), "", "stages:", "taken for Docker's record", false},
		{"a stream of lines", promtailOf("[{source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}]", "[{json: {expressions: {stream: }}}, {labels: {stream: }}]"), "labels:", "", "and is Docker's here", false},
		{"a message of some", filesOf("[{json: {expressions: {o: log}}}, {json: {source: o, expressions: {m: message}}}, {output: {source: m}}]"), "output:", "", "was sent as Docker's whole record", false},
		{"metrics in a match", promtailOf("["+container+"]", "[{match: {selector: '{container=\"x\"}', stages: [{metrics: {}}, {labels: {level: }}]}}]"), "labels:", "metrics:", "recording rules", true},
		{"limit that waits", promtailOf("["+container+"]", "[{limit: {rate: 10, burst: 20}}]"), "", "limit:", "drop: true", true},
		{"late multiline", promtailOf("["+container+"]", "[{json: {expressions: {a: }}}, {multiline: {firstline: x}}]"), "json:", "multiline:", "joined before all stages", true},
		{"old", promtailOf("["+container+"]", "[{drop: {older_than: 1h}}]"), "older_than: 1h", "", "counts from the time when Docker had the line", false},
		{"raw records", filesOf("[]"), "target_label: filename", "stages:", "Docker's own records", false},
		{"records unpacked", filesOf("[{docker: {}}]"), "target_label: stream", "stages:", "newline", false},
		{"Docker's time", filesOf("[{json: {expressions: {o: log, t: time}}}, {timestamp: {source: t, format: RFC3339Nano}}, {output: {source: o}}]"), "", "stages:", "restates Docker's own time", false},
		{"another time", filesOf("[{docker: {}}, {json: {expressions: {t: ts}}}, {timestamp: {source: t, format: Unix}}]"), "timestamp:", "", "", false},
		{"a time of nothing", filesOf("[{json: {expressions: {o: log}}}, {timestamp: {source: time, format: RFC3339Nano}}, {output: {source: o}}]"), "", "timestamp:", "nothing extracts \"time\"", false},
		{"what records have not", filesOf("[{json: {expressions: {level: }}}, {labels: {level: }}]"), "", "level", "no such keys", false},
		{"JSON in the record", filesOf("[{json: {expressions: {o: log}}}, {json: {source: o, expressions: {level: }}}, {labels: {level: }}]"), "level:", "source: o", "no stage docker", false},
		{"a label of the container's", filesOf("[{json: {expressions: {o: log, service: 'attrs.\"com.docker.compose.service\"'}}}, {labels: {service: }}, {output: {source: o}}]"), "[__meta_docker_container_label_com_docker_compose_service]\n    target_label: service", "stages:", "the container's own label com.docker.compose.service", false},
		{"a label of the container's in two steps", filesOf("[{json: {expressions: {o: log, attrs: }}}, {json: {source: attrs, expressions: {s: '\"a.b\"'}}}, {labels: {service: s}}, {output: {source: o}}]"), "[__meta_docker_container_label_a_b]\n    target_label: service", "stages:", "the container's own label a.b", false},
		{"a label of each line", filesOf("[{json: {expressions: {o: log}}}, {labels: {o: }}]"), "", "- labels:", "another with each line", true},
		{"a label of the tag", filesOf("[{json: {expressions: {attrs: }}}, {json: {source: attrs, expressions: {tag: }}}, {labels: {tag: }}]"), "", "", "--log-opt tag", true},
		{"an expression on records", filesOf("[{regex: {expression: '\"log\":\"(?P<level>[A-Z]+)'}}, {labels: {level: }}]"), "", "level", "whole record", true},
		{"a stream by another name", filesOf("[{json: {expressions: {s: stream, o: log}}}, {labels: {source: s}}, {output: {source: o}}]"), "target_label: source", "", "", false},
		{"nested", filesOf("[{match: {selector: '{job=\"j\"}', stages: [{json: {expressions: {o: log, stream: }}}, {labels: {stream: }}, {output: {source: o}}]}}]"), "target_label: stream", "stages:", "newline", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := convert.Promtail("promtail.yml", []byte(c.file), convert.Expand{})
			if err != nil {
				t.Fatal(err)
			}
			said := said(result)
			if result.Whole() == c.lost {
				t.Errorf("whole: %v; %s", result.Whole(), said)
			}
			if !strings.Contains(result.Config, c.has) || !strings.Contains(said, c.says) {
				t.Errorf("%q or %q is missing in\n%s\n%s", c.has, c.says, said, result.Config)
			}
			config := strings.Join(slices.DeleteFunc(strings.Split(result.Config, "\n"), func(line string) bool {
				return strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "detect-level:")
			}), "\n")
			if c.hasNot != "" && strings.Contains(config, c.hasNot) {
				t.Errorf("%q is in\n%s", c.hasNot, config)
			}
			if c.says == "" && said != "" && !strings.Contains(said, "keeps the slash") && !strings.Contains(said, "newline") {
				t.Errorf("said:\n%s", said)
			}
			taken(t, result.Config)
		})
	}
}

func said(r *convert.Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.Text("promtail.yml") + "\n")
	}
	return b.String()
}

// TestClients: further clients are outputs, where that says the same.
func TestClients(t *testing.T) {
	for _, c := range []struct {
		name, clients, has, says string
		lost                     bool
	}{
		{"another", "{url: http://b, name: archive, tenant_id: x, timeout: 5s, basic_auth: {username: u, password_file: /p}}",
			"outputs:\n  - name: archive\n    loki-url: http://b\n    tenant-id: x\n    push-timeout: 5s\n    loki-username: u\n    loki-password-file: /p\n", "", false},
		{"no name for an output", "{url: http://b, name: Archive}, {url: http://c}", "  - name: loki-2\n    loki-url: http://b\n  - name: loki-3\n    loki-url: http://c\n", "", false},
		{"other batches", "{url: http://b, batchwait: 9s}", "outputs:", "batches are the same", false},
		{"other labels", "{url: http://b, external_labels: {x: z}}", "", "clients[1]: its external_labels are not those of the first", true},
		{"a password", "{url: 'http://u:hunter2@b'}", "", "reads its password or token from a file", true},
		{"no url", "{name: b}", "", "a client needs a url", true},
	} {
		result, err := convert.Promtail("promtail.yml", []byte("clients: [{url: http://a}, "+c.clients+"]\nscrape_configs:\n- job_name: x\n  docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]\n"), convert.Expand{})
		if err != nil {
			if !c.lost || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		s := said(result)
		if result.Whole() == c.lost || !strings.Contains(s, c.says) || c.says == "" && s != "" || !strings.Contains(result.Config, c.has) || strings.Contains(result.Config+s, "hunter2") {
			t.Errorf("%s: whole: %v; said %s\n%s", c.name, result.Whole(), s, result.Config)
		}
		taken(t, result.Config)
	}
}

// TestInvalid: what Promtail would refuse is refused, with the line and in words.
func TestInvalid(t *testing.T) {
	base := "clients: [{url: http://loki:3100}]\nscrape_configs:\n"
	for _, c := range []struct{ file, want string }{
		{"", "1: there is nothing in the file"},
		{"a: b", "1: Promtail has no key \"a\""},
		{"- a", "1: Promtail: expected a map"},
		{"clients: [{url: http://loki:3100}]", "1: there are no scrape_configs"},
		{"scrape_configs: [{job_name: a}]", "1: there are no clients"},
		{"clients: []\nscrape_configs: [{job_name: a}]", "1: clients: expected at least one client"},
		{"clients: [{}]\nscrape_configs: [{job_name: a}]", "1: clients: a client needs a url"},
		{"clients: [{url: ftp://x}]\nscrape_configs: [{job_name: a}]", "1: url: expected the address of Loki"},
		{base + "- job_name: a\n- job_name: a\n", "4: there are two scrape_configs with the job_name \"a\"; the first is on line 3"},
		{base + "- job_name: a\n  relabel_confgs: []\n", "4: a scrape_config has no key \"relabel_confgs\"; did you mean \"relabel_configs\"?"},
		{base + "- job_name: a\n  relabel_configs:\n  - {action: kep}\n", "5: the rule is wrong: unknown relabel action \"kep\""},
		{base + "- job_name: a\n  relabel_configs:\n  - {target_label: a, regex: '('}\n", "5: the rule is wrong: error parsing regexp"},
		{base + "- job_name: a\n  relabel_configs:\n  - {source_labels: [a]}\n", "5: the rule is wrong: replace action requires 'target_label' value"},
		{base + "- job_name: a\n  pipeline_stages:\n  - {jsn: {}}\n", "5: there is no stage \"jsn\"; did you mean \"json\"?"},
		{base + "- job_name: a\n  pipeline_stages:\n  - json: {}\n    labels: {}\n", "5: pipeline_stages: expected a stage"},
		{base + "- job_name: a\n  docker_sd_configs: [{}]\n", "4: docker_sd_configs: host is missing"},
		{base + "- job_name: a\n  docker_sd_configs: [{host: 'unix:///x', refresh_interval: 5}]\n", "4: docker_sd_configs.refresh_interval: expected a duration"},
		{base + "- job_name: a\n  docker_sd_configs: [{host: 'unix:///x', filters: [{values: [label]}]}]\n", "4: filters: a filter needs a name and values"},
		{base + "- job_name: a\n  job_name: b\n", "4: the key \"job_name\" is set twice; the first is on line 3"},
		{base + "- job_name: a\n\tx: y\n", "4: this is no YAML"},
		{"# *hunter2\nclients: [{url: http://loki:3100, basic_auth: {username: a,\n  password: *hunter2}}]\n", "3: this is no YAML: an unknown anchor; put text that begins with * in quotes"},
		{"clients:\n- url: http://loki:3100\n  bearer_token: *hunter2\n", "3: this is no YAML: an unknown anchor"},
		{base + "- job_name: a\x01\n", "3: expected text, found the control character U+0001"},
		{base + "- job_name: \xff\n", "3: expected UTF-8"},
		{"a: &a [*a]\n", "1: "},
		{"clients: [{url: http://loki:3100, batchwait: 1, timeout: 5x}]\nscrape_configs: [{job_name: a}]", "1: clients.timeout: expected a duration"},
		{"clients: [{url: http://loki:3100, external_labels: {a-b: c}}]\nscrape_configs: [{job_name: a}]", "1: external_labels: \"a-b\" is no name"},
		{strings.Repeat("# x\n", 300_000), "1: larger than 1 MiB"},
	} {
		_, err := convert.Promtail("promtail.yml", []byte(c.file), convert.Expand{})
		var invalid *convert.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "promtail.yml:"+c.want) {
			t.Errorf("%.80q: %v, and not %s", c.file, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is shown: %v", err)
		}
	}
}

// TestExpand replaces variables as Promtail does, and says which were not replaced.
func TestExpand(t *testing.T) {
	environment := map[string]string{"SET": "value", "EMPTY": ""}
	lookup := func(name string) (string, bool) { value, set := environment[name]; return value, set }
	for _, c := range []struct {
		text, want, says string
		on               bool
	}{
		{"${SET}", "value", "", true},
		{"${SET:-other}", "value", "", true},
		{"${EMPTY:-other}", "other", "", true},
		{"${NONE:-http-x}", "http-x", "", true},
		{"${NONE:-}y", "y", "", true},
		{"${NONE-other}", "other", "", true},
		{"${NONE:=other}", "other", "", true},
		{"$${SET}", "${SET}", "", true},
		{`a\\d\/`, `a\d/`, "", true},
		{`a\\d`, `a\\d`, "", false},
		{"a${1}", "a", "takes it for a variable", true},
		{"a$1", "a$1", "", true},
		{"a${NONE}", "a", "is not set here", true},
		{"a${SET^^}", "avalue", "this way to change a variable is not known", true},
		{"${SET}", "${SET}", "only with -config.expand-env=true", false},
		{"a${1}", "a${1}", "", false},
	} {
		file := fmt.Sprintf("clients: [{url: http://loki:3100, tenant_id: '%s'}]\nscrape_configs: [{job_name: a}]\n", c.text)
		result, err := convert.Promtail("promtail.yml", []byte(file), convert.Expand{On: c.on, Lookup: lookup})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if s := said(result); !strings.Contains(result.Config, "tenant-id: "+c.want+"\n") && !strings.Contains(result.Config, "tenant-id: '"+c.want+"'\n") ||
			!strings.Contains(s, c.says) || c.says == "" && s != "" {
			t.Errorf("%s (%v): said %q\n%s", c.text, c.on, s, result.Config)
		}
	}
}

// TestAliasesEnd: a file that grows without bound when its aliases are resolved is refused.
func TestAliasesEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	if _, err := convert.Promtail("promtail.yml", []byte(b.String()), convert.Expand{}); err == nil || !strings.Contains(err.Error(), "too large with its aliases") {
		t.Errorf("got %.300v", err)
	}
}
