package convert

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/stage"
)

// cures are those of stages that lighterman has not.
var cures = map[string]string{
	"metrics": "let Loki's recording rules make them", "pack": "use structured_metadata", "geoip": "look addresses up in Grafana, or leave it out",
	"eventlogmessage": "it belongs to Windows", "limit": "a stage holds no log up here: use drop: true, or leave it out",
}

// containerStages leaves out the stages of a source of containers that have nothing to do.
func (p *plan) containerStages(s *source) {
	var out []*yaml.Node
	for _, n := range s.stages {
		switch name := n.Content[0].Value; name {
		case "docker", "cri":
			s.stageComments = append(s.stageComments, "The stage "+name+" on line "+strconv.Itoa(n.Line)+" is not needed: what comes from the engine has no record around it.")
			if name == "docker" {
				p.note(n.Line, "the stage docker", "an application's line of JSON with the field log, stream or time was taken for Docker's record, and got that text, label and time; it stays as it is now", "for its own time: json and timestamp")
			}
		case "non_indexed_labels":
			out = append(out, mapping(n, scalar("structured_metadata", n.Content[0]), n.Content[1]))
		case "labels":
			if stream := get(n.Content[1], keyStream); stream != nil {
				p.note(n.Line, "the label stream", "it was that of a field of the line itself, where there is one, and is Docker's here", "give it another name in this stage for a field of the line: from_line: stream")
			}
			out = append(out, n)
		default:
			out = append(out, n)
		}
	}
	s.stages = out
}

// fit leaves out the stages that lighterman does not take, and says why. docker tells that the
// lines have Docker's time.
func (p *plan) fit(list []*yaml.Node, docker bool) (out []*yaml.Node) {
	for _, n := range list {
		if name, val := n.Content[0], n.Content[1]; name.Value == "match" {
			if inner := get(val, "stages"); inner != nil && inner.Kind == yaml.SequenceNode && len(inner.Content) > 0 {
				kept := p.fit(inner.Content, docker)
				if len(kept) == 0 {
					continue
				}
				n = mapping(n, name, replacedNode(val, "stages", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: kept, Line: inner.Line, Column: inner.Column}))
			}
		}
		if problems := compile([]*yaml.Node{n}); len(problems) > 0 {
			for _, problem := range problems {
				p.unfit(n, problem)
			}
			if n = fitting(n); n == nil {
				continue
			}
		}
		if older := get(n.Content[1], "older_than"); n.Content[0].Value == "drop" && older != nil && docker {
			p.note(n.Line, "the stage drop", "older_than counts from the time when Docker had the line, and not from when it is read, so it drops only what a timestamp stage has moved that far back", "what is too old when lighterman begins is left out by --since")
		}
		out = append(out, n)
	}
	return out
}

// fitting returns a stage json without the expressions that lighterman does not take; nil where
// nothing is left, and for other stages.
func fitting(n *yaml.Node) *yaml.Node {
	val := n.Content[1]
	all := get(val, "expressions")
	if n.Content[0].Value != "json" || all == nil || all.Kind != yaml.MappingNode {
		return nil
	}
	with := func(pairs ...*yaml.Node) *yaml.Node {
		return mapping(n, n.Content[0], replacedNode(val, "expressions", mapping(all, pairs...)))
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(all.Content); i += 2 {
		if pair := all.Content[i : i+2]; len(compile([]*yaml.Node{with(pair...)})) == 0 {
			kept = append(kept, pair...)
		}
	}
	if out := with(kept...); len(kept) > 0 && len(compile([]*yaml.Node{out})) == 0 {
		return out
	}
	return nil
}

// placed leaves out the stages that lighterman does not take where they stand.
func (p *plan) placed(list []*yaml.Node) []*yaml.Node {
	for {
		problems := compile(list)
		if len(problems) == 0 {
			return list
		}
		i, _ := strconv.Atoi(at.FindStringSubmatch(problems[0].Path)[1])
		p.unfit(list[i], problems[0])
		list = append(list[:i:i], list[i+1:]...)
	}
}

var at = regexp.MustCompile(`^stages\[([0-9]+)\]`)

func (p *plan) unfit(n *yaml.Node, problem *stage.Error) {
	name := n.Content[0].Value
	line := problem.Line
	if line == 0 {
		line = n.Line
	}
	cure := cures[name]
	if cure == "" {
		cure = "see docs/stages.md"
	}
	p.lost(line, "the stage "+name, at.ReplaceAllString(strings.TrimSpace(problem.Text), ""), cure)
}

// compile returns what lighterman does not take of a list of stages.
func compile(list []*yaml.Node) (out []*stage.Error) {
	_, err := stage.Compile(list, stage.Options{Path: "stages", Nearest: nearest.Name})
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			var problem *stage.Error
			if errors.As(one, &problem) {
				out = append(out, problem)
			}
		}
	}
	return out
}

// labelled adds the labels that stages set.
func labelled(list []*yaml.Node, set map[string]bool) {
	for _, n := range list {
		val := n.Content[1]
		switch n.Content[0].Value {
		case "labels", "static_labels":
			for i := 0; val.Kind == yaml.MappingNode && i < len(val.Content); i += 2 {
				set[val.Content[i].Value] = true
			}
		case "match":
			if inner := get(val, "stages"); inner != nil {
				labelled(inner.Content, set)
			}
		}
	}
}
