package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// shown is one setting as Effective prints it.
type shown struct {
	setting *setting
	from    string
	texts   []string
	// hidden tells that there is a value that must not be printed.
	hidden bool
}

// show prepares a setting for Effective and leaves secrets behind.
func show(s *setting, v value) shown {
	line := shown{setting: s, from: v.from, texts: v.texts}
	for _, t := range v.texts {
		// A URL is a secret only when it holds one.
		isURL := s.kind == kindProxy || s.kind == kindURL || s.kind == kindEngine
		if s.secret || isURL && strings.ContainsAny(t, "@?") {
			line.hidden, line.texts = true, nil
		}
	}
	return line
}

// Effective returns the configuration as YAML that loads again, with a comment
// on every key that says where its value came from. Secrets are not in it.
func (c *Config) Effective() string {
	var b strings.Builder
	section := ""
	for _, line := range c.shown {
		if line.setting.name == configFile {
			continue
		}
		if line.setting.section != section {
			section = line.setting.section
			b.WriteString("\n# " + section + "\n")
		}
		line.write(&b)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func (l shown) write(b *strings.Builder) {
	comment := "  # " + l.from + "\n"
	if l.hidden {
		b.WriteString("# " + l.setting.name + ": " + hidden + comment)
		return
	}
	b.WriteString(l.setting.name + ":")
	switch {
	case l.setting.kind.shape == one:
		b.WriteString(" " + l.scalar() + comment)
	case len(l.texts) == 0 && l.setting.kind.shape == list:
		b.WriteString(" []" + comment)
	case len(l.texts) == 0:
		b.WriteString(" {}" + comment)
	default:
		b.WriteString(comment)
		l.elements(b)
	}
}

func (l shown) scalar() string {
	switch {
	case len(l.texts) == 0:
		return `""`
	case l.setting.kind.takes("!!int"), l.setting.kind.takes("!!bool"):
		return l.texts[0]
	}
	return yamlString(l.texts[0])
}

func (l shown) elements(b *strings.Builder) {
	for _, t := range l.texts {
		if l.setting.kind.shape == list {
			b.WriteString("  - " + yamlString(t) + "\n")
			continue
		}
		name, value, _ := strings.Cut(t, "=")
		b.WriteString("  " + yamlString(name) + ": " + yamlString(value) + "\n")
	}
}

// yamlString writes a text as a YAML string on one line, with quotes where it
// would otherwise be something else. Texts hold no control characters.
func yamlString(text string) string {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if strings.IndexFunc(text, func(r rune) bool { return r > '~' }) >= 0 {
		node.Style = yaml.DoubleQuotedStyle
	}
	out, err := yaml.Marshal(node)
	if err != nil {
		// Not reached: only invalid UTF-8 cannot be written.
		return `""`
	}
	return strings.TrimSuffix(string(out), "\n")
}
