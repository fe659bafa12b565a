package config

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// section is a key of the file that holds more than a setting can: neither a flag nor a
// variable.
type section struct {
	name string
	// def says what holds without it, empty is how Effective shows that.
	def   string
	empty *yaml.Node
	// help is a paragraph of the reference, example a part of a file below it.
	help, example string
	// unshown: it changes nothing of what run does, and is left out of the effective
	// configuration.
	unshown bool
	// read takes the section, and adds to what is shown the defaults of what is not in it.
	read func(l *loader, v document.Value, shown *yaml.Node)
}

// elsewhere are keys that users of Prometheus and Promtail look for, and what they are here.
var elsewhere = map[string]string{"labels": "external-label", "static_labels": "external-label", "pipeline_stages": "stages"}

func lookupSection(name string) *section {
	for _, s := range sections {
		if s.name == name {
			return s
		}
	}
	return nil
}

// takeSection takes a section that has a reader.
func (l *loader) takeSection(s *section, from string, v document.Value) {
	if !v.Whole() {
		return
	}
	shown := origins(v.Pos.File, v.Node)
	shown.LineComment = from
	l.sections[s] = shown
	s.read(l, v, shown)
}

// fileKeys returns what a file may hold.
func fileKeys() (keys []string) {
	for _, s := range settings {
		if s.name != configFile {
			keys = append(keys, s.name)
		}
	}
	for _, s := range sections {
		keys = append(keys, s.name)
	}
	return keys
}

// Stage is a step that lines go through: a map with one key, its name. What is in it is sound
// YAML without aliases, tags and keys that are set twice; what it means is for package stage
// to say, with errors at Pos, or at the places of the nodes inside it.
type Stage struct {
	Name string
	Node *yaml.Node
	Pos  document.Pos
}

// readStages takes the list apart and leaves each stage to who knows it.
func readStages(l *loader, v document.Value, _ *yaml.Node) {
	l.config.Stages = append(l.config.Stages, readStageList(v)...)
}

// readStageList reads a list of stages, and keeps them for whoever compiles them.
func readStageList(v document.Value) (stages []Stage) {
	for _, item := range v.Items("a list of stages") {
		pairs := slices.Collect(item.Pairs("a stage, such as {decolorize: {}}"))
		switch {
		case len(pairs) == 1:
			stages = append(stages, Stage{Name: pairs[0].Key.Node.Value, Node: item.Node, Pos: item.Pos})
		case item.Node.Kind == yaml.MappingNode:
			item.Fail("expected one stage, found %d keys; begin each with a dash", len(pairs))
		}
	}
	return stages
}

// The labels that owners of containers may set: lighterman.enable and so on.
var (
	// ContainerLabels are all of them.
	ContainerLabels = []string{"enable", "parser", "multiline", "label", "metadata", "drop", "keep", "min_level", "redact", "sample", "limit", "tenant"}
	// DefaultContainerLabels are those that are honoured unless the file has a list.
	DefaultContainerLabels = []string{"enable", "parser", "multiline", "metadata", "redact"}
)

func readContainerLabels(l *loader, v document.Value, _ *yaml.Node) {
	c := l.config
	c.Labels.FromContainers = []string{}
	for _, item := range v.Items("a list of names, such as [enable, parser]") {
		name, ok := item.Text("a name")
		switch {
		case !ok:
		case !slices.Contains(ContainerLabels, name):
			item.Fail("unknown label %q%s", name, document.Hint(name, ContainerLabels))
		case slices.Contains(c.Labels.FromContainers, name):
			item.Fail("%q is given twice", name)
		default:
			c.Labels.FromContainers = append(c.Labels.FromContainers, name)
		}
	}
}
