package stage

import (
	"fmt"
	"strconv"
	"strings"
)

// A path is the part of JMESPath that real configurations use: names, quoted names and
// indexes. tree holds the paths of one stage, so that an object is gone through once.
type tree struct {
	// fields and items are what is below an object and a list.
	fields []branch
	items  []branch
	// leaves are the names that get the value itself, and names all that are in the tree.
	leaves, names []slot
}

type branch struct {
	name  string
	index int
	tree  *tree
}

// hop is one step of a path: a name, or an index where name is empty and isIndex set.
type hop struct {
	name    string
	index   int
	isIndex bool
}

// parsePath parses an expression of JMESPath.
func parsePath(text string) ([]hop, error) {
	var hops []hop
	rest := strings.TrimSpace(text)
	for first := true; rest != "" || first; first = false {
		var h hop
		var err error
		switch {
		case rest != "" && rest[0] == '[':
			h, rest, err = parseIndex(rest)
		case first:
			h, rest, err = parseName(rest)
		case rest[0] == '.':
			h, rest, err = parseName(rest[1:])
		default:
			return nil, fmt.Errorf("%q: only names, \"quoted names\" and [numbers] are supported, joined by dots, found %q", text, rest)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		hops = append(hops, h)
	}
	if hops[0].isIndex {
		return nil, fmt.Errorf("%q begins with an index, and a line is an object", text)
	}
	return hops, nil
}

func parseName(rest string) (hop, string, error) {
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return hop{}, "", fmt.Errorf("a quoted name does not end")
		}
		name, err := strconv.Unquote(quoted)
		return hop{name: name}, rest[len(quoted):], err
	}
	n := 0
	for n < len(rest) && validName(rest[:n+1]) {
		n++
	}
	if n == 0 {
		return hop{}, "", fmt.Errorf("expected a name at %q; other expressions of JMESPath are not supported", rest)
	}
	if n < len(rest) && strings.IndexByte("-@$/", rest[n]) >= 0 {
		return hop{}, "", fmt.Errorf("a name with %q has to be quoted: '\"%s\"'", rest[n], strings.SplitN(rest, ".", 2)[0])
	}
	if n < len(rest) && rest[n] == '(' {
		return hop{}, "", fmt.Errorf("functions are not supported")
	}
	return hop{name: rest[:n]}, rest[n:], nil
}

func parseIndex(rest string) (hop, string, error) {
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return hop{}, "", fmt.Errorf("an index does not end")
	}
	n, err := strconv.Atoi(rest[1:end])
	if err != nil || n < -1000 || n > 1000 {
		return hop{}, "", fmt.Errorf("%q is no index: numbers from -1000 to 1000 are supported, and neither * nor filters", rest[:end+1])
	}
	return hop{index: n, isIndex: true}, rest[end+1:], nil
}

// add puts a path into the tree.
func (t *tree) add(hops []hop, s slot) {
	for _, h := range hops {
		t.names = append(t.names, s)
		t = t.child(h)
	}
	t.names = append(t.names, s)
	t.leaves = append(t.leaves, s)
}

func (t *tree) child(h hop) *tree {
	list := &t.fields
	if h.isIndex {
		list = &t.items
	}
	for _, b := range *list {
		if b.name == h.name && b.index == h.index {
			return b.tree
		}
	}
	sub := &tree{}
	*list = append(*list, branch{h.name, h.index, sub})
	return sub
}

// clear leaves nothing under the names in the tree but what is known of them.
func (t *tree) clear(e *Entry, known kind) {
	for _, s := range t.names {
		e.values[s] = value{kind: known}
	}
}
