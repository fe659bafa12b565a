package document

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Text is a text as it stands on one line of YAML.
func Text(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r == '\t' || Unseen(r) }) {
		return Quoted(value)
	}
	return inStyle(value, 0)
}

// Quoted is a text in double quotes, which it may have in a list on one line, where commas and
// brackets mean something.
func Quoted(value string) string { return Visible(inStyle(value, yaml.DoubleQuotedStyle)) } // its numbers are escapes there

func inStyle(value string, style yaml.Style) string {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ToValidUTF8(value, "\ufffd"), Style: style}
	out, err := yaml.Marshal(n)
	if err != nil {
		return `""`
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Visible shows what nobody would see in a line, and what would end it, as its number: so a
// line can be a comment.
func Visible(line string) string {
	if !strings.ContainsFunc(line, Unseen) && utf8.ValidString(line) {
		return line
	}
	var b strings.Builder
	for _, r := range line {
		switch {
		case !Unseen(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Unseen reports whether a character shows nothing: controls, the ends of lines that only some
// know, marks of direction and the like.
func Unseen(r rune) bool { return !unicode.IsGraphic(r) && r != '\t' }
