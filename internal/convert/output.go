package convert

import (
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// output is one more Loki that gets everything.
type output struct {
	name     string
	settings []setting
}

// shared are settings that hold for all outputs.
var shared = []string{"batch-wait", "batch-size"}

var outputName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// output reads a further client, which is called so in the file. It has external labels
// besides its own.
func (p *plan) output(key, n *yaml.Node, of, name string, external []pair) {
	own := &plan{product: p.product, external: external}
	own.client(key, n)
	p.invalid = append(p.invalid, own.invalid...)
	for _, f := range own.list {
		p.add(f)
	}
	if !outputName.MatchString(name) || slices.ContainsFunc(p.outputs, func(o output) bool { return o.name == name }) {
		name = "loki-" + strconv.Itoa(len(p.outputs)+2)
	}
	const another = "run a second lighterman with a state directory of its own for it"
	switch {
	case !samePairs(own.external, p.external):
		p.lost(n.Line, of, "its external_labels are not those of the first, and lighterman sends each Loki the same", another)
		return
	case own.secret:
		p.lost(n.Line, of, "a further output reads its password or token from a file", "put it into a file, and name that: password_file, credentials_file")
		return
	}
	for _, name := range shared {
		i, first := settingOf(own.settings, name), settingOf(p.settings, name)
		if i >= 0 && (first < 0 || p.settings[first].value != own.settings[i].value) {
			p.note(n.Line, of+": "+name, "batches are the same for all outputs", "")
		}
	}
	own.settings = slices.DeleteFunc(own.settings, func(s setting) bool { return s.name == "" || slices.Contains(shared, s.name) })
	p.outputs = append(p.outputs, output{name, own.settings})
}

// samePairs reports whether two lists are equal, wherever in the file they are.
func samePairs(a, b []pair) bool {
	return slices.EqualFunc(a, b, func(a, b pair) bool { return a.name == b.name && a.value == b.value })
}

// settingOf returns the place of a setting in a list, or -1.
func settingOf(list []setting, name string) int {
	return slices.IndexFunc(list, func(s setting) bool { return s.name == name })
}
