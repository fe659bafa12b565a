package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/redact"
)

// entry is a setting or a section as it is shown.
type entry struct {
	group, name string
	lines       []string
}

// Effective returns the configuration as YAML that loads again, with a comment
// on every key that says where its value came from. Secrets are not in it.
func (c *Config) Effective() string { return c.InForce(c, nil) }

// InForce returns what Effective does, for what runs since it was started with another
// configuration: where the two differ in what waits for a restart it has what it was started
// with, and says in comments what comes then.
func (c *Config) InForce(started *Config, waits func(name string) bool) string {
	var b strings.Builder
	title := ""
	for _, e := range c.effective {
		lines := e.lines
		if c.prints[e.name] != started.prints[e.name] && waits(e.name) {
			i := slices.IndexFunc(started.effective, func(of entry) bool { return of.name == e.name })
			if i < 0 {
				continue
			}
			lines = slices.Clone(started.effective[i].lines)
			for _, line := range e.lines {
				lines = append(lines, "# after a restart: "+line)
			}
		}
		if e.group != title {
			title = e.group
			b.WriteString("\n# " + e.group + "\n")
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func (l *loader) effective() (out []entry) {
	put := func(group, name string, lines ...string) { out = append(out, entry{group, name, lines}) }
	for _, s := range l.settings {
		switch {
		case s.name == configFile:
		case s.isSecret():
			put(s.group, s.name, "# "+s.name+": "+redact.Hidden+comment(s.from))
		default:
			put(s.group, s.name, field(s.name, s.node())...)
		}
	}
	for _, s := range sections {
		if s.unshown {
			continue
		}
		node := l.sections[s]
		if node == nil {
			node = &yaml.Node{Kind: s.empty.Kind, Content: s.empty.Content, LineComment: "default: " + s.def}
		} else {
			l.mask(node)
		}
		put(labelling, s.name, field(s.name, node)...)
	}
	return out
}

// mask takes the secrets that are set elsewhere out of a section: nobody knows what is in it.
func (l *loader) mask(n *yaml.Node) {
	n.Value = l.config.Secrets.Mask(n.Value)
	for _, part := range n.Content {
		l.mask(part)
	}
}

// node returns the value of a setting, with its origin as a comment.
func (s *setting) node() *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	switch s.shape {
	case scalar:
		out = textNode(strings.Join(s.texts, ""))
		if out.Value != "" && !slices.Equal(s.tags, tagString) {
			out.Tag = "" // such as 100 and true, which need no quotes
		}
	case pairs:
		out.Kind = yaml.MappingNode
		for _, t := range s.texts {
			name, value, _ := strings.Cut(t, "=")
			out.Content = append(out.Content, textNode(name), textNode(value))
		}
	case list:
		for _, t := range s.texts {
			out.Content = append(out.Content, textNode(t))
		}
	}
	out.LineComment = s.from
	return out
}

func listNode(values []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, value := range values {
		n.Content = append(n.Content, textNode(value))
	}
	return n
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

// field returns the lines of a key and its value.
func field(key string, n *yaml.Node) []string {
	lines := body(n)
	if len(n.Content) == 0 {
		return []string{key + ": " + lines[0]}
	}
	return append([]string{key + ":" + comment(n.LineComment)}, indented("  ", "  ", lines)...)
}

// body returns the lines of a value in block style.
func body(n *yaml.Node) (lines []string) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return []string{oneLine(n) + comment(n.LineComment)}
	case len(n.Content) == 0 && n.Kind == yaml.MappingNode:
		return []string{"{}" + comment(n.LineComment)}
	case len(n.Content) == 0:
		return []string{"[]" + comment(n.LineComment)}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			lines = append(lines, field(oneLine(n.Content[i]), n.Content[i+1])...)
		}
	default:
		for _, item := range n.Content {
			lines = append(lines, indented("- ", "  ", body(item))...)
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
func oneLine(n *yaml.Node) string {
	switch {
	case n.ShortTag() == "!!null" && n.Value == "":
		return "null"
	case n.ShortTag() != "!!str":
		return n.Value
	}
	text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.Value}
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
