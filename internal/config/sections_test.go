package config

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/lighterman/lighterman/internal/document"
)

// wrongLabelName ends the errors of names that Loki does not take.
const wrongLabelName = ": expected letters, digits and underscores, not beginning with a digit"

// refusedSections are files with everything that is said about them.
var refusedSections = []struct {
	name, text string
	want       []string
}{
	{"outputs", "loki-url: http://a\noutputs:\n  - {name: A, loki-url: http://b}\n  - {name: b, loki-url: 'http://b?secret=1'}\n  - {name: c, loki-url: http://c, loki-username: x}\n  - {name: f}\n  - {name: d, loki-url: http://d, loki-password: x}\n  - {name: e, loki-url: http://e, tls-cert-file: x}\n  - {name: g, loki-url: http://g, batch-wait: soon}\n", []string{
		`lm.yaml:3:12: outputs[0].name: invalid name "A": expected up to 32 small letters, digits and dashes`,
		`lm.yaml:4:5: outputs[1]: loki-url must not have a query here: what is in this section is shown`,
		`lm.yaml:6:5: outputs[3]: expected a name and a loki-url or an otlp-url`,
		`lm.yaml:7:35: outputs[4]: unknown key "loki-password"; expected "name", "loki-url", "otlp-url", "tenant-id", "push-timeout", "loki-username", "loki-password-file", "loki-bearer-token-file", "tls-ca-file", "tls-cert-file", "tls-key-file", "tls-server-name", "tls-insecure-skip-verify", "proxy-url", "batch-wait", "batch-size" or "hold-bytes"`,
		`lm.yaml:8:5: outputs[5]: tls-cert-file needs tls-key-file`,
		`lm.yaml:9:47: outputs[6].batch-wait: invalid value "soon": expected a duration, such as 200ms, 10s or 7d`}},
	{"rules as a map", "relabel_configs:\n  action: keep\n", []string{
		`lm.yaml:2:3: relabel_configs: expected a list of rules, found a map`}},
	{"nothing", "relabel_configs:\n", []string{`lm.yaml:1:17: relabel_configs: expected a list of rules, found nothing`}},
	{"rule as a text", "relabel_configs: [keep]\n", []string{
		`lm.yaml:1:19: relabel_configs[0]: expected a rule, such as {source_labels: [__meta_docker_container_name], target_label: name}, found a string`}},
	{"key of a rule", "relabel_configs:\n  - source_label: [a]\n    target_label: b\n", []string{
		`lm.yaml:2:5: relabel_configs[0]: unknown key "source_label"; did you mean "source_labels"?`}},
	{"no key of a rule", "relabel_configs:\n  - x: 1\n    target_label: b\n", []string{
		`lm.yaml:2:5: relabel_configs[0]: unknown key "x"; expected "source_labels", "separator", "regex", "modulus", "target_label", "replacement" or "action"`}},
	{"key twice", "relabel_configs:\n  - regex: a\n    action: keep\n    regex: b\n", []string{
		`lm.yaml:4:5: relabel_configs[0]: duplicate key "regex"; the first is on line 2`}},
	{"several rules", "relabel_configs:\n  - {target_label: a}\n  - {regex: '(', action: keep}\n  - {regex: 'a)|(b', action: kep}\n  - {action: x}\n", []string{
		"lm.yaml:3:13: relabel_configs[1].regex: invalid pattern \"(\": missing closing ): `(`",
		"lm.yaml:4:13: relabel_configs[2].regex: invalid pattern \"a)|(b\": unexpected ): `a)|(b`",
		`lm.yaml:4:30: relabel_configs[2].action: unknown action "kep"; did you mean "keep"?`,
		`lm.yaml:5:14: relabel_configs[3].action: unknown action "x"; expected "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase" or "uppercase"`}},
	{"no target", "relabel_configs:\n  - source_labels: [a]\n", []string{
		`lm.yaml:2:5: relabel_configs[0]: replace action requires 'target_label' value`}},
	{"target", "relabel_configs:\n  - source_labels: [a]\n    target_label: a-b\n", []string{
		`lm.yaml:3:19: relabel_configs[0].target_label: "a-b" is invalid 'target_label' for replace action`}},
	{"replacement", "relabel_configs:\n  - action: labelmap\n    regex: a\n    replacement: a-b\n", []string{
		`lm.yaml:4:18: relabel_configs[0].replacement: "a-b" is invalid 'replacement' for labelmap action`}},
	{"replacement that may not be", "relabel_configs:\n  - action: lowercase\n    source_labels: [a]\n    target_label: b\n    replacement: c\n", []string{
		`lm.yaml:5:18: relabel_configs[0].replacement: 'replacement' can not be set for lowercase action`}},
	{"source label", "relabel_configs:\n  - source_labels: [a, com.docker.x]\n    target_label: b\n", []string{
		`lm.yaml:2:24: relabel_configs[0].source_labels[1]: invalid label name "com.docker.x"` + wrongLabelName}},
	{"source labels as a text", "relabel_configs:\n  - source_labels: a\n    target_label: b\n", []string{
		`lm.yaml:2:20: relabel_configs[0].source_labels: expected a list of label names, found a string`}},
	{"modulus", "relabel_configs:\n  - {source_labels: [a], target_label: b, action: hashmod, modulus: 0}\n  - {source_labels: [a], target_label: b, action: hashmod}\n", []string{
		`lm.yaml:2:69: relabel_configs[0].modulus: expected a number from 1 to 18446744073709551615, such as 8`,
		`lm.yaml:3:5: relabel_configs[1]: hashmod requires non-zero modulus`}},
	{"nothing as a text", "relabel_configs:\n  - target_label: b\n    replacement:\n", []string{
		`lm.yaml:3:17: relabel_configs[0].replacement: expected a text, found nothing; an empty text is ""`}},
	{"list as a text", "relabel_configs:\n  - target_label: b\n    replacement: [x]\n", []string{
		`lm.yaml:3:18: relabel_configs[0].replacement: expected a text, found a list`}},
	{"anchor", "relabel_configs:\n  - &a {target_label: b}\n  - *a\n", []string{
		`lm.yaml:2:5: relabel_configs[0]: anchors are not supported; put text that begins with & in quotes`,
		`lm.yaml:3:5: relabel_configs[1]: aliases are not supported; put text that begins with * in quotes`}},

	{"labels", "labels: {a: b}\n", []string{`lm.yaml:1:1: unknown key "labels"; use external-label`}},
	{"default label", "default-labels: {contaner: name}\n", []string{
		`lm.yaml:1:18: default-labels: unknown key "contaner"; did you mean "container"?`}},
	{"names of default labels", "default-labels:\n  container: a-b\n  image: __x\n  host: true\n  stream:\n  swarm_stack: No\n", []string{
		`lm.yaml:2:14: default-labels.container: invalid label name "a-b"` + wrongLabelName,
		`lm.yaml:3:10: default-labels.image: invalid label name "__x": names that begin with two underscores are reserved`,
		`lm.yaml:4:9: default-labels.host: expected another name, or false for none, found a boolean`,
		`lm.yaml:5:10: default-labels.stream: expected another name, or false for none, found nothing`,
		`lm.yaml:6:16: default-labels.swarm_stack: "No" is no name that anybody wants; write false for none`}},
	{"names given twice", "default-labels: {container: image, host: env, stream: x}\nexternal-label: {env: a}\nstructured_metadata:\n  x: a\n  image: b\n  swarm_node: c\n", []string{
		`lm.yaml:1:29: default-labels.container: the name "image" is taken by a default label; choose another`,
		`lm.yaml:1:42: default-labels.host: the name "env" is taken by external-label; choose another`,
		`lm.yaml:4:3: structured_metadata: the name "x" is taken by default-labels.stream; choose another`,
		`lm.yaml:5:3: structured_metadata: the name "image" is taken by default-labels.container; choose another`,
		`lm.yaml:6:3: structured_metadata: the name "swarm_node" is taken by a default label; choose another`}},
	{"a name taken before it is moved", "default-labels: {container: image}\nstructured_metadata: {image: image}\n", []string{
		`lm.yaml:1:29: default-labels.container: the name "image" is taken by a default label; choose another`}},
	{"metadata", "structured_metadata:\n  a-b: c\n  d: e-f\n  g: [h]\n", []string{
		`lm.yaml:2:3: structured_metadata: invalid label name "a-b"` + wrongLabelName,
		`lm.yaml:3:6: structured_metadata.d: invalid label name "e-f"` + wrongLabelName,
		`lm.yaml:4:6: structured_metadata.g: expected the name of a label, found a list`}},
	{"container labels", "container-labels: [enable, parsr, enable, [a], x]\n", []string{
		`lm.yaml:1:28: container-labels[1]: unknown label "parsr"; did you mean "parser"?`,
		`lm.yaml:1:35: container-labels[2]: "enable" is given twice`,
		`lm.yaml:1:43: container-labels[3]: expected a name, found a list`,
		`lm.yaml:1:48: container-labels[4]: unknown label "x"; expected "enable", "parser", "multiline", "label", "metadata", "drop", "keep", "min_level", "redact", "sample", "limit" or "tenant"`}},

	{"stage as a text", "stages: [json]\n", []string{`lm.yaml:1:10: stages[0]: expected a stage, such as {decolorize: {}}, found a string`}},
	{"stages without dashes", "stages:\n  - json: {}\n    regex: {}\n  - {}\n", []string{
		`lm.yaml:2:5: stages[0]: expected one stage, found 2 keys; begin each with a dash`,
		`lm.yaml:4:5: stages[1]: expected one stage, found 0 keys; begin each with a dash`}},
	{"inside of a stage", "stages:\n  - json:\n      expressions: {a: b, a: c}\n      x: [!!binary y, *z]\n      z: &z 1\n      <<: {}\n      ? [a]\n      : b\n      ~: c\n", []string{
		`lm.yaml:4:23: aliases are not supported; put text that begins with * in quotes`}},
	{"inside of a stage, at any depth", "stages:\n  - json:\n      expressions: {a: b, a: c}\n      x: [!!binary y]\n      z: &z 1\n      <<: {}\n      ? [a]\n      : b\n      ~: c\n", []string{
		`lm.yaml:3:27: stages[0].json.expressions: duplicate key "a"; the first is on line 3`,
		`lm.yaml:4:11: stages[0].json.x[0]: tags are not supported; put text that begins with ! in quotes`,
		`lm.yaml:5:10: stages[0].json.z: anchors are not supported; put text that begins with & in quotes`,
		`lm.yaml:6:7: stages[0].json: merge keys are not supported`,
		`lm.yaml:7:9: stages[0].json: expected a key, found a list`,
		`lm.yaml:9:7: stages[0].json: expected a key, found nothing`}},
	{"strange keys in paths", "stages: [{'a b': {'\"': &x 1}}]\n", []string{
		`lm.yaml:1:24: stages[0]["a b"]["\""]: anchors are not supported; put text that begins with & in quotes`}},
}

func TestRefusedSections(t *testing.T) {
	for _, tt := range refusedSections {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadFile(t, tt.text)
			wantErr(t, err, tt.want...)
		})
	}
	deep := "stages: [{x: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}]\n"
	_, err := loadFile(t, deep)
	wantErr(t, err, "lm.yaml:1:45: stages[0].x"+strings.Repeat("[0]", 31)+": nested more than 32 levels deep")
}

// TestSectionExamples: what the reference shows of a section is valid.
func TestSectionExamples(t *testing.T) {
	for _, s := range sections {
		l := newLoader(testEnviron, testMachine)
		l.takeFile("lm.yaml", []byte("mode: file\n"+s.example))
		if _, err := l.finish(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// TestOutputsOfTheirOwn: what an output has of its own holds for it, and for it alone.
func TestOutputsOfTheirOwn(t *testing.T) {
	c, err := loadFile(t, "loki-url: http://a\nbatch-wait: 1s\nhold-bytes: 900MiB\noutputs:\n"+
		"  - {name: own, loki-url: http://b, batch-wait: 5s, batch-size: 64KiB, hold-bytes: 4GiB, push-timeout: 3s}\n"+
		"  - {name: none, loki-url: http://c}\n")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		wait  time.Duration
		batch int
		held  int64
		push  time.Duration
	}{{5 * time.Second, 64 << 10, 4 << 30, 3 * time.Second}, {time.Second, 1 << 20, 300 << 20, 10 * time.Second}} {
		got := c.WithOutput(&c.Outputs[i], 3)
		if got.Batch.Wait != want.wait || got.Batch.Bytes != want.batch || got.Hold.Bytes != want.held || got.Loki.PushTimeout != want.push {
			t.Errorf("output %d: wait %v, %d bytes, held %d, timeout %v", i, got.Batch.Wait, got.Batch.Bytes, got.Hold.Bytes, got.Loki.PushTimeout)
		}
	}
	if got := c.WithOutput(nil, 3); got.Batch.Wait != time.Second || got.Hold.Bytes != 300<<20 {
		t.Errorf("that of loki-url: %v, held %d", got.Batch.Wait, got.Hold.Bytes)
	}
	_, err = loadFile(t, "loki-url: http://a\nmax-memory: 2MiB\noutputs: [{name: a, loki-url: http://b, batch-size: 4MiB}]\n")
	wantErr(t, err, "max-memory (lm.yaml:2) is less than the batch-size of output a")
}

const allSections = `default-labels: {container: name, image: false, host: image, swarm_node: node, stream: stream}
external-label: {dc: north}
relabel_configs:
  # Unquoted, as Prometheus' users write.
  - source_labels: [__meta_docker_container_label_logging, __meta_docker_container_name]
    regex: true;(.*)
    action: Keep
  - target_label: shard
    replacement: 7
  - {action: dropequal, source_labels: [a], target_label: b, regex: (.*), separator: ;}
structured_metadata:
  network: __meta_docker_network_name
  tier:
container-labels: []
stages:
  - json:
      expressions: {level: ""}
  - replace: {expression: "a\nb", replace: '# ü', count: 0x1F}
  - decolorize:
  - [{x: 1}, [[2]], ~]: y
`

func TestSections(t *testing.T) {
	c, err := loadFile(t, strings.Replace(allSections, "  - [{x: 1}, [[2]], ~]: y\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Labels.Renamed; !maps.Equal(got, map[string]string{"container": "name", "image": "", "host": "image", "swarm_node": "node"}) {
		t.Errorf("renamed %v", got)
	}
	if got := c.Labels.Metadata; !maps.Equal(got, map[string]string{"network": "__meta_docker_network_name", "tier": "tier"}) {
		t.Errorf("metadata %v", got)
	}
	if c.Labels.FromContainers == nil || len(c.Labels.FromContainers) > 0 {
		t.Errorf("container labels %q", c.Labels.FromContainers)
	}
	b := labels.NewBuilder(labels.FromStrings("__meta_docker_container_label_logging", "true", "__meta_docker_container_name", "/web", "a", "x", "b", "y"))
	if keep := relabel.ProcessBuilder(b, c.Labels.Relabel...); !keep || b.Labels().Get("shard") != "7" {
		t.Errorf("relabelled to %v, %v", b.Labels(), keep)
	}
	if len(c.Stages) != 3 || c.Stages[2].Name != "decolorize" || c.Stages[1].Pos.String() != "lm.yaml:18:5" || c.Stages[1].Pos.Path != "stages[1]" {
		t.Fatalf("stages %+v", c.Stages)
	}
	v := document.Later(c.Stages[1].Pos, c.Stages[1].Node)
	v.Fields("a stage", document.Field{Name: "replace", Read: func(v document.Value) {
		v.Fields("a map", document.Field{Name: "expression", Read: func(document.Value) {}}, document.Field{Name: "replace", Read: func(v document.Value) { v.Fail("no") }})
	}})
	wantErr(t, v.Problems()[0], "lm.yaml:18:44: stages[1].replace.replace: no")
	wantErr(t, v.Problems()[1], `lm.yaml:18:51: stages[1].replace: unknown key "count"; expected "expression" or "replace"`)
}

// TestLabelAsMetadata: a label may become metadata of the same name, and its name be reused.
func TestLabelAsMetadata(t *testing.T) {
	c, err := loadFile(t, "structured_metadata:\n  image:\n  compose_project: compose_project\n  dc:\nexternal-label: {dc: north}\n")
	if err != nil || !maps.Equal(c.Labels.Metadata, map[string]string{"image": "image", "compose_project": "compose_project", "dc": "dc"}) {
		t.Errorf("got %v", err)
	}
}

// TestSectionsInForce: check shows every value with its origin, and loads what it shows.
func TestSectionsInForce(t *testing.T) {
	c, err := loadFile(t, strings.Replace(allSections, "  - [{x: 1}, [[2]], ~]: y\n", "  - x: [{x: 1, y: [2]}, [[3], [], {}], ~, {}]\n", 1))
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(c.Effective(), "# Labels and stages\n")
	want := `default-labels:  # lm.yaml:1
  container: name  # lm.yaml:1
  image: false  # lm.yaml:1
  host: image  # lm.yaml:1
  swarm_node: node  # lm.yaml:1
  stream: stream  # lm.yaml:1
relabel_configs:  # lm.yaml:3
  - source_labels:  # lm.yaml:5
      - __meta_docker_container_label_logging  # lm.yaml:5
      - __meta_docker_container_name  # lm.yaml:5
    regex: true;(.*)  # lm.yaml:6
    action: Keep  # lm.yaml:7
    separator: ;  # default
    replacement: $1  # default
  - target_label: shard  # lm.yaml:8
    replacement: 7  # lm.yaml:9
    separator: ;  # default
    regex: (.*)  # default
    action: replace  # default
  - action: dropequal  # lm.yaml:10
    source_labels:  # lm.yaml:10
      - a  # lm.yaml:10
    target_label: b  # lm.yaml:10
    regex: (.*)  # lm.yaml:10
    separator: ;  # lm.yaml:10
    replacement: $1  # default
structured_metadata:  # lm.yaml:11
  network: __meta_docker_network_name  # lm.yaml:12
  tier: null  # lm.yaml:13
container-labels: []  # lm.yaml:14
outputs: []  # default: none
stages:  # lm.yaml:15
  - json:  # lm.yaml:16
      expressions:  # lm.yaml:17
        level: ""  # lm.yaml:17
  - replace:  # lm.yaml:18
      expression: "a\nb"  # lm.yaml:18
      replace: "# ü"  # lm.yaml:18
      count: 0x1F  # lm.yaml:18
  - decolorize: null  # lm.yaml:19
  - x:  # lm.yaml:20
      - x: 1  # lm.yaml:20
        y:  # lm.yaml:20
          - 2  # lm.yaml:20
      - - - 3  # lm.yaml:20
        - []  # lm.yaml:20
        - {}  # lm.yaml:20
      - ~  # lm.yaml:20
      - {}  # lm.yaml:20
files: []  # default: none
journal: []  # default: none
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again := reload(t, c)
	if a, b := values(c), values(again); a != b {
		t.Errorf("loaded again:\n%s\nwant:\n%s", b, a)
	}
}

// TestSecretsInSections: a secret that is set elsewhere shows in no section.
func TestSecretsInSections(t *testing.T) {
	c, err := loadFile(t, "loki-username: me\nloki-password: hunter2\nstages:\n  - replace: {expression: hunter2}\n")
	if err != nil || strings.Contains(c.Effective(), "hunter2") {
		t.Errorf("the secret was printed, or %v", err)
	}
	_, err = loadFile(t, "loki-username: me\nloki-password: hunter2\nrelabel_configs:\n  - {action: keep, regex: hunter2(}\n")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
