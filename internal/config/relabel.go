package config

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

var relabelActions = []string{
	string(relabel.Replace), string(relabel.Keep), string(relabel.Drop), string(relabel.KeepEqual), string(relabel.DropEqual), string(relabel.HashMod),
	string(relabel.LabelMap), string(relabel.LabelDrop), string(relabel.LabelKeep), string(relabel.Lowercase), string(relabel.Uppercase),
}

// readRelabel reads rules in Prometheus' language. Texts need no quotes there, so none are
// asked for here.
func readRelabel(l *loader, v document.Value, shown *yaml.Node) {
	l.config.Labels.Relabel = append(l.config.Labels.Relabel, readRules(v, shown)...)
}

// readRules reads a list of rules, and adds to what is shown their defaults.
func readRules(v document.Value, shown *yaml.Node) (rules []*relabel.Config) {
	for i, item := range v.Items("a list of rules") {
		rule, fields := relabel.DefaultRelabelConfig, make(map[string]document.Value)
		before := v.Count()
		set := func(name string, store func(document.Value)) document.Field {
			return document.Field{Name: name, Read: func(v document.Value) { fields[name] = v; store(v) }}
		}
		word := func(to *string) func(document.Value) {
			return func(v document.Value) {
				if text, ok := v.Text("a text"); ok {
					*to = text
				}
			}
		}
		item.Fields("a rule, such as {source_labels: [__meta_docker_container_name], target_label: name}",
			set("source_labels", func(v document.Value) {
				for _, item := range v.Items("a list of label names") {
					if name, ok := item.Text("a label name"); ok && !labelName.MatchString(name) {
						item.Fail("invalid label name %q: expected letters, digits and underscores, not beginning with a digit", name)
					} else if ok {
						rule.SourceLabels = append(rule.SourceLabels, model.LabelName(name))
					}
				}
			}),
			set("separator", word(&rule.Separator)),
			set("regex", func(v document.Value) { readRegex(v, &rule.Regex) }),
			set("modulus", func(v document.Value) {
				n, err := strconv.ParseUint(v.Node.Value, 10, 64)
				if !v.Scalar("!!int") || err != nil || n == 0 {
					v.Fail("expected a number from 1 to %d, such as 8", uint64(math.MaxUint64))
				}
				rule.Modulus = n
			}),
			set("target_label", word(&rule.TargetLabel)),
			set("replacement", word(&rule.Replacement)),
			set("action", func(v document.Value) {
				text, ok := v.Text("an action")
				if rule.Action = relabel.Action(strings.ToLower(text)); ok && !slices.Contains(relabelActions, string(rule.Action)) {
					v.Fail("unknown action %q%s", text, document.Hint(text, relabelActions))
				}
			}),
		)
		if v.Count() > before {
			continue
		}
		if err := rule.Validate(model.LegacyValidation); err != nil {
			blamed(item, fields, err).Fail("%s", strings.TrimPrefix(err.Error(), "relabel configuration for "))
			continue
		}
		rules = append(rules, &rule)
		for _, d := range []struct{ name, value string }{
			{"separator", rule.Separator}, {"regex", rule.Regex.String()}, {"replacement", rule.Replacement}, {"action", string(rule.Action)},
		} {
			if _, given := fields[d.name]; !given && shown != nil && i < len(shown.Content) {
				value := textNode(d.value)
				value.LineComment = "default"
				shown.Content[i].Content = append(shown.Content[i].Content, textNode(d.name), value)
			}
		}
	}
	return rules
}

// readRegex keeps the default where it is written out: the library compares pointers.
func readRegex(v document.Value, to *relabel.Regexp) {
	text, ok := v.Text("a pattern")
	if !ok || text == to.String() {
		return
	}
	if err := checkPattern(text); err != nil {
		v.Fail("%v", err)
		return
	}
	re, err := relabel.NewRegexp(text)
	if err != nil {
		v.Fail("invalid pattern %q: %v", text, err)
		return
	}
	*to = re
}

// blamed returns the field that the library's error is about, or the rule when it is none
// that is there.
func blamed(rule document.Value, fields map[string]document.Value, err error) document.Value {
	for _, name := range []string{"target_label", "replacement"} {
		if v, given := fields[name]; given && strings.Contains(err.Error(), "'"+name+"'") {
			return v
		}
	}
	return rule
}
