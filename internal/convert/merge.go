package convert

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
)

// merged is what comes of all sources that read containers: lighterman reads each once, and
// has one list of rules and one of stages.
type merged struct {
	include                     string
	image                       string
	rules                       []*rule
	stages                      []*yaml.Node
	ruleComments, stageComments []string
}

// merge carries the sources.
func (p *plan) merge() *merged {
	var mine []*source
	for _, s := range p.sources {
		switch s.kind {
		case containers:
			p.containerRules(s)
			p.containerStages(s)
			mine = append(mine, s)
		case containerFiles:
			p.containerFileRules(s)
			mine = append(mine, s)
		default:
			p.carryOther(s)
		}
	}
	for _, s := range mine {
		s.stages = p.placed(p.fit(s.stages, true))
	}
	m := &merged{}
	if len(mine) == 0 && len(p.files)+len(p.journals) > 0 {
		p.onlyHost = true
		m.rules = p.noContainers()
		return m
	}
	if len(mine) == 1 {
		s := mine[0]
		m.image = s.image
		if label, only := s.include(); only {
			m.include = label
		}
		m.rules = append(p.filterRules(s), s.rules...)
		m.stages, m.ruleComments, m.stageComments = s.stages, s.ruleComments, s.stageComments
		return m
	}
	p.several(m, mine)
	m.stages = p.placed(m.stages)
	return m
}

// guarded is one of several sources: its rules hold only where a label is 1.
type guarded struct {
	of             *source
	choice, others []*rule
	// guard is the label.
	guard model.LabelName
}

const taken = "__taken"

// several makes one list of rules of those of several sources. A container belongs to the
// first that chooses it.
func (p *plan) several(m *merged, list []*source) {
	var kept []*guarded
	all := ""
	for i, s := range list {
		g := &guarded{of: s, guard: model.LabelName("__source_" + strconv.Itoa(i+1))}
		if all != "" {
			p.lost(s.line, s.name, all+" reads all containers already, so their lines were sent twice, with other labels; lighterman sends a line once", "give the one a choice of containers that leaves out those of the other")
			continue
		}
		if s.image != "" {
			p.lost(s.line, "the label "+s.image, "the image is a label of all containers or of none", "write image: "+s.image+" under default-labels")
		}
		if !p.split(g) {
			continue
		}
		if len(g.choice) == 0 {
			all = s.name
		} else if len(kept) > 0 && kept[0].of.name != s.name {
			p.note(s.line, s.name, "a container that "+kept[0].of.name+" chooses too was sent twice; it is now sent once, for the first of the two", "")
		}
		kept = append(kept, g)
	}
	if len(kept) == 1 {
		m.rules = slices.Concat(kept[0].choice, kept[0].others)
		m.stages, m.ruleComments, m.stageComments = kept[0].of.stages, kept[0].of.ruleComments, kept[0].of.stageComments
		return
	}
	for i, g := range kept {
		m.rules = append(m.rules, p.guard(g, i > 0)...)
	}
	if all == "" && len(kept) > 0 {
		keep := newRule(0, "", "$1", "1", "", taken)
		keep.Action = relabel.Keep
		keep.said = []string{"What none of them has chosen is not collected."}
		m.rules = append(m.rules, keep)
	}
	p.severalStages(m, kept)
}

// split tells the rules that choose containers from the others. They can go first only if
// they ask for nothing that another rule makes.
func (p *plan) split(g *guarded) bool {
	g.choice = p.filterRules(g.of)
	set := make(map[string]bool)
	for _, r := range g.of.rules {
		chooses := r.Action == relabel.Keep || r.Action == relabel.Drop
		if r.off == "" && chooses {
			if slices.ContainsFunc(r.SourceLabels, func(name model.LabelName) bool { return maySet(set, string(name)) }) {
				p.lost(r.line, g.of.name, "one of several sources, and this rule chooses containers by a label that a rule before it makes", "choose them by "+meta+"*")
				return false
			}
			g.choice = append(g.choice, r)
			continue
		}
		note(set, r)
		g.others = append(g.others, r)
	}
	return true
}

// guard makes the rules of a source hold for what it chooses. later says that it is not the
// first.
func (p *plan) guard(g *guarded, later bool) (out []*rule) {
	begin := constant(string(g.guard), "1", g.of.line)
	begin.said = append([]string{"What follows is " + g.of.name + ", line " + strconv.Itoa(g.of.line) + ", for containers where " + string(g.guard) + " is 1."}, g.of.ruleComments...)
	out = append(out, begin)
	if later {
		out = append(out, newRule(g.of.line, string(g.guard), "", "1", "", taken))
	}
	for _, r := range g.choice {
		switch r.Action {
		case relabel.Drop:
			out = append(out, &rule{line: r.line, said: r.said, Config: relabel.Config{
				SourceLabels: r.SourceLabels, Separator: r.Separator, Regex: r.Regex, TargetLabel: string(g.guard), Action: relabel.Replace,
			}})
		case relabel.Keep:
			next := g.guard + "_"
			out = append(out, behind(g.guard, r, string(next), "1"))
			g.guard = next
		default:
			out = append(out, r)
		}
	}
	out = append(out, newRule(g.of.line, taken, "1", "1", "", g.guard))
	for _, r := range g.others {
		switch {
		case r.off != "":
			out = append(out, r)
		case r.Action == relabel.Replace:
			out = append(out, behind(g.guard, r, r.TargetLabel, r.Replacement))
		default:
			p.lost(r.line, "the rule", "one of several sources, and "+string(r.Action)+" cannot be restricted to some containers", "write it for all of them at the end of relabel_configs")
		}
	}
	return out
}

// behind is a rule that holds only where the guard is 1.
func behind(guard model.LabelName, r *rule, target, replacement string) *rule {
	out := &rule{line: r.line, said: r.said, Config: r.Config}
	out.Action, out.TargetLabel, out.Replacement = relabel.Replace, target, replacement
	out.SourceLabels = append(model.LabelNames{guard}, r.SourceLabels...)
	if len(r.SourceLabels) == 0 {
		out.Regex = relabel.MustNewRegexp("1")
		return out
	}
	expr := r.Regex.String()
	if !strings.HasPrefix(expr, "(") || !strings.HasSuffix(expr, ")") || strings.Contains(expr, "|") {
		expr = "(?:" + expr + ")"
	}
	out.Regex = relabel.MustNewRegexp("1" + regexp.QuoteMeta(r.Separator) + expr)
	return out
}

// severalStages restricts the stages of each source to its lines, by a label that only they
// have.
func (p *plan) severalStages(m *merged, list []*guarded) {
	if len(list) == 0 {
		return
	}
	same := true
	for _, g := range list[1:] {
		same = same && bytes.Equal(encoded(g.of.stages), encoded(list[0].of.stages))
	}
	if same {
		m.stages, m.stageComments = list[0].of.stages, list[0].of.stageComments
		return
	}
	for _, g := range list {
		if len(g.of.stages) == 0 {
			continue
		}
		name, value, ok := apart(g, list)
		if !ok {
			p.lost(g.of.stages[0].Line, "the stages of "+g.of.name, "one of several sources, and no label tells its lines from those of the others", "give each a constant label of its own, such as job")
			continue
		}
		m.stageComments = append(m.stageComments, g.of.stageComments...)
		m.stages = append(m.stages, mapping(g.of.stages[0], scalar("match", nil), mapping(nil,
			scalar("selector", nil), scalar("{"+name+"="+strconv.Quote(value)+"}", nil),
			scalar("stages", nil), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: g.of.stages})))
	}
}

// apart finds a label that the lines of a source have, and those of no other.
func apart(of *guarded, list []*guarded) (name, value string, ok bool) {
	constants := func(g *guarded) (values map[string]string, set map[string]bool) {
		values, set = make(map[string]string), make(map[string]bool)
		for _, r := range g.others {
			if r.off != "" || r.Action != relabel.Replace {
				continue
			}
			delete(values, r.TargetLabel)
			if set[r.TargetLabel] = true; len(r.SourceLabels) == 0 {
				values[r.TargetLabel] = strings.ReplaceAll(r.Replacement, "$$", "$")
			}
		}
		return values, set
	}
	mine, _ := constants(of)
	for _, r := range of.others {
		value, constant := mine[r.TargetLabel]
		if !constant || strings.HasPrefix(r.TargetLabel, "__") {
			continue
		}
		unique := true
		for _, g := range list {
			values, set := constants(g)
			other, constant := values[r.TargetLabel]
			unique = unique && (g == of || !set[r.TargetLabel] || constant && other != value)
		}
		if unique {
			return r.TargetLabel, value, true
		}
	}
	return "", "", false
}

func encoded(list []*yaml.Node) []byte {
	if len(list) == 0 {
		return nil
	}
	out, err := yaml.Marshal(plain(&yaml.Node{Kind: yaml.SequenceNode, Content: list}))
	if err != nil {
		return nil
	}
	return out
}
