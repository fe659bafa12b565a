package convert

import (
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
)

// plan is what a configuration asks for, whoever it was written for.
type plan struct {
	findings
	// product is who the configuration was written for.
	product string
	// settings are those of lighterman with one value, in the order of the file.
	settings []setting
	// external are labels of every line that the line's own ones win over.
	external []pair
	sources  []*source
	secret   bool
}

// setting is one of lighterman's, or, without a name, a word about one of the file.
type setting struct {
	name, value string
	comment     string
}

// set adds a setting, if it has a value.
func (p *plan) set(name, value, comment string) {
	if value != "" {
		p.settings = append(p.settings, setting{name, value, comment})
	}
}

// say adds a comment.
func (p *plan) say(comment string) { p.settings = append(p.settings, setting{comment: comment}) }

// pair is a name with its value, and where it is in the file.
type pair struct {
	name, value string
	line        int
}

// kind is what a source reads.
type kind int

const (
	// containers are read through the engine.
	containers kind = iota
	// containerFiles are Docker's own files, read as such.
	containerFiles
	// hostFiles are other files.
	hostFiles
	// hostJournal is the systemd journal.
	hostJournal
	// otherSource is what lighterman has no equal of.
	otherSource
)

// source is what in the file reads lines: a scrape_config of Promtail's, or a loki.source of
// Alloy's with all that it leads to.
type source struct {
	kind kind
	// name is what the source is called in the file, and line where it is.
	name string
	line int
	// glob is which files it reads.
	glob string
	// filters are those of the engine's list of containers.
	filters []filter
	// labels are constant ones that lines have before the rules.
	labels []pair
	rules  []*rule
	// port is what __address__ has where a container has none.
	port   string
	stages []*yaml.Node
	// image is the label that has the container's image, if one is wanted.
	image string
	// comments are what is said before the rules, and before the stages.
	ruleComments, stageComments []string
}

// rule is one of relabel_configs.
type rule struct {
	relabel.Config
	line int
	// said is the comment before it, without a number sign.
	said []string
	// off says that it has no effect, and why: it is written as a comment.
	off string
	// early says that no line is known yet, and late that labels with two underscores are
	// gone.
	early, late bool
}

// filter is one of the engine's list of containers.
type filter struct {
	name   string
	values []string
	line   int
}

// carryOther is where what reads no containers goes. Until lighterman has the section for it,
// it is named.
func (p *plan) carryOther(s *source) {
	switch s.kind {
	case hostFiles:
		p.lost(s.line, s.name, "it reads files of the host, "+s.glob+", and lighterman reads containers only", "leave "+p.product+" running for these files")
	case hostJournal:
		p.lost(s.line, s.name, "it reads the host's journal, and lighterman reads that for containers only", "leave "+p.product+" running for the journal")
	default:
		p.lost(s.line, s.name, "lighterman has no such source", "leave "+p.product+" running for it")
	}
}
