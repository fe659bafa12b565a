package stage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
)

// Options are what a pipeline needs beyond its stages.
type Options struct {
	// Path is what the list of stages is called in errors: pipeline_stages.
	Path string
	// Owners has the owners of containers ask for stages of their own (logs.Labels.Owner).
	Owners bool
	// Level finds at the end the level of entries where Loki does not, unless the stages have a
	// stage for it. With Owners, logs.Labels.Level does so for a container.
	Level bool
	// Nearest returns the known name that was most likely meant, or nothing. It may be nil.
	Nearest func(name string, known []string) string
	// Fit makes labels and structured metadata what Loki takes, given whether the label
	// stream is among them, where it is one. It may be nil.
	Fit func(labels, metadata map[string]string, whole bool)
}

// Pipeline is a list of stages, ready to be run. It is immutable.
type Pipeline struct {
	head *node
	// names are those of extracted values, by their number.
	names []string
	// streamSlot is the number of the name stream, -1 where nothing asks for it.
	streamSlot slot
	// rules are the names under which entries are dropped.
	rules     []string
	fit       func(labels, metadata map[string]string, whole bool)
	selectors []*selector
	// groupings join lines, before the stages from head on.
	groupings []grouping
	// windows and fudges say what those stages do that remember something: they find by
	// that what they have remembered under another configuration.
	windows, fudges []uint64
	notes           []string
	// family has the pipelines of containers whose owners ask for stages of their own; nil
	// where they may not.
	family *family
}

// Rules returns the names under which the pipeline may drop entries.
func (p *Pipeline) Rules() []string {
	if p == nil {
		return nil
	}
	return slices.Clone(p.rules)
}

// Notes returns what is right and yet worth saying: stages with nothing to do.
func (p *Pipeline) Notes() []string {
	if p == nil {
		return nil
	}
	return slices.Clone(p.notes)
}

// Error is one mistake in the configuration of stages.
type Error struct {
	// Line and Column are the place in the file, Path the place among the stages:
	// pipeline_stages[2].match.stages[0].regex.expression.
	Line, Column int
	Path         string
	Text         string
}

// Error returns the place and what is wrong there.
func (e *Error) Error() string {
	return fmt.Sprintf("%d:%d: %s: %s", e.Line, e.Column, e.Path, e.Text)
}

// maxStages and maxDepth bound what a configuration may hold.
const (
	maxStages = 1000
	maxDepth  = 16
)

// Compile makes a pipeline of stages: a list of maps with one key each, the stage's name.
// All mistakes are returned at once, each of them an *Error joined with the others. The
// pipeline is nil when there is nothing to do.
func Compile(nodes []*yaml.Node, options Options) (*Pipeline, error) {
	if options.Path == "" {
		options.Path = "pipeline_stages"
	}
	p, err := build(nodes, options, nil)
	if err != nil {
		return nil, err
	}
	if options.Owners {
		p.family = &family{nodes: nodes, options: options, of: make(map[string]*Pipeline)}
	}
	if p.empty() && len(p.notes) == 0 && p.family == nil {
		return nil, nil
	}
	return p, nil
}

// empty reports whether there is nothing to do with any line.
func (p *Pipeline) empty() bool { return p.head == nil && len(p.groupings) == 0 }

// build makes a pipeline of the stages of the configuration, and of those that the owner
// of a container asks for.
func build(nodes []*yaml.Node, options Options, owner []logs.Label) (*Pipeline, error) {
	b := &builder{options: options, pipeline: &Pipeline{streamSlot: -1, fit: options.Fit}}
	var end *node
	if options.Level && !b.mentions(nodes, "level") {
		end = &node{step: levelMissed{}, path: byDefault}
	}
	of := b.owned(owner)
	b.pipeline.head = b.list(nodes, options.Path, of.behind(end), 0)
	b.lift(of.joins)
	b.pipeline.head = of.before(b.pipeline.head)
	if len(b.problems) > 0 {
		// In the order of the file, which is not that of compiling.
		slices.SortStableFunc(b.problems, func(a, b *Error) int {
			return cmp.Or(a.Line-b.Line, a.Column-b.Column)
		})
		all := make([]error, len(b.problems))
		for i, problem := range b.problems {
			all[i] = problem
		}
		return nil, errors.Join(all...)
	}
	p := b.pipeline
	p.streamSlot = slot(slices.Index(p.names, streamLabel))
	return p, nil
}

// builder compiles stages and gathers mistakes.
type builder struct {
	options  Options
	pipeline *Pipeline
	problems []*Error
	stages   int
}

// makers compile a stage of a name. It gets what comes after it.
var makers map[string]func(*builder, *fields, *node, int) *node

func init() {
	plain := func(f func(*builder, *fields) step) func(*builder, *fields, *node, int) *node {
		return func(b *builder, of *fields, next *node, _ int) *node {
			s := f(b, of)
			if s == nil {
				return next
			}
			return &node{step: s, next: next, path: of.path}
		}
	}
	makers = map[string]func(*builder, *fields, *node, int) *node{
		"json": plain(newJSON), "logfmt": plain(newLogfmt), "regex": plain(newRegex),
		"labels": plain(newLabels), "labeldrop": plain(newLabelDrop), "labelallow": plain(newLabelAllow),
		"static_labels": plain(newStaticLabels), "structured_metadata": plain(newMetadata),
		"template": plain(newTemplate), "replace": plain(newReplace), "output": plain(newOutput),
		"decolorize": plain(newDecolorize), "timestamp": plain(newTimestamp), "drop": plain(newDrop),
		"sampling": plain(newSampling), "limit": plain(newLimit), "tenant": plain(newTenant),
		"multiline": plain(newMultiline), "level": plain(newLevel), "min_level": plain(newMinLevel),
		"redact": plain(newRedact),
		"docker": plain(nothing), "cri": plain(nothing),
		"match": newMatch, "parser": newParser,
	}
	for name := range makers {
		stageNames = append(stageNames, name)
	}
	slices.Sort(stageNames)
}

var stageNames []string

// refused are stages of Promtail that there are none of here.
var refused = map[string]string{
	"metrics":                 "Loki's recording rules make metrics of logs",
	"pack":                    "use structured_metadata",
	"geoip":                   "it needs a database",
	"eventlogmessage":         "it belongs to Windows",
	"non_indexed_labels":      "use structured_metadata, its new name",
	"structured_metadata_map": "use structured_metadata",
}

// list compiles a list of stages back to front, so that each knows what comes after it.
func (b *builder) list(nodes []*yaml.Node, path string, next *node, depth int) *node {
	if depth > maxDepth {
		b.report(nodes[0], path, "stages are nested more than %d deep", maxDepth)
		return next
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		next = b.stage(nodes[i], path+"["+strconv.Itoa(i)+"]", next, depth)
	}
	return next
}

func (b *builder) stage(n *yaml.Node, path string, next *node, depth int) *node {
	if b.stages++; b.stages > maxStages {
		if b.stages == maxStages+1 {
			b.report(n, path, "there are more than %d stages", maxStages)
		}
		return next
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		b.report(n, path, "expected a stage, which is one name and what belongs to it, found %s", found(n))
		return next
	}
	key, val := n.Content[0], n.Content[1]
	maker, known := makers[key.Value]
	switch why, is := refused[key.Value]; {
	case key.Kind != yaml.ScalarNode:
		b.report(key, path, "expected the name of a stage, found %s", found(key))
	case known:
		return maker(b, &fields{b: b, node: val, path: path + "." + key.Value}, next, depth)
	case is:
		b.report(key, path, "there is no stage %q here: %s", key.Value, why)
	default:
		b.report(key, path, "there is no stage %q%s", key.Value, b.hint(key.Value, stageNames))
	}
	return next
}

func (b *builder) report(n *yaml.Node, path, format string, args ...any) {
	b.problems = append(b.problems, &Error{Line: n.Line, Column: n.Column, Path: path, Text: fmt.Sprintf(format, args...)})
}

func (b *builder) hint(name string, known []string) string {
	if b.options.Nearest != nil {
		if near := b.options.Nearest(name, known); near != "" {
			return fmt.Sprintf("; did you mean %q?", near)
		}
	}
	return "; there are " + strings.Join(known, ", ")
}

// name returns the number of an extracted name.
func (b *builder) name(name string) slot {
	i := slices.Index(b.pipeline.names, name)
	if i < 0 {
		i = len(b.pipeline.names)
		b.pipeline.names = append(b.pipeline.names, name)
	}
	return slot(i)
}

// rule returns the number of the name that dropped entries are counted under.
func (b *builder) rule(name string) int {
	i := slices.Index(b.pipeline.rules, name)
	if i < 0 {
		i = len(b.pipeline.rules)
		b.pipeline.rules = append(b.pipeline.rules, name)
	}
	return i
}

// mentions reports whether a stage of a name is among the stages, nested ones included.
func (b *builder) mentions(nodes []*yaml.Node, name string) bool {
	for _, n := range nodes {
		if n == nil || n.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name || n.Content[i].Value == "match" && b.mentions(nested(n.Content[i+1]), name) {
				return true
			}
		}
	}
	return false
}

// nested returns the stages in a match stage.
func nested(match *yaml.Node) []*yaml.Node {
	if match.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(match.Content); i += 2 {
			if match.Content[i].Value == "stages" && match.Content[i+1].Kind == yaml.SequenceNode {
				return match.Content[i+1].Content
			}
		}
	}
	return nil
}

// nothing is docker and cri, which undo the envelope of a file of Docker's. That is read
// as such here, and stages see the line alone.
func nothing(b *builder, f *fields) step {
	b.pipeline.notes = append(b.pipeline.notes, f.path+": nothing to do: lines come without the envelope of Docker's files")
	return nil
}
