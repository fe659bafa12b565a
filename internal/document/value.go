package document

import (
	"cmp"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/nearest"
)

// Value is a part of a file. What is wrong with it is reported once, where it is read.
type Value struct {
	Node *yaml.Node
	Pos  Pos
	// problems are shared by all parts of a file; one goroutine reads it.
	problems *[]problem
}

// Later returns a value of a node that was kept, with problems of its own.
func Later(at Pos, node *yaml.Node) Value {
	return Value{problems: new([]problem)}.at(node, at.File, at.Path)
}

func (v Value) at(node *yaml.Node, file, path string) Value {
	return Value{Node: node, Pos: Pos{File: file, Line: node.Line, Column: node.Column, Path: path}, problems: v.problems}
}

// child returns a part of v. The suffix is added to the path.
func (v Value) child(node *yaml.Node, suffix string) Value {
	return v.at(node, v.Pos.File, strings.TrimPrefix(v.Pos.Path+suffix, "."))
}

// Problems returns what has been found wrong so far, in the order of the file.
func (v Value) Problems() []error {
	sorted := slices.Clone(*v.problems)
	slices.SortStableFunc(sorted, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column))
	})
	errs := make([]error, len(sorted))
	for i, p := range sorted {
		errs[i] = p.err
	}
	return errs
}

// Count returns how many problems there are so far.
func (v Value) Count() int { return len(*v.problems) }

// Fail reports a problem at the place of v.
func (v Value) Fail(format string, args ...any) {
	*v.problems = append(*v.problems, problem{v.Pos, v.Pos.Error(fmt.Sprintf(format, args...))})
}

// Expected reports that v is something else than what was expected, without showing it: it
// may be a secret. The cure follows.
func (v Value) Expected(what, cure string) { v.Fail("expected %s, found %s%s", what, v.Kind(), cure) }

// Kind says in words what v is.
func (v Value) Kind() string {
	switch v.Node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	switch v.Node.ShortTag() {
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

// plain refuses the parts of YAML that make a file mean something else than it shows. The
// names of anchors and tags are not repeated: they may be passwords that lack quotes.
func (v Value) plain() bool {
	const quotes = "; put text that begins with %s in quotes"
	switch n := v.Node; {
	case n.Kind == yaml.AliasNode:
		v.Fail("aliases are not supported"+quotes, "*")
	case n.Anchor != "":
		v.Fail("anchors are not supported"+quotes, "&")
	case n.Style&yaml.TaggedStyle != 0:
		v.Fail("tags are not supported"+quotes, "!")
	default:
		return true
	}
	return false
}

// Pair is a key of a map with its value.
type Pair struct{ Key, Value Value }

// barePath are the keys that stand in a path as they are.
var barePath = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,60}$`)

// Pairs goes through the keys and values of a map, in their order. What is expected completes
// the sentence "expected …".
func (v Value) Pairs(expected string) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		if v.Node.Kind != yaml.MappingNode {
			v.Expected(expected, "")
			return
		}
		lines := make(map[string]int)
		for i := 0; i+1 < len(v.Node.Content) && v.Count() < maxProblems; i += 2 {
			key := v.child(v.Node.Content[i], "")
			name, suffix := key.Node.Value, "."+key.Node.Value
			if !barePath.MatchString(name) {
				suffix = "[" + Quote(name) + "]"
			}
			value := v.child(v.Node.Content[i+1], suffix)
			first, twice := lines[name]
			switch {
			case !key.plain():
			case key.Node.Kind != yaml.ScalarNode:
				key.Expected("a key", "")
			case key.Node.ShortTag() == "!!merge":
				key.Fail("merge keys are not supported")
			case twice:
				key.Fail("duplicate key %s; the first is on line %d", Quote(name), first)
			default:
				lines[name] = key.Pos.Line
				if value.plain() && !yield(Pair{key, value}) {
					return
				}
			}
		}
	}
}

// Field is a key that a map may have, and what reads its value.
type Field struct {
	Name string
	Read func(Value)
}

// Fields reads a map that may have these keys only.
func (v Value) Fields(expected string, fields ...Field) {
	for p := range v.Pairs(expected) {
		name := p.Key.Node.Value
		if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name }); i >= 0 {
			fields[i].Read(p.Value)
			continue
		}
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.Name
		}
		p.Key.Fail("unknown key %s%s", Quote(name), Hint(name, names))
	}
}

// Quote quotes a text for an error, and leaves out the rest of a long one.
func Quote(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return strconv.Quote(text)
}

// Hint is the end of an error about an unknown word: the nearest one there is, or all.
func Hint(word string, known []string) string {
	if near := nearest.Name(word, known); near != "" {
		return "; did you mean " + strconv.Quote(near) + "?"
	}
	return "; expected " + OneOf(known)
}

// OneOf lists words in a sentence: "a", "b" or "c".
func OneOf(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = `"` + word + `"`
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// Items goes through the elements of a list, with their numbers.
func (v Value) Items(expected string) iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Node.Kind != yaml.SequenceNode {
			v.Expected(expected, "")
			return
		}
		for i, n := range v.Node.Content {
			item := v.child(n, "["+strconv.Itoa(i)+"]")
			if v.Count() >= maxProblems || item.plain() && !yield(i, item) {
				return
			}
		}
	}
}

// Scalar reports whether v is a scalar of one of these types, such as !!str.
func (v Value) Scalar(tags ...string) bool {
	return v.Node.Kind == yaml.ScalarNode && slices.Contains(tags, v.Node.ShortTag())
}

// Text returns a text as it is written. Numbers and booleans are texts, too, where nothing
// else is possible, as Prometheus takes them.
func (v Value) Text(expected string) (string, bool) {
	switch {
	case v.Node.Kind != yaml.ScalarNode:
		v.Expected(expected, "")
	case v.Node.ShortTag() == "!!null":
		v.Expected(expected, `; an empty text is ""`)
	default:
		return v.Node.Value, true
	}
	return "", false
}

// Whole reports whether all of v is sound, at any depth, so that it can be kept and decoded.
func (v Value) Whole() bool {
	before := v.Count()
	v.whole(0)
	return v.Count() == before
}

func (v Value) whole(depth int) {
	switch {
	case depth > maxDepth:
		v.Fail("nested more than %d levels deep", maxDepth)
	case v.Node.Kind == yaml.SequenceNode:
		for _, item := range v.Items("") {
			item.whole(depth + 1)
		}
	case v.Node.Kind == yaml.MappingNode:
		for p := range v.Pairs("") {
			if p.Key.Node.ShortTag() == "!!null" {
				p.Key.Expected("a key", "")
			}
			p.Value.whole(depth + 1)
		}
	}
}
