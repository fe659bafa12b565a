package convert

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
)

const (
	meta      = "__meta_docker_"
	metaID    = meta + "container_id"
	metaName  = meta + "container_name"
	metaLabel = meta + "container_label_"
	logStream = meta + "container_log_stream"
	address   = "__address__"
)

// known are the labels that rules see of a container in lighterman and in Promtail, besides
// those of the container itself.
var known = []string{
	metaID, metaName, meta + "container_network_mode", logStream, meta + "network_id", meta + "network_name", meta + "network_ip",
	meta + "port_private", meta + "port_public", meta + "port_public_ip",
}

// missing are those that lighterman has not.
func missing(name string) bool {
	return strings.HasPrefix(name, meta+"network_") && !slices.Contains(known, name)
}

// containerRules makes the rules of a source that reads containers lighterman's. constant
// are the labels that every line has before them.
func (p *plan) containerRules(s *source) {
	set := make(map[string]bool)
	var out []*rule
	for _, l := range p.named(s.labels) {
		if out = append(out, constant(l.name, l.value, l.line)); l.value != "" {
			set[l.name] = true
		}
	}
	if slices.ContainsFunc(s.rules, func(r *rule) bool { return slices.Contains(r.SourceLabels, model.LabelName(address)) }) {
		out = append(out, addressRules(s)...)
		set[address] = true
		p.note(s.line, s.name, "a rule asks for __address__, which lighterman makes of the container's first network and lowest TCP port", "a label with addresses has a new value with each start of a container: leave it out if nobody asks for it")
	}
	for _, r := range s.rules {
		if p.containerRule(s, r, set) {
			out = append(out, r)
		}
		if r.off == "" {
			note(set, r)
		}
	}
	s.rules = out
	p.slashes(s)
}

// named returns the labels that have a name which Loki takes.
func (p *plan) named(list []pair) (out []pair) {
	for _, l := range list {
		if labelName.MatchString(l.name) {
			out = append(out, l)
			continue
		}
		p.lost(l.line, "the label "+strconv.Quote(l.name), "that is no name for a label in Loki", "use letters, digits and _ only, and no digit first")
	}
	return out
}

// containerRule looks at one rule, given which labels may be set before it. It reports
// whether the rule stays among the rules.
func (p *plan) containerRule(s *source, r *rule, set map[string]bool) bool {
	for _, name := range r.SourceLabels {
		if missing(string(name)) {
			p.lost(r.line, string(name), "lighterman does not ask the engine about networks", "use "+meta+"network_name")
			return false
		}
	}
	empty := !slices.ContainsFunc(r.SourceLabels, func(name model.LabelName) bool {
		n := string(name)
		if r.late && strings.HasPrefix(n, "__") || r.early && n == logStream {
			return false
		}
		return maySet(set, n) || slices.Contains(known, n) || strings.HasPrefix(n, metaLabel)
	})
	if odd := slices.IndexFunc(r.SourceLabels, func(name model.LabelName) bool { return !labelName.MatchString(string(name)) }); odd >= 0 && (!empty || !concerns(r.Action)) {
		p.lost(r.line, "the rule", "it asks for "+strconv.Quote(string(r.SourceLabels[odd]))+", which is no name of a label in lighterman", "take the name out of source_labels")
		return false
	}
	never := len(r.SourceLabels) == 1 && r.SourceLabels[0] == metaID && !fits(r.Regex.String(), 64)
	switch {
	case r.TargetLabel == "__path__" && r.Action == relabel.Replace:
		r.off = "__path__ means nothing for containers"
	case len(r.SourceLabels) > 0 && empty && concerns(r.Action):
		p.ofNothing(r, maySet(set, r.TargetLabel))
		if r.off == "" { // it stays, and lighterman takes names only
			r.SourceLabels = slices.DeleteFunc(slices.Clone(r.SourceLabels), func(name model.LabelName) bool { return !labelName.MatchString(string(name)) })
		}
	case never && concerns(r.Action):
		r.off = "an expression is anchored at both ends, so it never matches a container's ID, which has 64 digits"
		p.note(r.line, "the rule for "+r.TargetLabel, r.off+": "+p.product+" never set that label either", "for the first 12 digits: regex: '(.{12}).*'")
		if r.Action == relabel.Keep {
			r.off = ""
			p.lost(r.line, "the rule", "it keeps no container at all, as its expression never matches a whole ID", "mend the expression")
		}
	case len(r.SourceLabels) == 1 && r.SourceLabels[0] == logStream && (r.Action == relabel.Keep || r.Action == relabel.Drop):
		p.streamRule(s, r)
		return false
	case slices.Contains(r.SourceLabels, model.LabelName(logStream)) && (r.Action == relabel.Keep || r.Action == relabel.Drop):
		p.lost(r.line, "the rule", "lighterman's rules choose whole containers, and this one chooses a stream by more than one label", "use a match stage with action: drop")
		return false
	}
	return true
}

// concerns reports whether an action looks at source_labels alone.
func concerns(a relabel.Action) bool {
	return a == relabel.Replace || a == relabel.Keep || a == relabel.Drop || a == relabel.Lowercase || a == relabel.Uppercase
}

// ofNothing settles a rule that asks for labels which are always empty. was says that the
// label it sets may be there already.
func (p *plan) ofNothing(r *rule, was bool) {
	names := make([]string, 0, len(r.SourceLabels))
	for _, name := range r.SourceLabels {
		names = append(names, string(name))
	}
	what := strings.Join(names, ", ")
	joined := strings.Repeat(r.Separator, len(names)-1)
	it, why := "it ", "was always empty in "+p.product
	if len(names) > 1 {
		it, why = "they ", "were always empty in "+p.product
	}
	cure := ""
	if what == meta+"container_image" {
		cure = "lighterman knows the image: for a label of it remove image from default-labels"
	}
	at := r.Regex.FindStringSubmatchIndex(joined)
	switch {
	case r.Action == relabel.Keep && at == nil:
		p.lost(r.line, "the rule", what+" "+why+", so it keeps nothing", "remove the rule")
	case r.Action == relabel.Drop && at != nil:
		p.lost(r.line, "the rule", what+" "+why+", so it drops everything", "remove the rule")
	case r.Action == relabel.Replace && at != nil && (was || string(r.Regex.ExpandString(nil, r.Replacement, joined, at)) != ""):
		r.Replacement = string(r.Regex.ExpandString(nil, r.Replacement, joined, at))
		r.SourceLabels, r.Regex = nil, relabel.DefaultRelabelConfig.Regex
		r.said = append(r.said, what+" "+why+", which makes this a constant.")
		r.Replacement = strings.ReplaceAll(r.Replacement, "$", "$$")
	default:
		r.off = what + " " + why
		p.note(r.line, what, it+why+", so the rule had no effect and is left out", cure)
	}
}

// streamRule makes a stage of a rule that chooses one of the two streams.
func (p *plan) streamRule(s *source, r *rule) {
	for _, name := range []string{"stdout", "stderr"} {
		if r.Regex.MatchString(name) == (r.Action == relabel.Keep) {
			continue
		}
		s.stages = append([]*yaml.Node{mapping(nil, scalar("match", nil), mapping(nil,
			scalar("selector", nil), scalar(`{stream="`+name+`"}`, nil), scalar("action", nil), scalar("drop", nil)))}, s.stages...)
		s.stageComments = append(s.stageComments, "Rules choose whole containers here: the stream is left out by a stage.")
	}
}

// constant is a rule that sets a label.
func constant(name, value string, line int) *rule {
	r := newRule(line, name, "", "", "")
	r.Replacement = strings.ReplaceAll(value, "$", "$$")
	return r
}

// addressRules make __address__ as docker_sd does.
func addressRules(s *source) []*rule {
	ip, port := model.LabelName(meta+"network_ip"), model.LabelName(meta+"port_private")
	rules := []*rule{
		newRule(s.line, address, "$1:"+strings.ReplaceAll(s.port, "$", "$$"), "(.+)", "", ip),
		newRule(s.line, address, "$1", "(.+:.+)", ":", ip, port),
		newRule(s.line, address, strings.ReplaceAll(cmp.Or(s.host, "localhost"), "$", "$$"), "host", "", meta+"container_network_mode"),
	}
	rules[0].said = []string{"__address__ as docker_sd makes it"}
	return rules
}

func newRule(line int, target, replacement, regex, separator string, from ...model.LabelName) *rule {
	r := &rule{Config: relabel.DefaultRelabelConfig, line: line}
	r.SourceLabels, r.TargetLabel, r.Replacement, r.NameValidationScheme = from, target, replacement, model.LegacyValidation
	if regex != "" {
		r.Regex = relabel.MustNewRegexp(regex)
	}
	if separator != "" {
		r.Separator = separator
	}
	return r
}

// anyName stands for labels that only the container's own say the names of.
const anyName = "*"

// note notes which labels a rule may set.
func note(set map[string]bool, r *rule) {
	switch {
	case r.Action == relabel.LabelMap, strings.Contains(r.TargetLabel, "$"):
		set[anyName] = true
	case r.TargetLabel != "":
		set[r.TargetLabel] = true
	}
}

// maySet reports whether a rule may have set a label.
func maySet(set map[string]bool, name string) bool {
	return set[name] || set[anyName] && !strings.HasPrefix(name, "__meta_")
}

// slashes says which labels keep the slash before a container's name.
func (p *plan) slashes(s *source) {
	sample := "/" + strings.Repeat("x", 8)
	for _, r := range s.rules {
		if r.off != "" || r.Action != relabel.Replace || len(r.SourceLabels) != 1 || r.SourceLabels[0] != metaName || strings.HasPrefix(r.TargetLabel, "__") {
			continue
		}
		got := labels.NewBuilder(labels.FromStrings(metaName, sample))
		relabel.ProcessBuilder(got, &r.Config)
		if value := got.Get(r.TargetLabel); strings.HasPrefix(value, "/") {
			p.note(r.line, "the label "+r.TargetLabel, "it keeps the slash before the container's name, as with "+p.product, "without the slash: regex: '/(.*)'; queries then change")
		}
	}
}

// fits reports whether an anchored expression can match a text of so many letters.
func fits(expr string, length int) bool {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return true
	}
	least, most := extent(re)
	return least <= length && (most < 0 || length <= most)
}

// extent is how many letters an expression matches, at least and at most; -1 for no bound.
func extent(re *syntax.Regexp) (least, most int) {
	times := func(low, high int) (int, int) {
		a, b := extent(re.Sub[0])
		if high < 0 || b < 0 {
			if b == 0 {
				return a * low, 0
			}
			return a * low, -1
		}
		return a * low, b * high
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune), len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpCapture:
		return extent(re.Sub[0])
	case syntax.OpStar:
		return times(0, -1)
	case syntax.OpPlus:
		return times(1, -1)
	case syntax.OpQuest:
		return times(0, 1)
	case syntax.OpRepeat:
		return times(re.Min, re.Max)
	case syntax.OpConcat, syntax.OpAlternate:
		for i, sub := range re.Sub {
			a, b := extent(sub)
			switch {
			case re.Op == syntax.OpConcat:
				least += a
				if most >= 0 && b >= 0 {
					most += b
				} else {
					most = -1
				}
			case i == 0:
				least, most = a, b
			default:
				least = min(least, a)
				if most >= 0 && b >= 0 {
					most = max(most, b)
				} else {
					most = -1
				}
			}
		}
		return least, most
	}
	return 0, 0
}

// labelName is what Loki takes as the name of a label.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func modelName(name string) model.LabelName { return model.LabelName(name) }
