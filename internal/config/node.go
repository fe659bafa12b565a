package config

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// where returns the place of a node as file:line:column.
func (p *fileParser) where(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", p.name, n.Line, n.Column)
}

func (p *fileParser) report(n *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s: %s", p.where(n), fmt.Sprintf(format, args...)))
}

// tricks refuses the parts of YAML that make a file mean something else than
// it shows. The names of anchors and tags are not repeated: they may be
// passwords that lack quotes.
func (p *fileParser) tricks(n *yaml.Node, name string) bool {
	const quotes = "; put text that begins with %s in quotes"
	switch {
	case n.Kind == yaml.AliasNode:
		p.report(n, "%saliases are not supported"+quotes, name, "*")
	case n.Anchor != "":
		p.report(n, "%sanchors are not supported"+quotes, name, "&")
	case n.Style&yaml.TaggedStyle != 0:
		p.report(n, "%stags are not supported"+quotes, name, "!")
	default:
		return true
	}
	return false
}

// key refuses what is not a plain key.
func (p *fileParser) key(n *yaml.Node, name string) bool {
	switch {
	case !p.tricks(n, name):
		return false
	case n.Kind != yaml.ScalarNode:
		p.report(n, "%sexpected a key, found %s", name, found(n))
		return false
	case n.ShortTag() == "!!merge":
		p.report(n, "%smerge keys are not supported", name)
		return false
	}
	return true
}

// found says in words what a node is. The value itself is not shown.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "a string"
}

// fileKeys returns the names of the settings that a file may hold.
func fileKeys() []string {
	var keys []string
	for _, name := range settingNames() {
		if name != configFile {
			keys = append(keys, name)
		}
	}
	return keys
}

func quoted(s string) string { return strconv.Quote(s) }
