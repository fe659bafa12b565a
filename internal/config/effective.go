package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shown is one setting, or one section, as Effective prints it.
type shown struct {
	name, group, from string
	// given says that it is not a default.
	given bool
	// hidden says that there is a value that must not be printed.
	hidden bool
	// body is the value, with the origins of its parts as comments where they have any.
	body *yaml.Node
}

// show prepares a setting for Effective and leaves secrets behind.
func show(s *setting) shown {
	line := shown{name: s.name, group: s.group, from: s.from, given: !s.isDefault(), hidden: s.isSecret(), body: &yaml.Node{Kind: yaml.SequenceNode}}
	switch {
	case line.hidden:
	case s.shape == scalar:
		line.body = textNode(strings.Join(s.texts, ""))
		if line.body.Value != "" && !slices.Equal(s.tags, tagString) {
			line.body.Tag = "" // such as 100 and true, which need no quotes
		}
	case s.shape == pairs:
		line.body.Kind = yaml.MappingNode
		for _, t := range s.texts {
			name, value, _ := strings.Cut(t, "=")
			line.body.Content = append(line.body.Content, textNode(name), textNode(value))
		}
	default:
		for _, t := range s.texts {
			line.body.Content = append(line.body.Content, textNode(t))
		}
	}
	return line
}

func textNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// origins copies a part of a file, with the place of each of its values as a comment: where
// its key is, if it has one.
func origins(file string, n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.ShortTag(), Value: n.Value}
	for i, part := range n.Content {
		shown, at := origins(file, part), part.Line
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			at = n.Content[i-1].Line
		}
		shown.LineComment = fmt.Sprintf("%s:%d", file, at)
		out.Content = append(out.Content, shown)
	}
	return out
}

// Effective returns the configuration as YAML that loads again, with a comment
// on every key that says where its value came from. Secrets are not in it.
func (c *Config) Effective() string {
	var b strings.Builder
	group := ""
	for _, line := range c.shown {
		if line.name == configFile {
			continue
		}
		if line.group != group {
			group = line.group
			b.WriteString("\n# " + group + "\n")
		}
		mask := strings.Clone
		if group == labelling {
			mask = c.Secrets.Mask // nobody knows what is in a section
		}
		line.write(&b, mask)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func (line shown) write(b *strings.Builder, mask func(string) string) {
	if line.hidden {
		b.WriteString("# " + line.name + ": " + hidden + comment(line.from) + "\n")
		return
	}
	body := *line.body
	body.LineComment = line.from
	for _, text := range field(line.name, &body, mask) {
		b.WriteString(text + "\n")
	}
}

// field returns the lines of a key and its value.
func field(key string, n *yaml.Node, mask func(string) string) []string {
	lines := body(n, mask)
	if len(n.Content) == 0 {
		return []string{key + ": " + lines[0]}
	}
	return append([]string{key + ":" + comment(n.LineComment)}, indented("  ", "  ", lines)...)
}

// body returns the lines of a value in block style.
func body(n *yaml.Node, mask func(string) string) (lines []string) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return []string{oneLine(n, mask) + comment(n.LineComment)}
	case len(n.Content) == 0 && n.Kind == yaml.MappingNode:
		return []string{"{}" + comment(n.LineComment)}
	case len(n.Content) == 0:
		return []string{"[]" + comment(n.LineComment)}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			lines = append(lines, field(oneLine(n.Content[i], mask), n.Content[i+1], mask)...)
		}
	default:
		for _, item := range n.Content {
			lines = append(lines, indented("- ", "  ", body(item, mask))...)
		}
	}
	return lines
}

func indented(first, rest string, lines []string) []string {
	for i := range lines {
		lines[i] = first + lines[i]
		first = rest
	}
	return lines
}

func comment(text string) string {
	if text == "" {
		return ""
	}
	return "  # " + text
}

// oneLine writes a value on one line: a text as what can be nothing else.
func oneLine(n *yaml.Node, mask func(string) string) string {
	switch {
	case n.ShortTag() == "!!null" && n.Value == "":
		return "null"
	case n.ShortTag() != "!!str":
		return n.Value
	}
	text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: mask(n.Value)}
	if strings.IndexFunc(text.Value, func(r rune) bool { return r > '~' || r < ' ' }) >= 0 {
		text.Style = yaml.DoubleQuotedStyle
	}
	out, err := yaml.Marshal(text)
	if err != nil {
		// Not reached: only invalid UTF-8 cannot be written.
		return `""`
	}
	return strings.TrimSuffix(string(out), "\n")
}
