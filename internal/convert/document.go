package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/nearest"
)

const (
	// maxSize bounds a file, in bytes: a real one is a hundredth of this.
	maxSize = 1 << 20
	// maxNodes bounds what a file is once its aliases are resolved.
	maxNodes = 100_000
	maxDepth = 64
)

// checkText refuses what is no text that somebody has written.
func (f *findings) checkText(data []byte) bool {
	if len(data) > maxSize {
		f.refuse(1, "larger than 1 MiB: expected a configuration")
		return false
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		for len(line) > 0 {
			r, n := utf8.DecodeRune(line)
			switch {
			case r == utf8.RuneError && n == 1:
				f.refuse(i+1, "expected UTF-8, found other bytes")
				return false
			case unicode.IsControl(r) && r != '\t' && r != '\r':
				f.refuse(i+1, "expected text, found the control character %U", r)
				return false
			}
			line = line[n:]
		}
	}
	return true
}

var yamlMessage = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)

// parseYAML returns the root of a file, with its aliases resolved, and keys that are there
// once. It is nil where that cannot be.
func (f *findings) parseYAML(data []byte) *yaml.Node {
	if !f.checkText(data) {
		return nil
	}
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc)
	if errors.Is(err, io.EOF) {
		f.refuse(1, "there is nothing in the file")
		return nil
	}
	if err != nil {
		line, text := 1, err.Error()
		if m := yamlMessage.FindStringSubmatch(text); m != nil {
			text = m[2]
			if n, err := strconv.Atoi(m[1]); err == nil {
				line = n
			}
			if strings.Contains(text, "tab character") {
				line = tabbed(data, line)
			}
		}
		if m := unknownAnchor.FindStringSubmatch(text); m != nil {
			// A password that begins with * looks like one: it is not shown.
			line, text = aliased(data, m[1]), "an unknown anchor; put text that begins with * in quotes"
		}
		f.refuse(line, "this is no YAML: %s", text)
		return nil
	}
	r := resolver{findings: f, left: maxNodes}
	return r.resolve(doc.Content[0], 0)
}

var unknownAnchor = regexp.MustCompile(`(?s)^unknown anchor '(.*)' referenced$`)

// aliased returns the first line that asks for an anchor: the library names none.
func aliased(data []byte, name string) int {
	alias := regexp.MustCompile(`(?:^|[\s\[{,:?-])\*` + regexp.QuoteMeta(name) + `(?:$|[^0-9A-Za-z_-])`)
	for i, line := range strings.Split(string(data), "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") && alias.MatchString(line) {
			return i + 1
		}
	}
	return 1
}

// tabbed returns the line from one on that is indented with a tab: the library names the one
// before.
func tabbed(data []byte, from int) int {
	for i, line := range strings.Split(string(data), "\n") {
		if i+1 >= from && strings.HasPrefix(strings.TrimLeft(line, " "), "\t") {
			return i + 1
		}
	}
	return from
}

// resolver copies a document without aliases and merge keys.
type resolver struct {
	*findings
	left int
}

func (r *resolver) resolve(n *yaml.Node, depth int) *yaml.Node {
	for depth < maxDepth && n.Kind == yaml.AliasNode {
		n, depth = n.Alias, depth+1
	}
	if r.left--; r.left < 0 || depth >= maxDepth {
		r.refuse(n.Line, "the file is nested too deeply, or too large with its aliases")
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	out := *n
	out.Anchor, out.Alias, out.Content = "", nil, nil
	out.Style &^= yaml.TaggedStyle
	if n.Kind != yaml.MappingNode {
		for _, part := range n.Content {
			out.Content = append(out.Content, r.resolve(part, depth+1))
		}
		return &out
	}
	seen := make(map[string]int)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], r.resolve(n.Content[i+1], depth+1)
		if key.ShortTag() == "!!merge" {
			merged = append(merged, val)
			continue
		}
		name := *r.resolve(key, depth+1)
		if first, twice := seen[name.Value]; twice && name.Kind == yaml.ScalarNode {
			r.refuse(key.Line, "the key %q is set twice; the first is on line %d", name.Value, first)
			continue
		}
		seen[name.Value] = key.Line
		out.Content = append(out.Content, &name, val)
	}
	for _, from := range merged {
		for i := 0; from.Kind == yaml.MappingNode && i+1 < len(from.Content); i += 2 {
			if _, own := seen[from.Content[i].Value]; !own {
				seen[from.Content[i].Value] = from.Content[i].Line
				out.Content = append(out.Content, from.Content[i], from.Content[i+1])
			}
		}
	}
	return &out
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// fields goes through the keys of a map in their order; keys that are not known are refused,
// as Promtail does. What has no handler is passed over.
func (f *findings) fields(n *yaml.Node, of string, handlers map[string]func(key, val *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		f.refuse(n.Line, "%s: expected a map", of)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		handle, known := handlers[key.Value]
		if !known {
			names := make([]string, 0, len(handlers))
			for name := range handlers {
				names = append(names, name)
			}
			hint := ""
			if near := nearest.Name(key.Value, names); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			f.refuse(key.Line, "%s has no key %q%s", of, key.Value, hint)
			continue
		}
		if handle != nil {
			handle(key, val)
		}
	}
}

// items goes through a list.
func (f *findings) items(n *yaml.Node, of string, each func(*yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		f.refuse(n.Line, "%s: expected a list", of)
		return
	}
	for _, item := range n.Content {
		each(item)
	}
}

// pairs returns a map of names to texts, in its order.
func (f *findings) pairs(n *yaml.Node, of string) (out []pair) {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		f.refuse(n.Line, "%s: expected a map", of)
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, pair{n.Content[i].Value, f.text(n.Content[i+1], of+"."+n.Content[i].Value), n.Content[i].Line})
	}
	return out
}

// text returns a single value.
func (f *findings) text(n *yaml.Node, of string) string {
	if isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.refuse(n.Line, "%s: expected a single value", of)
		return ""
	}
	return n.Value
}

// get returns a value of a map, or nil.
func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// scalar makes a text of a node's place.
func scalar(value string, at *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	return n
}

// mapping makes a map of keys and values that follow each other.
func mapping(at *yaml.Node, content ...*yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: content}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	return n
}

// comments are the lines of a comment before a node, without number signs.
func comments(n *yaml.Node) (out []string) {
	text := n.HeadComment
	if text == "" && n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		text = n.Content[0].HeadComment
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#")); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// plain takes the comments off a node, which is written in another place. What not everybody
// takes for the same end of a line, or cannot see, is written as its number.
func plain(n *yaml.Node) *yaml.Node {
	out := *n
	out.HeadComment, out.LineComment, out.FootComment = "", "", ""
	if n.Kind == yaml.ScalarNode && strings.ContainsFunc(n.Value, func(r rune) bool { return r != '\n' && document.Unseen(r) }) {
		out.Style = yaml.DoubleQuotedStyle
	}
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, part := range n.Content {
		out.Content[i] = plain(part)
	}
	return &out
}
