package convert

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// fileLabel is the label that has the name of a file, in the old collectors as in lighterman.
const fileLabel = "filename"

// hostFileRules makes a section of files of a source that reads such. rest are the rules that
// are not the same for all of its files.
func (p *plan) hostFileRules(s *source, built *labels.Builder, rest []*rule) {
	for i, r := range rest {
		own := *r
		own.SourceLabels = slices.Clone(r.SourceLabels)
		for n, name := range own.SourceLabels {
			if name == pathLabel {
				own.SourceLabels[n] = metaFile
			}
			own.said = slices.Clone(r.said)
		}
		rest[i] = &own
	}
	if len(rest) > 0 { // what they may ask for
		var hidden []*rule
		built.Range(func(l labels.Label) {
			if strings.HasPrefix(l.Name, "__") && asks(rest, l.Name) {
				hidden = append(hidden, constant(l.Name, l.Value, s.line))
			}
		})
		rest = append(hidden, rest...)
	}
	s.labels = p.named(slices.DeleteFunc(s.labels, func(l pair) bool { return l.name == fileLabel }))
	if !slices.ContainsFunc(s.labels, func(l pair) bool { return l.name == "job" && l.value != "" }) {
		drop := newRule(s.line, "", "$1", "job", "")
		drop.Action = relabel.LabelDrop
		drop.said = []string{p.product + " sets no such label by itself."}
		rest = append([]*rule{drop}, rest...)
	}
	s.rules = rest
	for _, n := range s.stages {
		if n.Content[0].Value == "non_indexed_labels" {
			n.Content[0] = scalar("structured_metadata", n.Content[0])
		}
	}
	s.stages = p.placed(p.fit(s.stages, false))
}

const (
	pathLabel = model.LabelName("__path__")
	metaFile  = model.LabelName("__meta_filename")
)

// asks reports whether one of several rules asks for a label.
func asks(list []*rule, name string) bool {
	return slices.ContainsFunc(list, func(r *rule) bool { return slices.Contains(r.SourceLabels, model.LabelName(name)) })
}

// ofEachFile reports whether a rule asks for what is another one for each file.
func ofEachFile(r *rule) bool {
	return r.late && slices.Contains(r.SourceLabels, fileLabel) || r.each && slices.Contains(r.SourceLabels, pathLabel)
}

// carryFiles takes a source that reads files of the host as a section, if lighterman takes its
// globs.
func (p *plan) carryFiles(s *source) {
	for _, glob := range []string{s.glob, s.exclude} {
		switch {
		case glob == "":
		case !filepath.IsAbs(glob):
			p.lost(s.line, s.name, "it reads "+glob+", which is no absolute path", "write it from the root on")
			return
		case !doublestar.ValidatePattern(glob):
			p.lost(s.line, s.name, "it reads "+glob+", which is no glob that lighterman takes", "see docs/files.md")
			return
		}
	}
	if i := slices.IndexFunc(p.files, func(other *source) bool { return other.glob == s.glob }); i >= 0 {
		p.note(s.line, s.name, p.files[i].name+" reads "+s.glob+" as well, so its lines were sent twice; they are now sent once, for the first of the two", "")
	}
	p.files = append(p.files, s)
}

// files writes the sections of files.
func (w *writer) files(product string, list []*source) {
	if len(list) == 0 {
		return
	}
	w.line("")
	w.comment("", product+" follows links to files. For that here, where only root can have made them: follow-links: true")
	w.line("files:")
	for _, s := range list {
		w.comment("  ", strings.Join(s.ruleComments, "\n"))
		w.line("  - paths: [" + element(s.glob) + "]")
		if s.exclude != "" {
			w.line("    exclude: [" + element(s.exclude) + "]")
		}
		w.section(s)
	}
}

// section writes what sections of files and of the journal have alike.
func (w *writer) section(s *source) {
	if slices.ContainsFunc(s.labels, func(l pair) bool { return l.value != "" }) {
		w.line("    labels:")
		for _, l := range s.labels {
			if l.value != "" {
				w.line("      " + document.Text(l.name) + ": " + document.Text(l.value))
			}
		}
	}
	if len(s.rules) > 0 {
		w.line("    relabel_configs:")
		w.ruleList("      ", s.rules)
	}
	if len(s.stages) == 0 {
		w.line("    stages: []")
		return
	}
	w.line("    stages:")
	w.stageList("      ", s.stages)
}

// noContainers are the rules of a configuration that reads none.
func (p *plan) noContainers() []*rule {
	drop := newRule(0, "", "$1", "", "")
	drop.Action = relabel.Drop
	drop.said = []string{"No containers: " + p.product + " reads none. Without this rule lighterman collects all of them."}
	return []*rule{drop}
}

// encoding names an encoding of files that is not carried.
func (p *plan) encoding(n *yaml.Node, name, of string) {
	if name != "" && !strings.EqualFold(name, "utf-8") && !strings.EqualFold(name, "utf8") {
		p.lost(n.Line, of+": encoding", "lighterman takes lines as UTF-8, and not as "+name, "leave "+p.product+" running for these files")
	}
}
