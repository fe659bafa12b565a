package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
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
	if m.include != "" {
		w.line("include-label:")
		w.line("  - " + text(m.include))
	}
	if len(external) > 0 {
		w.line("external-label:")
		for _, l := range external {
			w.line("  " + text(l.name) + ": " + text(l.value))
		}
	}
	w.defaultLabels(p.product, m.image)
	w.rules(m)
	w.stages(m)
	return &Result{Config: w.String(), Findings: found, Secret: p.secret}, nil
}

// bare is a number, a size, a duration or a truth.
var bare = regexp.MustCompile(`^[0-9A-Za-z.]+$`)

// value writes a setting's value: what may look like something else in quotes.
func value(s setting) string {
	switch s.name {
	case "batch-wait", "batch-size", "push-timeout", "tls-insecure-skip-verify", "max-line-bytes":
		if bare.MatchString(s.value) {
			return s.value
		}
	}
	return text(s.value)
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
		w.line(indent + "# " + visible(line))
	}
}

// visible shows what nobody would see in a line, and what would end it, as its number.
func visible(line string) string {
	if !strings.ContainsFunc(line, unseen) && utf8.ValidString(line) {
		return line
	}
	var b strings.Builder
	for _, r := range line {
		switch {
		case !unseen(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// unseen are controls, the ends of lines that only some know, marks of direction and the like.
func unseen(r rune) bool { return !unicode.IsGraphic(r) && r != '\t' }

func (w *writer) defaultLabels(product, image string) {
	w.line("")
	w.comment("", product+" sets no labels by itself, so lighterman sets none of its own. Each is a line to remove.")
	w.line("default-labels:")
	for _, name := range ownLabels {
		to := "false"
		if name == "image" && image != "" {
			to = text(image)
		}
		w.line("  " + name + ": " + to)
	}
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
	for _, r := range m.rules {
		w.comment("  ", strings.Join(r.said, "\n"))
		lines := r.lines()
		if r.off != "" {
			w.comment("  ", "Left out, from line "+decimal(int64(r.line))+": "+r.off+".")
			w.comment("  ", strings.Join(lines, "\n"))
			continue
		}
		for _, line := range lines {
			w.line("  " + line)
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
		add("separator", text(r.Separator))
	}
	if r.Regex.String() != base.Regex.String() {
		add("regex", text(r.Regex.String()))
	}
	if r.Modulus != 0 {
		add("modulus", fmt.Sprint(r.Modulus))
	}
	if r.Action != base.Action && r.Action != "" {
		add("action", string(r.Action))
	}
	if r.TargetLabel != "" {
		add("target_label", text(r.TargetLabel))
	}
	if r.Replacement != base.Replacement || len(out) == 0 {
		add("replacement", text(r.Replacement))
	}
	return out
}

// element is a text in a list on one line, where commas and brackets mean something.
func element(value string) string {
	if labelName.MatchString(value) {
		return text(value)
	}
	return inStyle(value, yaml.DoubleQuotedStyle)
}

// text is a text on one line of YAML.
func text(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r == '\t' || unseen(r) }) {
		return inStyle(value, yaml.DoubleQuotedStyle)
	}
	return inStyle(value, 0)
}

func inStyle(value string, style yaml.Style) string {
	n := scalar(strings.ToValidUTF8(value, "\ufffd"), nil)
	n.Style = style
	out, err := yaml.Marshal(n)
	if err != nil {
		return `""`
	}
	return strings.TrimSuffix(string(out), "\n")
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
	for _, n := range m.stages {
		w.comment("  ", strings.Join(comments(n), "\n"))
		var b bytes.Buffer
		encoder := yaml.NewEncoder(&b)
		encoder.SetIndent(2)
		if err := encoder.Encode(plain(n)); err != nil || encoder.Close() != nil {
			continue // not reached: the node was read from such a text
		}
		lead := "  - "
		for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
			w.line(lead + line)
			lead = "    "
		}
	}
}
