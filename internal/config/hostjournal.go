package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// HostJournal is one section of the host's journal.
type HostJournal struct {
	// Name is what it is called, and what its positions are kept by.
	Name string
	// Match are the fields that an entry has to have, each with one of its values, and
	// CurrentBoot leaves out those of earlier boots.
	Match       []JournalMatch
	CurrentBoot bool
	// MaxAge bounds how old an entry may be that was there at the first start; 0 for what
	// since says.
	MaxAge time.Duration
	// Containers has the messages of containers be read, too.
	Containers bool
	// Labels are those of every entry, and Relabel rules over what is known of one.
	Labels  map[string]string
	Relabel []*relabel.Config
	// Stages are what its entries go through in place of the stages of containers, if
	// OwnStages is set.
	Stages    []Stage
	OwnStages bool
	Pos       document.Pos
}

// JournalMatch is a field and the values of which an entry has to have one.
type JournalMatch struct {
	Field  string
	Values []string
}

// Priorities are the names of what PRIORITY says, by their numbers.
var Priorities = []string{"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}

// defaultJournal is the name of a section that has none.
const defaultJournal = "journal"

// maxJournals bounds how many sections there are: each reads the whole journal for itself.
const maxJournals = 16

func readJournals(l *loader, v document.Value, shown *yaml.Node) {
	for i, item := range v.Items("a list of sections, such as [{matches: {unit: ssh}}]") {
		s := HostJournal{Name: defaultJournal, Pos: item.Pos}
		if i >= maxJournals {
			item.Fail("expected at most %d sections", maxJournals)
			return
		}
		item.Fields("a section, such as {matches: {unit: ssh}}",
			document.Field{Name: "name", Read: func(v document.Value) { s.Name = readJournalName(v) }},
			document.Field{Name: "matches", Read: func(v document.Value) { readMatches(v, &s) }},
			document.Field{Name: "max-age", Read: func(v document.Value) { s.MaxAge = readAge(v) }},
			document.Field{Name: "containers", Read: func(v document.Value) { s.Containers = readFlag(v) }},
			document.Field{Name: "labels", Read: func(v document.Value) { s.Labels = readFileLabels(v) }},
			document.Field{Name: "relabel_configs", Read: func(v document.Value) { s.Relabel = readRules(v, partOf(shown.Content[i], "relabel_configs")) }},
			document.Field{Name: "stages", Read: func(v document.Value) { s.Stages, s.OwnStages = readJournalStages(v), true }},
		)
		if slices.ContainsFunc(l.config.HostJournals, func(o HostJournal) bool { return o.Name == s.Name }) {
			item.Fail("another section is called %q: give each of several a name of its own", s.Name)
		}
		l.config.HostJournals = append(l.config.HostJournals, s)
	}
}

// partOf returns the value of a key of what is shown; nil where it has none.
func partOf(shown *yaml.Node, name string) *yaml.Node {
	for n := 0; n+1 < len(shown.Content); n += 2 {
		if shown.Content[n].Value == name {
			return shown.Content[n+1]
		}
	}
	return nil
}

func readJournalName(v document.Value) string {
	text, ok := v.Text("a name")
	if ok && !outputName.MatchString(text) {
		v.Fail("invalid name %.80q: expected up to 32 small letters, digits and dashes", text)
	}
	return text
}

func readFlag(v document.Value) bool {
	if !v.Scalar("!!bool") {
		v.Expected("true or false", "")
	}
	return strings.EqualFold(v.Node.Value, "true")
}

func readAge(v document.Value) time.Duration {
	text, ok := v.Text("a duration, such as 12h")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		v.Fail("invalid value %s: expected a duration, such as 12h", document.Quote(text))
	}
	return d
}

// readJournalStages refuses what would join lines of different programs.
func readJournalStages(v document.Value) []Stage {
	all := readStageList(v)
	var refuse func(n *yaml.Node)
	refuse = func(n *yaml.Node) {
		for i, part := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && part.Value == "multiline" {
				v.Fail("the stage multiline is not for the journal (line %d): a message of several lines is one entry there, and what follows it may be another program's", part.Line)
			}
			refuse(part)
		}
	}
	for _, s := range all {
		refuse(s.Node)
	}
	return all
}

// fieldName is what a journal has for the name of a field.
var fieldName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,63}$`)

func readMatches(v document.Value, s *HostJournal) {
	for p := range v.Pairs("a map, such as {unit: [ssh, cron], priority: warning}") {
		name := p.Key.Node.Value
		switch {
		case name == "unit":
			s.match("_SYSTEMD_UNIT", readValues(p.Value, unitName))
		case name == "identifier":
			s.match("SYSLOG_IDENTIFIER", readValues(p.Value, nil))
		case name == "priority":
			s.match("PRIORITY", readPriority(p.Value))
		case name == "boot":
			text, ok := p.Value.Text("current or all")
			if ok && text != "current" && text != "all" {
				p.Value.Fail("invalid value %s: expected current or all", document.Quote(text))
			}
			s.CurrentBoot = text == "current"
		case fieldName.MatchString(name):
			s.match(name, readValues(p.Value, nil))
		default:
			p.Key.Fail("unknown key %s: expected unit, identifier, priority, boot, or a field of the journal in capitals, such as _TRANSPORT", document.Quote(name))
		}
	}
}

// match adds values of a field, of which an entry has to have one.
func (s *HostJournal) match(field string, values []string) {
	if i := slices.IndexFunc(s.Match, func(m JournalMatch) bool { return m.Field == field }); i >= 0 {
		s.Match[i].Values = append(s.Match[i].Values, values...)
	} else if len(values) > 0 {
		s.Match = append(s.Match, JournalMatch{field, values})
	}
}

// readValues reads a text, or a list of some.
func readValues(v document.Value, change func(string) string) (out []string) {
	take := func(v document.Value) {
		text, ok := v.Text("a text")
		switch {
		case ok && text == "":
			v.Fail("expected a text, found nothing")
		case ok && change != nil:
			out = append(out, change(text))
		case ok:
			out = append(out, text)
		}
	}
	if v.Node.Kind != yaml.SequenceNode {
		take(v)
		return out
	}
	for _, item := range v.Items("a text, or a list of texts") {
		take(item)
	}
	return out
}

// unitName is what systemd calls a unit.
func unitName(text string) string {
	if strings.Contains(text, ".") {
		return text
	}
	return text + ".service"
}

// readPriority reads the least severe priority, and returns it with the more severe ones.
func readPriority(v document.Value) (out []string) {
	text, ok := v.Text("a priority, such as warning")
	if !ok {
		return nil
	}
	aliases := map[string]string{"err": "error", "warn": "warning", "panic": "emerg", "critical": "crit", "emergency": "emerg"}
	if name, known := aliases[text]; known {
		text = name
	}
	least := slices.Index(Priorities, text)
	if n, err := strconv.Atoi(text); err == nil {
		least = n
	}
	if least < 0 || least >= len(Priorities) {
		v.Fail("invalid value %s: expected one of %s, or a number from 0 to 7", document.Quote(text), strings.Join(Priorities, ", "))
		return nil
	}
	for n := range least + 1 {
		out = append(out, strconv.Itoa(n))
	}
	return out
}
