package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// Labels is what lines are known by in Loki.
type Labels struct {
	// Host is the value of the label host; empty only when the machine has no name.
	Host string
	// External are labels that every line gets.
	External map[string]string
	// Crowded are the labels that become structured metadata when they have very many values.
	Crowded []string
	// Relabel are rules over what is known of a container, in the order of the file.
	Relabel []*relabel.Config
	// Metadata is structured metadata: the label that each name has its value from. That is
	// one that relabelling knows, such as __meta_docker_network_name, or one of Loki's, which
	// is then no label any more.
	Metadata map[string]string
	// FromContainers are the labels lighterman.NAME of containers that are honoured, those of
	// DefaultContainerLabels where nobody says otherwise.
	FromContainers []string
	// Level has the level of lines found where Loki does not.
	Level bool
	// Renamed are the default labels and structured metadata that have another name, or
	// none: it is empty then. Those that are not in it keep theirs.
	Renamed map[string]string
}

// The names that lighterman gives by itself.
var (
	// DefaultLabels are those of labels.
	DefaultLabels = []string{"compose_project", "compose_service", "container", "host", "image", "service_name", "stream", "swarm_service", "swarm_stack"}
	// DefaultMetadata are those of structured metadata.
	DefaultMetadata = []string{"container_id", "stream_metadata", "swarm_node", "swarm_task"}
)

// given is a name that the file gives to a label or to structured metadata.
type given struct {
	name string
	at   document.Pos
	// moved says that it is metadata made of the label of that name.
	moved bool
}

// readDefaultLabels reads which defaults have another name, or none.
func readDefaultLabels(l *loader, v document.Value, _ *yaml.Node) {
	renamed := make(map[string]string)
	fields := make([]document.Field, 0, len(DefaultLabels)+len(DefaultMetadata))
	for _, name := range slices.Concat(DefaultLabels, DefaultMetadata) {
		fields = append(fields, document.Field{Name: name, Read: func(v document.Value) {
			switch to := v.Node.Value; {
			case v.Scalar("!!bool") && strings.EqualFold(to, "false"):
				renamed[name] = ""
			case !v.Scalar("!!str"):
				v.Expected("another name, or false for none", "")
			case slices.Contains([]string{"n", "no", "off", "y", "yes", "on"}, strings.ToLower(to)):
				v.Fail("%q is no name that anybody wants; write false for none", to)
			case checkLabelName(to) != nil:
				v.Fail("%v", checkLabelName(to))
			case to != name:
				renamed[name] = to
				l.names = append(l.names, given{name: to, at: v.Pos})
			}
		}})
	}
	v.Fields("a map of default labels to other names, such as {container: name, stream: false}", fields...)
	l.config.Labels.Renamed = renamed
}

// readMetadata reads structured metadata. Nothing in place of a source means the label of
// the same name.
func readMetadata(l *loader, v document.Value, _ *yaml.Node) {
	metadata := make(map[string]string)
	for p := range v.Pairs("a map of names to labels, such as {network: __meta_docker_network_name}") {
		name := p.Key.Node.Value
		source := name
		if !p.Value.Scalar("!!null") {
			source, _ = p.Value.Text("the name of a label")
		}
		switch {
		case checkLabelName(name) != nil:
			p.Key.Fail("%v", checkLabelName(name))
		case p.Value.Node.Kind != yaml.ScalarNode:
		case !labelName.MatchString(source):
			p.Value.Fail("invalid label name %q: expected letters, digits and underscores, not beginning with a digit", source)
		default:
			metadata[name] = source
			l.names = append(l.names, given{name, p.Key.Pos, source == name})
		}
	}
	l.config.Labels.Metadata = metadata
}

// rulesOfLabels checks that no name is given twice. A label that becomes structured metadata
// leaves its name free.
func (l *loader) rulesOfLabels() {
	labels := &l.config.Labels
	used := make(map[string]string)
	for _, name := range slices.Concat(DefaultLabels, DefaultMetadata) {
		if _, other := labels.Renamed[name]; !other {
			used[name] = "a default label"
		}
	}
	for name := range labels.External {
		used[name] = "external-label"
	}
	for _, g := range l.names {
		if who := used[g.name]; who != "" && !g.moved {
			l.problems = append(l.problems, g.at.Error(fmt.Sprintf("the name %q is taken by %s; choose another", g.name, who)))
		}
		used[g.name] = g.at.Path
	}
}
