package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	emptyList = &yaml.Node{Kind: yaml.SequenceNode}
	emptyMap  = &yaml.Node{Kind: yaml.MappingNode}
)

// sections is the table of what only the file can hold, in the order of the reference.
var sections = []*section{
	{
		name: "default-labels", def: "all, under their own names", empty: emptyMap, read: readDefaultLabels,
		help: "Other names for the labels, and the structured metadata, that lighterman sets by itself; false leaves one out. The labels are " + strings.Join(DefaultLabels, ", ") + "; the metadata is " + strings.Join(DefaultMetadata, ", ") + ". Loki stores lines with equal labels, time and text once: without container, or without stream, such lines of two containers, or of standard output and standard error, become one.",
		example: `default-labels:
  container: name
  image: false
`,
	},
	{
		name: "relabel_configs", def: "none", empty: emptyList, read: readRelabel,
		help: "Rules in Prometheus' language, with its names and defaults, over the labels __meta_docker_* of a container. What they set without two leading underscores becomes a label; keep and drop choose containers.",
		example: `relabel_configs:
  - source_labels: [__meta_docker_container_label_team]
    target_label: team
  - source_labels: [__meta_docker_container_name]
    regex: .*-test
    action: drop
`,
	},
	{
		name: "structured_metadata", def: "none", empty: emptyMap, read: readMetadata,
		help: "Structured metadata that every line of a container gets: its name, and the label that it has its value from. That may be one of __meta_docker_*, or one that would go to Loki, which is then no label any more. Nothing in place of the label means the label of the same name.",
		example: `structured_metadata:
  network: __meta_docker_network_name
  image:
`,
	},
	{
		name: "container-labels", def: strings.Join(DefaultContainerLabels, ", "), empty: listNode(DefaultContainerLabels), read: readContainerLabels,
		help: "Which labels of containers are honoured, by which their owners configure how their lines are read: lighterman.enable, lighterman.parser and so on; docs/container-labels.md has all of them. A list in the file replaces the default: without enable in it, no owner can opt out; with drop, keep, min_level, sample, limit or tenant, owners decide which of their lines you see, and where. The names are " + strings.Join(ContainerLabels, ", ") + ".",
		example: `container-labels: [parser, multiline, label, metadata, drop, min_level]
`,
	},
	{
		name: "outputs", def: "none", empty: emptyList, read: readOutputs,
		help: "Further Lokis, or receivers of OTLP, beside that of loki-url or otlp-url, up to 7. Each gets everything, and none waits for another; docs/outputs.md says how. An output has a name and the settings loki-url or otlp-url, tenant-id, push-timeout, loki-username, loki-password-file, loki-bearer-token-file, tls-*, proxy-url, batch-wait, batch-size and hold-bytes of its own.",
		example: `loki-url: http://localhost:3100
outputs:
  - name: archive
    loki-url: http://archive.example.com:3100
    tenant-id: team-a
  - name: collector
    otlp-url: http://collector.example.com:4318
`,
	},
	{
		name: "stages", def: "none", empty: emptyList, read: readStages,
		help: "What every line goes through before it is sent, in this order, with the names that Promtail's users know.",
		example: `stages:
  - decolorize: {}
  - drop:
      expression: GET /health
`,
	},
	{
		name: "files", def: "none", empty: emptyList, read: readFiles,
		help: "Files of the host to collect, beside containers. Each element has paths, which are absolute globs in which ** stands for any number of directories, and may have exclude, labels, follow-links, relabel_configs and stages. Lines get the labels filename, host and job, and the time at which they were read. docs/files.md says what becomes of rotation, of links and of files that only their owner may read.",
		example: `files:
  - paths: [/var/log/*.log, /srv/app/**/*.log]
    exclude: [/var/log/installer.log]
    labels:
      job: host
`,
	},
	{
		name: "journal", def: "none", empty: emptyList, read: readJournals,
		help: "What of the host's journal to collect, beside containers, whose own messages it leaves out. Each element may have a name, matches (unit, identifier, priority, boot, and fields of the journal in capitals; all have to hold, of several values one), max-age, containers, labels, relabel_configs over __journal_*, and stages. Entries get the labels unit, level, host and job, and journald's time. docs/journal.md says more.",
		example: `journal:
  - matches:
      unit: [ssh, cron]
      priority: info
    max-age: 12h
    labels:
      job: host-journal
`,
	},
	{
		name: "tests", def: "none", empty: emptyList, read: readTests, unshown: true,
		help: "Lines, and what the stages are to make of them. lighterman check runs them; to everybody else they mean nothing. See [testing rules](testing-rules.md).",
		example: `tests:
  - name: health checks stay at home
    input: GET /health HTTP/1.1
    expect: {dropped: drop_stage}
`,
	},
}
