package convert

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
)

// filterRules makes rules of the filters of the engine's list. Of one name one value
// suffices, but for labels, of which all have to be there.
func (p *plan) filterRules(s *source) (out []*rule) {
	keep := func(f filter, regex, separator string, from ...model.LabelName) *rule {
		r := newRule(f.line, "", "$1", regex, separator, from...)
		r.Action = relabel.Keep
		r.said = []string{"The filter on " + f.name + "."}
		return r
	}
	for _, f := range s.filters {
		switch f.name {
		case "label":
			for _, value := range f.values {
				out = append(out, keep(f, labelRegex(p, f, value), "", labelOf(value)))
			}
		case "name":
			// The engine looks for the expression anywhere in the name, with its slash and
			// without.
			all := "(?m:" + strings.Join(f.values, "|") + ")"
			if _, err := regexp.Compile(all); err != nil {
				p.refuse(f.line, "filters: the name is no expression: %v", err)
				continue
			}
			bare := newRule(f.line, "__name", "$1", "/(.*)", "", metaName)
			bare.said = []string{"The filter on name: the engine looks for it anywhere in the name."}
			looks := keep(f, ".*"+all+".*", "\n", metaName, "__name")
			looks.said = nil
			out = append(out, bare, looks)
		case "id":
			all := make([]string, 0, len(f.values))
			for _, value := range f.values {
				all = append(all, regexp.QuoteMeta(value)+".*")
			}
			out = append(out, keep(f, strings.Join(all, "|"), "", metaID))
		case "status":
			p.status(f)
		default:
			p.lost(f.line, "the filter on "+f.name, "lighterman cannot choose containers by it", "use include-name, include-label or a rule")
		}
	}
	return out
}

// labelOf is what a label of a container is called in rules.
func labelOf(filter string) model.LabelName {
	name, _, _ := strings.Cut(filter, "=")
	return model.LabelName(metaLabel + strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name))
}

func labelRegex(p *plan, f filter, value string) string {
	if _, want, has := strings.Cut(value, "="); has {
		if want == "" {
			p.lost(f.line, "the filter on label "+value, "rules cannot tell an empty label from none", "give the label a value")
		}
		return regexp.QuoteMeta(want)
	}
	p.note(f.line, "the filter on label "+value, "rules cannot tell an empty label from none, so a container with an empty one is left out", "give the label a value")
	return ".+"
}

// status settles a filter on what containers do.
func (p *plan) status(f filter) {
	if slices.Contains(f.values, "running") {
		return // lighterman reads what is still in the logs of others, which a restart brings to an end
	}
	p.lost(f.line, "the filter on status", "lighterman collects from all containers, whatever they do", "choose them by name or label")
}

// include returns the label by which the engine's list is filtered, where that is all: the
// setting include-label means the same.
func (s *source) include() (string, bool) {
	var only []string
	for _, f := range s.filters {
		if f.name == "label" {
			only = append(only, f.values...)
		}
	}
	if len(only) != 1 || strings.HasSuffix(only[0], "=") {
		return "", false
	}
	s.filters = slices.DeleteFunc(s.filters, func(f filter) bool { return f.name == "label" })
	return only[0], true
}
