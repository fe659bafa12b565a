package target

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
)

// Labels that Docker Compose puts on its containers.
const (
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
)

// Labels that Swarm puts on the containers of its tasks.
const (
	swarmService = "com.docker.swarm.service.name"
	swarmStack   = "com.docker.stack.namespace"
	swarmTask    = "com.docker.swarm.task.name"
	swarmTaskID  = "com.docker.swarm.task.id"
	swarmNode    = "com.docker.swarm.node.id"
)

// LabelsInUse are the labels of containers that have a meaning here, whatever the filter and
// the containers' owners ask for.
func LabelsInUse() []string {
	return []string{composeProject, composeService, swarmService, swarmStack, swarmTask, swarmTaskID, swarmNode}
}

// Labeler gives containers their labels in Loki: few, because every
// combination of values is a stream of its own there. The container's ID, which
// changes with every deployment, is structured metadata instead.
type Labeler struct {
	// Host is the value of the label host.
	Host string
	// External are labels that every entry gets. They win over the others.
	External map[string]string
	// Names are what the default labels are called.
	Names Names
	// Relabel are the rules by which labels are changed, and containers chosen; nil for
	// none.
	Relabel *Relabel
	// Level has the level of each line looked for, where no label says it.
	Level bool
	// MaxLabels is how many labels Loki takes; MaxLabels when 0.
	MaxLabels int
}

// Labelled is what is decided about the labels of a container.
type Labelled struct {
	Labels *logs.Labels
	// Dropped says which rule drops the container, or nothing.
	Dropped string
	// Notes say what is not as it was asked for, and why; Owner what of that the container's
	// owner has asked for.
	Notes, Owner []string
}

// Label labels a container whose owner asks for nothing.
func (l *Labeler) Label(c *logs.Container, moved []string) Labelled {
	return l.LabelAsked(c, moved, &owner.Asked{})
}

// LabelAsked labels a container. The outcome depends on nothing but the container, what its
// owner asks for, and the configuration, and on which labels have moved: those become
// structured metadata.
func (l *Labeler) LabelAsked(c *logs.Container, moved []string, asked *owner.Asked) Labelled {
	var out Labelled
	streams := uint8(logs.Streams)
	if c.TTY {
		streams = 1 // there is no other
	}
	sets := make([]labelSet, 0, streams)
	for s := range logs.Stream(streams) {
		set := l.label(c, s, moved, asked)
		sets = append(sets, set)
		out.Owner = append(out.Owner, missing(out.Owner, set.owner)...)
		out.Notes = append(out.Notes, missing(out.Notes, set.notes)...)
	}
	first, second := sets[0].dropped, sets[len(sets)-1].dropped
	switch {
	case first > 0 && second > 0:
		out.Dropped = l.Relabel.reason(first)
	case first+second > 0:
		out.Notes = append(out.Notes, l.Relabel.reason(first+second)+", which concerns one of the container's two streams: it is collected all the same, as rules choose whole containers")
	}
	out.Labels = join(sets, l.Names.stream())
	for s := range logs.Stream(logs.Streams) {
		of := out.Labels.Of(s)
		of.Owner, of.Level = asked.Lines, l.Level && !SaysLevel(of)
	}
	return out
}

// levels are the names of labels and structured metadata that Loki takes the level from.
var levels = []string{"detected_level", "level", "Level", "LEVEL", "severity", "Severity", "SEVERITY", "lvl"}

// SaysLevel reports whether labels say the level of every line.
func SaysLevel(l *logs.Labels) bool {
	return slices.ContainsFunc(levels, func(name string) bool { return l.Get(name) != "" || l.HasMetadata([]byte(name)) })
}

// missing returns the texts that others are without.
func missing(others, texts []string) (out []string) {
	for _, text := range texts {
		if !slices.Contains(others, text) {
			out = append(out, text)
		}
	}
	return out
}

// labelSet is what is decided for one stream.
type labelSet struct {
	pairs, metadata map[string]string
	// dropped is the number of the rule that drops it, 0 for none.
	dropped int
	tenant  string
	// notes and owner are Labelled's.
	notes, owner []string
}

// label decides the labels of one stream.
func (l *Labeler) label(c *logs.Container, s logs.Stream, moved []string, asked *owner.Asked) (out labelSet) {
	out.pairs, out.metadata = l.defaults(c, s)
	if !l.Relabel.empty() {
		maps.Copy(out.pairs, Meta(c, s))
		made := l.Relabel.process(out.pairs)
		out.pairs, out.dropped = made.labels, made.dropped
		out.tenant = out.pairs[tenantLabel]
		l.Relabel.move(out.pairs, out.metadata)
		maps.DeleteFunc(out.pairs, func(name, _ string) bool { return strings.HasPrefix(name, reserved) })
	}
	out.owner = l.owned(asked, out.pairs, out.metadata)
	maps.Copy(out.pairs, l.External)
	for _, name := range moved {
		if value := out.pairs[name]; value != "" && out.metadata[name] == "" {
			out.metadata[name] = value
		}
		delete(out.pairs, name)
	}
	if out.tenant != "" && !logs.ValidTenant(out.tenant) {
		out.notes = append(out.notes, fmt.Sprintf("Loki takes no tenant %.80q (%s), the configured one is used", out.tenant, tenantLabel))
		out.tenant = ""
	}
	out.notes = append(out.notes, fit(out.pairs, out.metadata, cmp.Or(l.MaxLabels, MaxLabels), l.first())...)
	if len(out.pairs) == 0 {
		out.pairs[labelService] = cmp.Or(c.Name, c.ID)
		out.notes = append(out.notes, "no label is left, and Loki takes no line without: "+labelService+" is kept")
	}
	return out
}

// first are the labels that stay labels when there are too many, the first of all first:
// without these, containers could not be told apart.
func (l *Labeler) first() (names []string) {
	for _, name := range []string{labelService, labelContainer, labelHost, labelStream} {
		names = append(names, l.Names.of(name))
	}
	return append(names, slices.Sorted(maps.Keys(l.External))...)
}

// tenantLabel is the label whose value is the tenant of a container's lines, if a rule sets it.
const tenantLabel = "__tenant_id__"

// join makes one label set of those of a container's streams. What no label tells apart
// any more, structured metadata does: Loki keeps one of two entries whose labels, text,
// time and metadata are equal. name is what the stream is called there; nothing where it is
// not wanted.
func join(sets []labelSet, name string) *logs.Labels {
	if name != "" && len(sets) > 1 && maps.Equal(sets[0].pairs, sets[1].pairs) && maps.Equal(sets[0].metadata, sets[1].metadata) {
		for s := range sets {
			sets[s].metadata[name] = logs.Stream(s).String()
		}
	}
	whole := false
	for s := range sets {
		whole = whole || sets[s].pairs[labelStream] != logs.Stream(s).String() || len(sets[s].pairs) == 1
	}
	var all [logs.Streams]*logs.Labels
	for s := range sets {
		if !whole {
			delete(sets[s].pairs, labelStream)
		}
		all[s] = logs.NewLabels(sets[s].pairs, sets[s].metadata)
		all[s].Whole, all[s].Tenant = whole, sets[s].tenant
	}
	out := all[logs.Stdout]
	if other := all[logs.Stderr]; other != nil && !other.Equal(out) {
		out.Stderr = other
	}
	return out
}

// defaults are the labels that a stream of a container has without any rules, and its
// structured metadata.
func (l *Labeler) defaults(c *logs.Container, s logs.Stream) (pairs, metadata map[string]string) {
	service := c.Labels[composeService]
	pairs = map[string]string{
		labelContainer:      c.Name,
		labelImage:          c.Image,
		labelHost:           l.Host,
		labelStream:         s.String(),
		labelComposeProject: c.Labels[composeProject],
		labelComposeService: service,
		labelService:        cmp.Or(service, c.Name),
	}
	metadata = map[string]string{metadataID: c.ID}
	if c.Labels[swarmService] != "" {
		labelTask(c, pairs, metadata)
	}
	return l.Names.rename(pairs), l.Names.rename(metadata)
}

// labelTask labels a task of Swarm. Every update makes new tasks, so what names the task
// is no label: a label that changes would make a new stream, and a new service, of each.
func labelTask(c *logs.Container, pairs, metadata map[string]string) {
	pairs[labelContainer] = replica(c)
	pairs[labelImage] = withoutDigest(c.Image)
	pairs[labelSwarmService] = c.Labels[swarmService]
	pairs[labelSwarmStack] = c.Labels[swarmStack]
	if pairs[labelComposeService] == "" {
		pairs[labelService] = c.Labels[swarmService]
	}
	metadata[metadataTask] = c.Labels[swarmTask]
	metadata[metadataNode] = c.Labels[swarmNode]
}

// replica names a task's place, which stays while tasks come and go in it: SERVICE.SLOT
// of a replicated service, SERVICE of a global one, which has one task on each host. Two
// containers of a host with the same labels would be one stream, in which Loki merges
// equal lines of equal time; so the place is taken from the container's own name, which
// no two have, and is only that name where it is not what Swarm calls its tasks.
func replica(c *logs.Container) string {
	service, task := c.Labels[swarmService], c.Labels[swarmTaskID]
	place, isTask := strings.CutSuffix(c.Name, "."+task)
	slot, ofService := strings.CutPrefix(place, service+".")
	switch {
	case task == "" || !isTask || !ofService || c.Name != c.Labels[swarmTask]:
		return c.Name
	case slot != "" && strings.Trim(slot, "0123456789") == "":
		return place
	case slot != "" && slot == c.Labels[swarmNode]:
		return service
	}
	return c.Name
}

// withoutDigest returns an image reference without the digest that Swarm's manager adds
// to it, which another build under the same tag changes. One without a tag is the user's.
func withoutDigest(image string) string {
	name, _, ok := strings.Cut(image, "@")
	if !ok || !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		return image
	}
	return name
}

// WithLabels adds labels of Loki's to those that a container has.
func WithLabels(of *logs.Labels, more map[string]string) *logs.Labels {
	if len(more) == 0 {
		return of
	}
	set := make(map[string]string)
	for _, l := range of.Pairs {
		set[l.Name] = l.Value
	}
	maps.Copy(set, more)
	metadata := make(map[string]string)
	for _, l := range of.Metadata {
		metadata[l.Name] = l.Value
	}
	out := logs.NewLabels(set, metadata)
	out.Owner, out.Tenant, out.Level = of.Owner, of.Tenant, of.Level && !SaysLevel(out)
	if out.Whole = of.Whole; of.Stderr != nil {
		out.Stderr = WithLabels(of.Stderr, more)
	}
	return out
}
