package convert

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The keys of a record in Docker's own files, and what stands for a value that is made of
// the tag in attrs.
const (
	keyLog    = "log"
	keyStream = "stream"
	keyTime   = "time"
	keyAttrs  = "attrs"
	ofTag     = "tag"
	nothing   = ""
	// ofLabel is before the name of a container's label that attrs holds.
	ofLabel = "label "
)

// envelope rewrites stages that take Docker's records apart into stages over lines, which
// come without: what is extracted of the record is known here, or is not needed.
type envelope struct {
	plan   *plan
	source *source
	// values are the extracted values that stand for a key of the record, by their names;
	// nothing for one that the record never had.
	values map[string]string
	// made are the names of what the stages that stay extract.
	made map[string]bool
	// wrapped says that the line is still the record.
	wrapped bool
	// timed says that lines have a time that a stage has taken out of them.
	timed bool
	// stream says that the label stream is wanted, and rules make other labels.
	stream bool
	rules  []*rule
}

// stages rewrites a list, and leaves out what has nothing to do any more.
func (e *envelope) stages(list []*yaml.Node) (out []*yaml.Node) {
	for _, n := range list {
		if kept := e.stage(n); kept != nil {
			out = append(out, kept)
		}
	}
	return out
}

func (e *envelope) comment(text string) {
	if !slices.Contains(e.source.stageComments, text) {
		e.source.stageComments = append(e.source.stageComments, text)
	}
}

func (e *envelope) stage(n *yaml.Node) *yaml.Node {
	name, val := n.Content[0].Value, n.Content[1]
	from := ""
	if src := get(val, "source"); src != nil && src.Kind == yaml.ScalarNode {
		from = src.Value
	}
	key, taken := e.values[from]
	taken = taken && from != ""
	switch name {
	case "docker":
		e.comment("The stage docker is not needed: lines come without the record around them.")
		e.wrapped = false
		e.stream, e.timed = true, true
		e.values["output"], e.values["stream"], e.values["timestamp"] = keyLog, keyStream, keyTime
		return nil
	case "cri":
		e.plan.note(n.Line, "the stage cri", "Docker's files have another form, so it found nothing and is left out", "")
		return nil
	case "match":
		return e.match(n)
	case "labels":
		return e.labels(n)
	case "timestamp":
		if taken && key == keyTime {
			e.timed = true
			e.comment("The stage timestamp is not needed: lines have Docker's own time, to the nanosecond.")
			e.plan.note(n.Line, "the stage timestamp", "it restates Docker's own time, which every line has here anyway, so it is left out", "")
			return nil
		}
		if !taken && !e.made[from] {
			e.plan.note(n.Line, "the stage timestamp", "nothing extracts "+strconv.Quote(from)+", so it found no time, and is left out", "lines have Docker's own time here anyway")
			return nil
		}
	case "output":
		if taken && key == keyLog {
			e.wrapped = false
			e.comment("The stage output is not needed: lines come without the record around them.")
			return nil
		}
	case "json":
		if from == "" && e.wrapped {
			return e.json(n)
		}
	}
	if taken {
		return e.taken(n, key)
	}
	if e.wrapped && from == "" {
		return e.record(n)
	}
	switch name {
	case "output":
		if e.wrapped {
			e.plan.note(n.Line, "the stage output", "a line without "+strconv.Quote(from)+" was sent as Docker's whole record, and is sent as it is now", "")
		}
		e.wrapped = false
	case "timestamp":
		e.timed = true
	}
	e.forget(n)
	return n
}

// json settles a stage that takes the record apart.
func (e *envelope) json(n *yaml.Node) *yaml.Node {
	var unknown []string
	for _, x := range e.plan.pairs(get(n.Content[1], "expressions"), "json.expressions") {
		path := x.value
		if path == "" {
			path = x.name
		}
		switch names := steps(path); {
		case len(names) == 1 && slices.Contains([]string{keyLog, keyStream, keyTime, keyAttrs}, names[0]):
			e.values[x.name] = names[0]
		case len(names) == 2 && names[0] == keyAttrs:
			e.values[x.name] = ofAttribute(names[1])
		default:
			e.values[x.name] = nothing
			unknown = append(unknown, x.name)
		}
	}
	e.comment("The stage json on line " + decimal(int64(n.Line)) + " is not needed: it takes Docker's record apart.")
	if len(unknown) > 0 {
		e.plan.note(n.Line, "json: "+strings.Join(unknown, ", "), "Docker's records have no such keys, so nothing was ever extracted, and it is left out",
			"what is in the application's own JSON can be had now: put a json stage with these names under stages")
	}
	return nil
}

// steps takes an expression of names apart that are joined by dots, with quotes or without.
func steps(path string) (names []string) {
	var name strings.Builder
	quoted := false
	for _, r := range path {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '.' && !quoted:
			names = append(names, name.String())
			name.Reset()
		default:
			name.WriteRune(r)
		}
	}
	return append(names, name.String())
}

// ofAttribute is what stands for a value in attrs: that of the tag, or of a label.
func ofAttribute(name string) string {
	if name == ofTag {
		return ofTag
	}
	return ofLabel + name
}

// labels takes out of a labels stage what is known without it.
func (e *envelope) labels(n *yaml.Node) *yaml.Node {
	val := n.Content[1]
	if val.Kind != yaml.MappingNode {
		return n
	}
	left := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: val.Line, Column: val.Column}
	for i := 0; i+1 < len(val.Content); i += 2 {
		label, src := val.Content[i], val.Content[i+1]
		from := label.Value
		if !isNull(src) && src.Value != "" {
			from = src.Value
		}
		key, taken := e.values[from]
		switch {
		case !taken:
			left.Content = append(left.Content, label, src)
		case key == keyStream && label.Value == keyStream:
			e.stream = true
		case key == keyStream:
			e.rules = append(e.rules, newRule(label.Line, label.Value, "$1", "", "", logStream))
		case key == keyLog, key == keyTime, key == keyAttrs:
			e.plan.lost(label.Line, "the label "+label.Value, "it has the value "+key+" of Docker's record, which is another with each line: Loki makes a stream of each", "remove it")
		case key == ofTag:
			e.tagged(label)
		case strings.HasPrefix(key, ofLabel):
			name := strings.TrimPrefix(key, ofLabel)
			e.rules = append(e.rules, newRule(label.Line, label.Value, "$1", "", "", labelOf(name)))
			e.plan.note(label.Line, "the label "+label.Value, "it was made of what the log option labels has put into Docker's record, and is now made of the container's own label "+name, "a variable of the environment (the log option env) cannot be had")
		case key == nothing:
			// It was never set.
		}
	}
	if len(left.Content) == 0 {
		return nil
	}
	return mapping(n, n.Content[0], left)
}

// tags are labels that people take out of the tag, and what they are made of here.
var tags = map[string]string{
	"container_name": metaName, "container": metaName, "name": metaName, "container_id": metaID, "id": metaID,
}

// tagged makes a label that was taken out of the tag, which the log driver is given with
// --log-opt tag.
func (e *envelope) tagged(label *yaml.Node) {
	switch from := tags[label.Value]; {
	case from == metaName:
		e.rules = append(e.rules, newRule(label.Line, label.Value, "$1", "/(.*)", "", metaName))
	case from == metaID:
		e.rules = append(e.rules, newRule(label.Line, label.Value, "$1", "", "", metaID))
	case label.Value == "image_name" || label.Value == "image":
		e.source.image = label.Value
	default:
		e.plan.lost(label.Line, "the label "+label.Value, "it is made of the tag in Docker's record (--log-opt tag), which lighterman does not read", "make it of the container's labels with a rule")
		return
	}
	e.plan.note(label.Line, "the label "+label.Value, "it was made of the tag in Docker's record (--log-opt tag), and is now made of the container itself", "the values are equal where the tag has {{.Name}}, {{.FullID}} or {{.ImageName}}")
}

// taken rewrites a stage that reads a value of the record.
func (e *envelope) taken(n *yaml.Node, key string) *yaml.Node {
	name, val := n.Content[0], n.Content[1]
	reads := name.Value == "json" || name.Value == "regex" || name.Value == "logfmt"
	switch {
	case key == keyLog && reads:
		e.forget(n)
		return mapping(n, name, without(val, "source"))
	case key == keyLog && name.Value == "output":
		return nil
	case key == keyStream && (reads || name.Value == "drop"):
		e.forget(n)
		return mapping(n, name, replaced(val, "source", keyStream))
	case reads && (key == keyAttrs || key == ofTag):
		e.comment("The stage " + name.Value + " on line " + decimal(int64(n.Line)) + " is not needed: it takes the tag apart.")
		for _, made := range extracts(n) {
			e.values[made] = ofTag
		}
		if key == keyAttrs && name.Value == "json" {
			for _, x := range e.plan.pairs(get(val, "expressions"), "json.expressions") {
				path := x.value
				if path == "" {
					path = x.name
				}
				if names := steps(path); len(names) == 1 {
					e.values[x.name] = ofAttribute(names[0])
				}
			}
		}
		return nil
	case key == nothing:
		e.plan.note(n.Line, "the stage "+name.Value, "Docker's records have no such key, so it found nothing and is left out", "")
		return nil
	}
	e.plan.lost(n.Line, "the stage "+name.Value, "it works on the value "+strings.TrimPrefix(key, ofLabel)+" of Docker's record, which lines have not any more", "let it work on the line itself")
	return nil
}

// record settles a stage that works on the whole record.
func (e *envelope) record(n *yaml.Node) *yaml.Node {
	name := n.Content[0].Value
	switch name {
	case "regex", "logfmt", "replace", "template":
		if name == "template" { // it has no meaning without a source
			return n
		}
		for _, made := range extracts(n) {
			e.values[made] = nothing
		}
		e.plan.lost(n.Line, "the stage "+name, "it works on Docker's whole record, such as {\"log\":\"…\",\"stream\":\"…\"}, and lines come without", "write it for the line itself")
		return nil
	case "drop", "multiline", "decolorize":
		e.plan.note(n.Line, "the stage "+name, "it looked at Docker's record, in which quotes and control characters are escaped, and now looks at the line itself", "")
	}
	e.forget(n)
	return n
}

// match rewrites what is nested.
func (e *envelope) match(n *yaml.Node) *yaml.Node {
	val := n.Content[1]
	inner := get(val, "stages")
	if _, filters, has := strings.Cut(e.plan.text(get(val, "selector"), "selector"), "}"); has && strings.TrimSpace(filters) != "" && e.wrapped {
		e.plan.note(n.Line, "the stage match", "its filter looked at Docker's record, in which quotes and control characters are escaped, and now looks at the line itself", "")
	}
	if isNull(inner) || inner.Kind != yaml.SequenceNode {
		return n
	}
	kept := e.stages(inner.Content)
	if len(kept) == 0 {
		return nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: kept, Line: inner.Line, Column: inner.Column}
	return mapping(n, n.Content[0], replacedNode(val, "stages", list))
}

// forget notes that values have others now.
func (e *envelope) forget(n *yaml.Node) {
	for _, made := range extracts(n) {
		delete(e.values, made)
		e.made[made] = true
	}
	if src := get(n.Content[1], "source"); n.Content[0].Value == "template" && src != nil {
		e.made[src.Value] = true
	}
}

var group = regexp.MustCompile(`\(\?P?<([^>]+)>`)

// extracts returns the names of what a stage extracts.
func extracts(n *yaml.Node) (names []string) {
	name, val := n.Content[0].Value, n.Content[1]
	switch name {
	case "json", "logfmt":
		for _, key := range []string{"expressions", "mapping"} {
			if m := get(val, key); m != nil && m.Kind == yaml.MappingNode {
				for i := 0; i < len(m.Content); i += 2 {
					names = append(names, m.Content[i].Value)
				}
			}
		}
	case "regex", "replace":
		if x := get(val, "expression"); x != nil {
			for _, m := range group.FindAllStringSubmatch(x.Value, -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// without returns a map without a key.
func without(n *yaml.Node, key string) *yaml.Node {
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}

func replaced(n *yaml.Node, key, value string) *yaml.Node {
	return replacedNode(n, key, scalar(value, n))
}

// replacedNode returns a map with another value of a key.
func replacedNode(n *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	out := *n
	out.Content = slices.Clone(n.Content)
	for i := 0; i+1 < len(out.Content); i += 2 {
		if out.Content[i].Value == key {
			out.Content[i+1] = value
		}
	}
	return &out
}
