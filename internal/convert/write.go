package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// ownLabels are what lighterman sets by itself, and neither Promtail nor Alloy does.
var ownLabels = []string{
	"compose_project", "compose_service", "container", "host", "image", "service_name", "stream", "swarm_service", "swarm_stack",
	"container_id", "stream_metadata", "swarm_node", "swarm_task",
}

// reserved are names that lighterman takes for no external label.
var reserved = []string{"stream", "container", "container_id", "host"}

// result writes the configuration.
func (p *plan) result(file string) (*Result, error) {
	if err := p.err(file); err != nil {
		return nil, err
	}
	m := p.merge()
	external := p.externalLabels(m)
	if err := p.err(file); err != nil {
		return nil, err
	}
	found := p.sorted()
	var w writer
	w.comment("", "Made by lighterman convert from "+file+", for "+p.product+".")
	for _, f := range found {
		if !f.Note {
			w.comment("", "Not carried: line "+decimal(int64(f.Line))+": "+f.What+": "+f.Why+".")
		}
	}
	w.line("")
	for _, s := range p.settings {
		w.comment("", s.comment)
		if s.name != "" {
			w.line(s.name + ": " + value(s))
		}
	}
	for i, o := range p.outputs {
		if i == 0 {
			w.line("outputs:")
		}
		w.line("  - name: " + document.Text(o.name))
		for _, s := range o.settings {
			w.line("    " + s.name + ": " + value(s))
		}
	}
	if m.include != "" {
		w.line("include-label:")
		w.line("  - " + document.Text(m.include))
	}
	if len(external) > 0 {
		w.line("external-label:")
		for _, l := range external {
			w.line("  " + document.Text(l.name) + ": " + document.Text(l.value))
		}
	}
	w.defaultLabels(p.product, m.image)
	w.rules(m)
	w.stages(m)
	w.files(p.product, p.files)
	w.journals(p.product, p.journals, p.onlyHost)
	return &Result{Config: w.String(), Findings: found, Secret: p.secret}, nil
}

// bare is a number, a size, a duration or a truth.
var bare = regexp.MustCompile(`^[0-9A-Za-z.]+$`)

// value writes a setting's value: what may look like something else in quotes.
func value(s setting) string {
	switch s.name {
	case journalDir: // which is a list
		return "[" + element(s.value) + "]"
	case "batch-wait", "batch-size", "push-timeout", "tls-insecure-skip-verify", "max-line-bytes":
		if bare.MatchString(s.value) {
			return s.value
		}
	}
	return document.Text(s.value)
}

// externalLabels returns those that can be settings. A line's own label wins over one of
// these in Promtail, and does not here: where there may be one, a rule sets it.
func (p *plan) externalLabels(m *merged) (out []pair) {
	set := make(map[string]bool)
	maps := false
	for _, r := range m.rules {
		note(set, r)
		maps = maps || r.Action == relabel.LabelMap || r.Action == relabel.LabelDrop || r.Action == relabel.LabelKeep || strings.Contains(r.TargetLabel, "$")
	}
	labelled(m.stages, set)
	for _, s := range slices.Concat(p.files, p.journals) {
		for _, l := range s.labels {
			set[l.name] = true
		}
		for _, r := range s.rules {
			note(set, r)
		}
		labelled(s.stages, set)
	}
	for i, l := range p.external {
		first := slices.IndexFunc(p.external, func(other pair) bool { return other.name == l.name })
		switch {
		case !labelName.MatchString(l.name) || strings.HasPrefix(l.name, "__"):
			p.refuse(l.line, "external_labels: %q is no name of a label", l.name)
		case l.value == "" || first != i:
		case maps || set[l.name] || slices.Contains(reserved, l.name):
			r := newRule(l.line, l.name, strings.ReplaceAll(l.value, "$", "$$"), "", "", modelName(l.name))
			r.Regex = relabel.MustNewRegexp("")
			r.said = []string{"An external label, where there is no such label yet."}
			m.rules = append(m.rules, r)
			for _, s := range slices.Concat(p.files, p.journals) {
				s.rules = append(s.rules, r)
			}
		default:
			out = append(out, l)
		}
	}
	return out
}

type writer struct{ bytes.Buffer }

func (w *writer) line(text string) { _, _ = w.WriteString(text + "\n") }

func (w *writer) comment(indent, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		w.line(indent + "# " + document.Visible(line))
	}
}

func (w *writer) defaultLabels(product, image string) {
	w.line("")
	w.comment("", product+" sets no labels by itself, so lighterman sets none of its own. Each is a line to remove.")
	w.line("default-labels:")
	for _, name := range ownLabels {
		to := "false"
		if name == "image" && image != "" {
			to = document.Text(image)
		}
		w.line("  " + name + ": " + to)
	}
	w.comment("", "Levels are Loki's to find, as they were. With true the level of more lines is known, and\nlines that are sent again when taking over are other entries.")
	w.line("detect-level: false")
}

func (w *writer) rules(m *merged) {
	if len(m.rules) == 0 {
		return
	}
	w.line("")
	w.comment("", strings.Join(m.ruleComments, "\n"))
	if !slices.ContainsFunc(m.rules, func(r *rule) bool { return r.off == "" }) {
		w.line("relabel_configs: []")
	} else {
		w.line("relabel_configs:")
	}
	w.ruleList("  ", m.rules)
}

// ruleList writes rules as a list.
func (w *writer) ruleList(indent string, list []*rule) {
	for _, r := range list {
		w.comment(indent, strings.Join(r.said, "\n"))
		lines := r.lines()
		if r.off != "" {
			w.comment(indent, "Left out, from line "+decimal(int64(r.line))+": "+r.off+".")
			w.comment(indent, strings.Join(lines, "\n"))
			continue
		}
		for _, line := range lines {
			w.line(indent + line)
		}
	}
}

// lines are those of a rule, as an element of a list, without what is the default.
func (r *rule) lines() (out []string) {
	add := func(key, value string) {
		lead := "  "
		if len(out) == 0 {
			lead = "- "
		}
		out = append(out, lead+key+": "+value)
	}
	if len(r.SourceLabels) > 0 {
		names := make([]string, 0, len(r.SourceLabels))
		for _, name := range r.SourceLabels {
			names = append(names, element(string(name)))
		}
		add("source_labels", "["+strings.Join(names, ", ")+"]")
	}
	base := relabel.DefaultRelabelConfig
	if r.Separator != base.Separator {
		add("separator", document.Text(r.Separator))
	}
	if r.Regex.String() != base.Regex.String() {
		add("regex", document.Text(r.Regex.String()))
	}
	if r.Modulus != 0 {
		add("modulus", fmt.Sprint(r.Modulus))
	}
	if r.Action != base.Action && r.Action != "" {
		add("action", string(r.Action))
	}
	if r.TargetLabel != "" {
		add("target_label", document.Text(r.TargetLabel))
	}
	if r.Replacement != base.Replacement || len(out) == 0 {
		add("replacement", document.Text(r.Replacement))
	}
	return out
}

// element is a text in a list on one line, where commas and brackets mean something.
func element(value string) string {
	if labelName.MatchString(value) {
		return document.Text(value)
	}
	return document.Quoted(value)
}

func (w *writer) stages(m *merged) {
	if len(m.stages) == 0 {
		if len(m.stageComments) > 0 {
			w.line("")
			w.comment("", strings.Join(m.stageComments, "\n"))
		}
		return
	}
	w.line("")
	w.comment("", strings.Join(m.stageComments, "\n"))
	w.line("stages:")
	w.stageList("  ", m.stages)
}

// stageList writes stages as a list.
func (w *writer) stageList(indent string, list []*yaml.Node) {
	for _, n := range list {
		w.comment(indent, strings.Join(comments(n), "\n"))
		var b bytes.Buffer
		encoder := yaml.NewEncoder(&b)
		encoder.SetIndent(2)
		if err := encoder.Encode(plain(n)); err != nil || encoder.Close() != nil {
			continue // not reached: the node was read from such a text
		}
		lead := indent + "- "
		for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
			w.line(lead + line)
			lead = indent + "  "
		}
	}
}
