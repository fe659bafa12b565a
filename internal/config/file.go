package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the YAML file: a real one is a thousandth of this.
const maxFile = 1 << 20

// readFile reads a YAML file of bounded size.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	return data, nil
}

// fileParser turns the nodes of a YAML file into assignments. It never decodes
// a node into a value, so aliases cannot expand and types cannot be bent.
type fileParser struct {
	name     string
	found    assignments
	problems []error
}

// parseYAML reads the settings of a file. The name is for errors.
func parseYAML(name string, data []byte) (assignments, []error) {
	p := &fileParser{name: name}
	if err := checkBytes(name, data); err != nil {
		return nil, []error{err}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, []error{syntaxError(name, data, err)}
	}
	p.document(&doc)
	switch err := decoder.Decode(&second); {
	case err == nil:
		p.report(&second, "second document: expected only one")
	case !errors.Is(err, io.EOF):
		p.problems = append(p.problems, syntaxError(name, data, err))
	}
	return p.found, p.problems
}

func (p *fileParser) document(doc *yaml.Node) {
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" && root.Value == "" {
		return
	}
	if !p.tricks(root, "") {
		return
	}
	if root.Kind != yaml.MappingNode {
		p.report(root, "expected keys and values, such as %q, found %s", "mode: hybrid", found(root))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(root.Content); i += 2 {
		p.pair(root.Content[i], root.Content[i+1], seen)
	}
}

// pair takes one key of the file with its value.
func (p *fileParser) pair(key, value *yaml.Node, seen map[string]int) {
	if !p.key(key, "") {
		return
	}
	s := lookup(key.Value)
	first, twice := seen[key.Value]
	switch {
	case s == nil:
		p.report(key, "unknown key %q%s", key.Value, hint(key.Value, fileKeys(), quoted))
	case s.name == configFile:
		p.report(key, "unknown key %q; it is only a flag", key.Value)
	case twice:
		p.report(key, "duplicate key %q; the first is on line %d", key.Value, first)
	default:
		seen[key.Value] = key.Line
		p.value(s, key, value)
	}
}

// value takes the value of a known key.
func (p *fileParser) value(s *setting, key, n *yaml.Node) {
	before := len(p.problems)
	a := assignment{setting: s, from: fmt.Sprintf("%s:%d", p.name, key.Line)}
	switch {
	case !p.tricks(n, s.name+": "):
	case s.kind.shape == list && n.Kind == yaml.SequenceNode:
		for _, element := range n.Content {
			p.scalar(&a, element, "", "a string")
		}
	case s.kind.shape == pairs && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			p.label(&a, n.Content[i], n.Content[i+1])
		}
	case s.kind.shape == one:
		p.scalar(&a, n, "", s.kind.expected)
	default:
		p.report(n, "%s: expected %s, found %s", s.name, s.kind.expected, found(n))
	}
	a.bad = len(p.problems) > before
	p.found = append(p.found, a)
}

// label takes one name and value of a map.
func (p *fileParser) label(a *assignment, key, value *yaml.Node) {
	if !p.key(key, a.setting.name+": ") {
		return
	}
	if strings.Contains(key.Value, "=") {
		p.report(key, "%s: invalid label name %q", a.setting.name, key.Value)
		return
	}
	p.scalar(a, value, key.Value+"=", "a string")
}

// scalar adds the text of a node to an assignment, after a prefix.
func (p *fileParser) scalar(a *assignment, n *yaml.Node, before, expected string) {
	name := a.setting.name + ": "
	if !p.tricks(n, name) {
		return
	}
	if n.Kind != yaml.ScalarNode || !a.setting.kind.takes(n.ShortTag()) {
		p.report(n, "%sexpected %s, found %s%s", name, expected, found(n), quotesHelp(a.setting, n))
		return
	}
	value := n.Value
	if a.setting.kind == kindBool {
		value = strings.ToLower(value)
	}
	a.texts = append(a.texts, text{before + value, p.where(n) + ": " + a.setting.name})
}

// quotesHelp tells how a number or a boolean becomes the text that was meant.
func quotesHelp(s *setting, n *yaml.Node) string {
	if s.kind.free && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		return "; put it in quotes"
	}
	return ""
}
