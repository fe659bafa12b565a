package config

import (
	"cmp"
	"strings"
)

// Help describes every flag, for the help of the subcommands that take them.
func Help() string {
	var b strings.Builder
	group := ""
	for _, s := range settings {
		if s.group != group {
			group = s.group
			b.WriteString("\n" + group + ":\n")
		}
		flag := "--" + s.name
		if s.placeholder != "" {
			flag += " " + s.placeholder
		}
		b.WriteString("  " + flag + "\n")
		wrap(&b, s.help+" Default: "+cmp.Or(s.def, s.auto)+".", "        ", 80)
	}
	return strings.TrimPrefix(b.String(), "\n")
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
