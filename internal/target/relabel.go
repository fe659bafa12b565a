package target

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/lighterman/lighterman/internal/logs"
)

// Relabel are the rules of relabel_configs and structured_metadata. They do not change, and
// what comes of them depends on nothing but what they are given.
type Relabel struct {
	rules []*relabel.Config
	// metadata are the labels whose value goes to structured metadata, by the name there.
	metadata map[string]string
	// sources are the labels that are asked for by name.
	sources map[string]bool
}

// NewRelabel checks rules, and makes them ready for use. metadata names for each name in
// structured metadata the label that it takes the value of, and which is no label then.
func NewRelabel(rules []*relabel.Config, metadata map[string]string) (*Relabel, error) {
	r := &Relabel{metadata: maps.Clone(metadata), sources: make(map[string]bool)}
	for i, rule := range rules {
		own := *rule
		if err := own.Validate(model.LegacyValidation); err != nil {
			return nil, fmt.Errorf("relabel_configs[%d]: %w", i, err)
		}
		r.rules = append(r.rules, &own)
		for _, name := range own.SourceLabels {
			r.sources[string(name)] = true
		}
		if own.Action == relabel.KeepEqual || own.Action == relabel.DropEqual {
			r.sources[own.TargetLabel] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		if !logs.IsLabelName(name) || strings.HasPrefix(name, reserved) {
			return nil, fmt.Errorf("structured_metadata: %.80q is no name: expected letters, digits and underscores, not beginning with a digit or two underscores", name)
		}
		if !logs.IsLabelName(metadata[name]) {
			return nil, fmt.Errorf("structured_metadata: %s: %.80q is no label name", name, metadata[name])
		}
		r.sources[metadata[name]] = true
	}
	return r, nil
}

// empty reports whether there are no rules at all.
func (r *Relabel) empty() bool { return r == nil || len(r.rules) == 0 && len(r.metadata) == 0 }

// Uses reports whether a label of a container has a meaning to the rules. The others need
// not be kept in memory.
func (r *Relabel) Uses(label string) bool {
	if r.empty() {
		return false
	}
	meta := metaOf(label)
	return r.sources[meta] || slices.ContainsFunc(r.rules, func(rule *relabel.Config) bool {
		return rule.Action == relabel.LabelMap && rule.Regex.MatchString(meta)
	})
}

// Notes say which of the labels that rules ask for are never there, in words.
func (r *Relabel) Notes() (out []string) {
	for i, rule := range r.rules {
		for _, name := range rule.SourceLabels {
			if n := string(name); strings.HasPrefix(n, "__meta_") && !strings.HasPrefix(n, metaLabel) && !slices.Contains(metas, n) {
				out = append(out, fmt.Sprintf("relabel_configs[%d]: %s is always empty here; docs/labels.md has what there is", i, n))
			}
		}
	}
	return out
}

// outcome is what rules make of the labels of a stream.
type outcome struct {
	// labels still have those that begin with two underscores.
	labels map[string]string
	// dropped is the number of the rule that drops the stream, counted from 1; 0 for none.
	dropped int
}

// process applies the rules. What one drops goes through the others all the same: its lines
// need labels if the container is not dropped as a whole, or was removed half delivered.
func (r *Relabel) process(given map[string]string) outcome {
	// Sorted, and without empty ones: of two labels that a rule gives one name it is then
	// always the same that stays.
	maps.DeleteFunc(given, func(_, value string) bool { return value == "" })
	builder := labels.NewBuilder(labels.FromMap(given))
	var out outcome
	for i, rule := range r.rules {
		if !relabel.ProcessBuilder(builder, rule) && out.dropped == 0 {
			out.dropped = i + 1
		}
	}
	out.labels = make(map[string]string)
	builder.Range(func(l labels.Label) { out.labels[l.Name] = l.Value })
	return out
}

// reason says in words what the rule does that drops a container.
func (r *Relabel) reason(number int) string {
	rule := r.rules[number-1]
	sources := make([]string, 0, len(rule.SourceLabels))
	for _, name := range rule.SourceLabels {
		sources = append(sources, string(name))
	}
	matches := fmt.Sprintf("matches %q", rule.Regex.String())
	if rule.Action == relabel.KeepEqual || rule.Action == relabel.DropEqual {
		matches = "equals " + rule.TargetLabel
	}
	return fmt.Sprintf("relabel_configs[%d] is to %s what has %s that %s", number-1, rule.Action, strings.Join(sources, rule.Separator), matches)
}

// move takes out of the labels what is to be structured metadata.
func (r *Relabel) move(pairs, metadata map[string]string) {
	for name, label := range r.metadata {
		if value := pairs[label]; value != "" {
			metadata[name] = value
		}
	}
	for _, label := range r.metadata {
		if !strings.HasPrefix(label, reserved) {
			delete(pairs, label)
		}
	}
}
