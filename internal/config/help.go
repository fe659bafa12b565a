package config

import "strings"

// Help describes every flag, for the help of the subcommands that take them.
func Help() string {
	var b strings.Builder
	section := ""
	for _, s := range settings {
		if s.section != section {
			section = s.section
			b.WriteString("\n" + section + ":\n")
		}
		flag := "--" + s.name
		if s.kind.placeholder != "" {
			flag += " " + s.kind.placeholder
		}
		b.WriteString("  " + flag + "\n")
		wrap(&b, s.help+" "+s.defaultWords(), "        ", 80)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// defaultWords says what holds when the setting is not given.
func (s *setting) defaultWords() string {
	if s.def != "" {
		return "Default: " + s.def + "."
	}
	return "Default: " + s.auto + "."
}

// wrap writes words in lines of at most width letters.
func wrap(b *strings.Builder, words, indent string, width int) {
	column := 0
	for _, word := range strings.Fields(words) {
		switch {
		case column == 0:
			b.WriteString(indent + word)
			column = len(indent) + len(word)
		case column+1+len(word) > width:
			b.WriteString("\n" + indent + word)
			column = len(indent) + len(word)
		default:
			b.WriteString(" " + word)
			column += 1 + len(word)
		}
	}
	b.WriteString("\n")
}
