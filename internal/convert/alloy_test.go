package convert_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/convert"
)

const (
	found = "discovery.docker \"d\" {\n  host = \"unix:///var/run/docker.sock\"\n}\n"
	sent  = "loki.write \"w\" {\n  endpoint {\n    url = \"http://loki:3100\"\n  }\n}\n"
)

// read is a loki.source.docker with more in it.
func read(targets, to, more string) string {
	return "loki.source.docker \"s\" {\n  targets = " + targets + "\n  forward_to = [" + to + "]\n" + more + "}\n"
}

// TestAlloy: how components are followed, and what of them is carried.
func TestAlloy(t *testing.T) {
	const direct = "discovery.docker.d.targets"
	rules := func(name, targets, rule string) string {
		return "discovery.relabel \"" + name + "\" {\n  targets = " + targets + "\n  rule {\n    " + strings.ReplaceAll(rule, "; ", "\n    ") + "\n  }\n}\n"
	}
	process := func(stages string) string {
		return "loki.process \"p\" {\n  forward_to = [loki.write.w.receiver]\n  " + strings.ReplaceAll(stages, "; ", "\n  ") + "\n}\n"
	}
	for _, c := range []struct {
		name, file, has, says string
		lost                  bool
	}{
		{"two relabels", found + rules("a", direct, `target_label = "a"; replacement = "1"`) + rules("b", "discovery.relabel.a.output", `target_label = "b"; replacement = "2"`) +
			read("discovery.relabel.b.output", "loki.write.w.receiver", "") + sent, "target_label: a\n    replacement: \"1\"\n  - target_label: b", "", false},
		{"no line yet", found + rules("a", direct, `source_labels = ["__meta_docker_container_log_stream"]; target_label = "stream"`) +
			read("discovery.relabel.a.output", "loki.write.w.receiver", "") + sent, "# - source_labels: [__meta_docker_container_log_stream]", "always empty in Alloy", false},
		{"of lines", found + rules("a", "[]", `source_labels = ["__meta_docker_container_log_stream"]; target_label = "stream"`) +
			read(direct, "loki.write.w.receiver", "  relabel_rules = discovery.relabel.a.rules\n") + sent, "\n  - source_labels: [__meta_docker_container_log_stream]", "", false},
		{"behind a source", found + read(direct, "loki.relabel.r.receiver", "  labels = {job = \"a\" + \"b\"}\n") +
			"loki.relabel \"r\" {\n  forward_to = [loki.write.w.receiver]\n  rule {\n    source_labels = [\"job\"]\n    target_label = \"task\"\n  }\n  rule {\n    source_labels = [\"__meta_docker_container_id\"]\n    target_label = \"id\"\n  }\n}\n" + sent,
			"target_label: task\n  # Left out", "always empty in Alloy", false},
		{"behind stages", found + read(direct, "loki.process.p.receiver", "") + "loki.process \"p\" {\n  forward_to = [loki.relabel.r.receiver]\n  stage.decolorize {}\n}\n" +
			"loki.relabel \"r\" {\n  forward_to = [loki.write.w.receiver]\n  rule {\n    target_label = \"task\"\n    replacement = \"x\"\n  }\n}\n" + sent, "- decolorize: {}", "work behind stages", true},
		{"stages", found + read(direct, "loki.process.p.receiver", "") + process("stage.label_keep {; values = [\"a\"]; }; stage.drop {; source = \"a,b\"; expression = `x`; }; stage.replace {; expression = `(a)`; replace = \"\"; }") + sent,
			"- labelallow:\n      - a\n  - drop:\n      source:\n        - a\n        - b\n      expression: x", "", false},
		{"a stage that is not there", found + read(direct, "loki.process.p.receiver", "") + process("stage.truncate {; }; stage.decolorize {; }") + sent, "decolorize", "has no such stage", true},
		{"two ways", found + read(direct, "loki.write.w.receiver, loki.write.v.receiver", "") + sent + strings.Replace(sent, `"w"`, `"v"`, 1), "outputs:\n  - name: loki-2\n    loki-url: http://loki:3100\n", "", false},
		{"two ways with other labels", found + read(direct, "loki.write.w.receiver, loki.write.v.receiver", "") + sent + strings.Replace(strings.Replace(sent, `"w"`, `"v"`, 1), "}\n}", "}\n  external_labels = {a = \"b\"}\n}", 1), "", "external_labels are not those of loki.write.w", true},
		{"two ways of some", found + read(direct, "loki.write.w.receiver, loki.write.v.receiver", "") + strings.Replace(read(direct, "loki.write.w.receiver", ""), `"s"`, `"t"`, 1) + sent + strings.Replace(sent, `"w"`, `"v"`, 1), "outputs:", "not all lines go to the same loki.write", true},
		{"two processes", found + read(direct, "loki.process.p.receiver, loki.write.w.receiver", "") + process("stage.decolorize {; }") + sent, "decolorize", "sends them one way", true},
		{"an echo", found + read(direct, "loki.write.w.receiver, loki.echo.e.receiver", "") + sent + "loki.echo \"e\" { }\n", "loki-url", "", false},
		{"two endpoints", found + read(direct, "loki.write.w.receiver", "") + strings.Replace(sent, "}\n}", "}\n  endpoint {\n    url = \"http://b\"\n  }\n}", 1), "loki-url: http://loki:3100\noutputs:\n  - name: loki-2\n    loki-url: http://b\n", "", false},
		{"a setting without equal", found + read(direct, "loki.write.w.receiver", "  http_client_config {\n  }\n") + sent, "", "has no equal", true},
		{"a function", found + read(direct, "loki.write.w.receiver", "  labels = {a = json_path(\"x\", \"y\")}\n") + sent, "", "its value is not known here", true},
		{"metrics", found + read(direct, "loki.write.w.receiver", "") + sent + "prometheus.scrape \"m\" { }\n", "", "nothing to do with the logs", true},
		{"a module", found + read(direct, "loki.write.w.receiver", "") + sent + "import.file \"m\" { }\n", "", "modules are not read", true},
		{"a way through a module", found + read(direct, "m.lines.l.input", "") + sent + "import.file \"m\" { }\nm.lines \"l\" {\n  to = [loki.write.w.receiver]\n}\n", "", "m.lines.l.input: it belongs to a module", true},
		{"a way through a component declared here", found + read(direct, "lines.l.input", "") + sent + "declare \"lines\" { }\nlines \"l\" { }\n", "", "lines.l.input: it belongs to a module", true},
		{"nobody's", found + read(direct, "loki.write.w.receiver", "") + sent + process("stage.decolorize {; }"), "", "nothing that was carried makes use of it", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := convert.Alloy("config.alloy", []byte(c.file), convert.Host{})
			if err != nil {
				t.Fatal(err)
			}
			said := said(result)
			if result.Whole() == c.lost || !strings.Contains(said, c.says) || c.says == "" && said != "" || !strings.Contains(result.Config, c.has) {
				t.Errorf("whole: %v; said %s\n%s", result.Whole(), said, result.Config)
			}
			taken(t, result.Config)
		})
	}
}

// TestAlloyRefuses: what Alloy would refuse is refused, with the line.
func TestAlloyRefuses(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "1: there are no components"},
		{"a = 1\n", "1: expected a block"},
		{sent + sent, "6: there are two components loki.write.w; the first is on line 1"},
		{sent + read("discovery.docker.x.targets", "loki.write.w.receiver", ""), "7: discovery.docker.x.targets: there is no such component"},
		{found + read("discovery.docker.d.targets", "loki.write.w.receiver", ""), "6: loki.write.w.receiver: there is no such component"},
		{found + read("discovery.docker.d.output", "loki.write.w.receiver", "") + sent + "x", "13: "},
		{"discovery.relabel \"a\" {\n  targets = discovery.relabel.a.output\n}\n" + read("discovery.relabel.a.output", "loki.write.w.receiver", "") + sent, "1: discovery.relabel.a: components have their targets from each other in a circle"},
		{found + read("discovery.docker.d.targets", "loki.process.p.receiver", "") + "loki.process \"p\" {\n  forward_to = [loki.process.p.receiver]\n}\n", "4: loki.source.docker.s: components forward to each other in a circle"},
		{found + read("discovery.docker.d.targets", "loki.write.w.receiver", "") + "loki.write \"w\" { }\n", "8: loki.write.w has no endpoint"},
		{"loki.source.docker \"s\" { }\n", "1: loki.source.docker.s needs targets and forward_to"},
		{"loki.write \"w\" {\n  x = \"\x01\"\n}\n", "2: expected text, found the control character"},
	} {
		_, err := convert.Alloy("config.alloy", []byte(c.file), convert.Host{})
		var invalid *convert.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "config.alloy:"+c.want) {
			t.Errorf("%.120q: %v, and not %s", c.file, err, c.want)
		}
	}
}

// TestDeepAlloy: a file that nests without end takes no more memory than there is.
func TestDeepAlloy(t *testing.T) {
	for _, open := range []string{"(", "[", "a {\n", "{a = "} {
		text := "loki.write \"w\" {\n  x = " + strings.Repeat(open, 100_000)
		if _, err := convert.Alloy("config.alloy", []byte(text), convert.Host{}); err == nil {
			t.Errorf("%q is taken", open)
		}
	}
}
