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
	// outputs are Lokis besides the first.
	outputs []output
	// external are labels of every line that the line's own ones win over.
	external []pair
	sources  []*source
	// files are those of the sources that read files of the host, as they are written.
	files []*source
	// journals are those that read the host's journal.
	journals []*source
	// onlyHost says that no source reads containers.
	onlyHost bool
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
	// glob is which files it reads, and exclude which of these it does not; empty for none.
	glob, exclude string
	// journal is what of the journal it reads; nil where it reads another thing.
	journal *journalOf
	// filters are those of the engine's list of containers.
	filters []filter
	// labels are constant ones that lines have before the rules.
	labels []pair
	rules  []*rule
	// port is what __address__ has where a container has none, and host what it is on the
	// host's network.
	port, host string
	stages     []*yaml.Node
	// image is the label that has the container's image, if one is wanted.
	image string
	// also are components of Alloy's that lines go to besides the first.
	also []*component
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
	// each says that __path__ is the path of one file, and not a glob.
	each bool
}

// filter is one of the engine's list of containers.
type filter struct {
	name   string
	values []string
	line   int
}

// carryOther is where what reads no containers goes. What lighterman has no section for is
// named.
func (p *plan) carryOther(s *source) {
	switch s.kind {
	case hostFiles:
		p.carryFiles(s)
	case hostJournal:
		p.carryJournal(s)
	default:
		p.lost(s.line, s.name, "lighterman has no such source", "leave "+p.product+" running for it")
	}
}
