package stage

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// fields reads what belongs to a stage, and reports what is wrong with it.
type fields struct {
	b    *builder
	node *yaml.Node
	path string
	keys map[string]*yaml.Node
}

// found says in words what a node is. The value itself is not shown: it may be a secret.
func found(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.ShortTag() == "!!null":
		return "nothing"
	}
	return "a single value"
}

func (f *fields) report(n *yaml.Node, format string, args ...any) {
	f.b.report(n, f.path, format, args...)
}

// at reports a mistake in a field.
func (f *fields) at(key, format string, args ...any) {
	n := f.keys[key]
	if n == nil {
		n = f.node
	}
	f.b.report(n, f.path+"."+key, format, args...)
}

// read takes the fields of a map that may have no others than those named.
func (f *fields) read(known ...string) {
	f.keys = make(map[string]*yaml.Node)
	if empty(f.node) {
		return
	}
	if f.node.Kind != yaml.MappingNode {
		f.report(f.node, "expected a map, found %s", found(f.node))
		return
	}
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		key, val := f.node.Content[i], f.node.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge":
			f.report(key, "expected a key, found %s", found(key))
		case !slices.Contains(known, key.Value):
			f.report(key, "there is no %q%s", key.Value, f.b.hint(key.Value, known))
		case f.keys[key.Value] != nil:
			f.report(key, "%q is here twice", key.Value)
		default:
			f.keys[key.Value] = val
		}
	}
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// given reports whether a field is there, be it empty.
func (f *fields) given(key string) bool { return f.keys[key] != nil }

// text returns a field that is a single value.
func (f *fields) text(key string) string {
	n := f.keys[key]
	if n == nil || empty(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.at(key, "expected a single value, found %s", found(n))
		return ""
	}
	return n.Value
}

// needed is text for a field that must not be empty.
func (f *fields) needed(key string) string {
	t := f.text(key)
	if t == "" && (f.keys[key] == nil || f.keys[key].Kind == yaml.ScalarNode) {
		f.at(key, "%s is missing", key)
	}
	return t
}

// source returns the number of the extracted name that a stage reads, -1 for the line.
func (f *fields) source() slot {
	if !f.given("source") {
		return -1
	}
	name := f.text("source")
	if name == "" {
		f.at("source", "source is empty; leave it out to read the line")
		return -1
	}
	return f.b.name(name)
}

// texts returns a field that is a single value or a list of them.
func (f *fields) texts(key string) []string {
	n := f.keys[key]
	if n == nil || empty(n) {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	return f.list(n)
}

// list returns a list of single values.
func (f *fields) list(n *yaml.Node) (out []string) {
	if n.Kind != yaml.SequenceNode {
		f.report(n, "expected a list, found %s", found(n))
		return nil
	}
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode || empty(c) {
			f.report(c, "expected a single value, found %s", found(c))
			continue
		}
		out = append(out, c.Value)
	}
	return out
}

// pair is a key with its value and their place.
type pair struct {
	key, value string
	node       *yaml.Node
}

// pairs returns a map of single values in the order of the file. A list of names is a map
// of these to nothing.
func (f *fields) pairs(n *yaml.Node) (out []pair) {
	if n == nil || empty(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		f.report(n, "expected a map, found %s", found(n))
		return nil
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge":
			f.report(key, "expected a key, found %s", found(key))
		case val.Kind != yaml.ScalarNode:
			f.report(val, "expected a single value for %q, found %s", key.Value, found(val))
		case seen[key.Value]:
			f.report(key, "%q is here twice", key.Value)
		default:
			seen[key.Value] = true
			p := pair{key: key.Value, value: val.Value, node: key}
			if empty(val) {
				p.value = ""
			}
			out = append(out, p)
		}
	}
	return out
}

func (f *fields) duration(key string, fallback time.Duration) time.Duration {
	t := f.text(key)
	if t == "" {
		return fallback
	}
	d, err := time.ParseDuration(t)
	if err != nil || d < 0 {
		f.at(key, "expected a duration like 3s or 24h, found %q", t)
		return fallback
	}
	return d
}

func (f *fields) integer(key string, fallback, most int) int {
	t := f.text(key)
	if t == "" {
		return fallback
	}
	n, err := strconv.Atoi(t)
	if err != nil || n < 1 || n > most {
		f.at(key, "expected a whole number from 1 to %d, found %q", most, t)
		return fallback
	}
	return n
}

func (f *fields) number(key string, fallback float64) float64 {
	t := f.text(key)
	if t == "" {
		return fallback
	}
	n, err := strconv.ParseFloat(t, 64)
	if err != nil || math.IsNaN(n) {
		f.at(key, "expected a number, found %q", t)
		return fallback
	}
	return n
}

func (f *fields) boolean(key string) bool {
	switch t := strings.ToLower(f.text(key)); t {
	case "true":
		return true
	case "", "false":
	default:
		f.at(key, "expected true or false, found %q", t)
	}
	return false
}

// units are those of sizes; as in Promtail, KB is 1024 bytes.
var units = []struct {
	name string
	size int
}{{"KB", 1 << 10}, {"K", 1 << 10}, {"MB", 1 << 20}, {"M", 1 << 20}, {"GB", 1 << 30}, {"G", 1 << 30}, {"B", 1}, {"", 1}}

func (f *fields) size(key string) int {
	t := strings.ToUpper(strings.TrimSpace(f.text(key)))
	for _, u := range units {
		if digits, ok := strings.CutSuffix(t, u.name); ok {
			n, err := strconv.Atoi(strings.TrimSpace(digits))
			// An int has 32 bits on some platforms.
			if err == nil && n >= 0 && int64(n) <= min(1<<40, math.MaxInt)/int64(u.size) {
				return n * u.size
			}
			break
		}
	}
	f.at(key, "expected a size like 8KB, found %q", f.text(key))
	return 0
}

// label checks a name for Loki.
func (f *fields) label(n *yaml.Node, name string) bool {
	if !validName(name) {
		f.report(n, "%q is no name for a label: letters, digits and _ only, and no digit first", name)
		return false
	}
	if name == streamLabel {
		f.report(n, "the label stream is stdout or stderr, and no stage can change it")
		return false
	}
	return true
}

func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
