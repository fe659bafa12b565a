package convert

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/logs"
)

// journalOf is what of the journal a source reads.
type journalOf struct {
	// name is that of the section, by which its position is found.
	name, maxAge string
	matches      []pair
}

// defaultAge is the max_age of the old collectors.
const defaultAge = "7h"

// unnamed are letters that the name of a section has not.
var unnamed = regexp.MustCompile(`[^a-z0-9]+`)

// sectionName makes the name of a section of the job of Promtail's, or the component of
// Alloy's, that reads the journal.
func sectionName(job string) string {
	job = strings.TrimPrefix(job, "loki.source.journal.")
	name := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(job), "-"), "-")
	name = strings.Trim(name[:min(len(name), 32)], "-")
	if name == "" {
		return "journal"
	}
	return name
}

// journal reads what a scrape_config of Promtail's says of the journal.
func (p *plan) journal(n *yaml.Node, base source, job string) {
	s := base
	s.kind, s.journal = hostJournal, &journalOf{name: sectionName(job), maxAge: defaultAge}
	p.fields(n, "journal", map[string]func(key, val *yaml.Node){
		"max_age": func(_, val *yaml.Node) { p.age(&s, val.Line, p.text(val, "journal.max_age")) },
		"path":    func(_, val *yaml.Node) { p.journalPath(val.Line, p.text(val, "journal.path")) },
		"labels":  func(_, val *yaml.Node) { s.labels = p.pairs(val, "journal.labels") },
		"matches": func(_, val *yaml.Node) { p.journalMatches(&s, val.Line, p.text(val, "journal.matches")) },
		"json": func(key, val *yaml.Node) {
			if strings.EqualFold(p.text(val, "journal.json"), "true") {
				p.journalJSON(key.Line, s.name)
			}
		},
	})
	p.sources = append(p.sources, &s)
}

func (p *plan) journalJSON(line int, of string) {
	p.lost(line, of+": json", "lighterman sends the message, and not all fields of an entry as JSON", "make labels of the fields that are needed, with rules over __journal_*")
}

func (p *plan) age(s *source, line int, text string) {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		p.refuse(line, "max_age: expected a duration such as 12h, found %q", text)
		return
	}
	s.journal.maxAge = text
}

func (p *plan) journalPath(line int, path string) {
	switch i := slices.IndexFunc(p.settings, func(s setting) bool { return s.name == journalDir }); {
	case path == "":
	case i < 0:
		p.set(journalDir, path, "")
	case p.settings[i].value != path:
		p.lost(line, "the journal in "+path, "lighterman reads the directories of journal-dir for all", "add it to journal-dir")
	}
}

const journalDir = "journal-dir"

// journalMatches reads FIELD=value FIELD=value.
func (p *plan) journalMatches(s *source, line int, text string) {
	for part := range strings.FieldsSeq(text) {
		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" || value == "" {
			p.refuse(line, "matches: expected FIELD=value, found %q", part)
			return
		}
		s.journal.matches = append(s.journal.matches, pair{name, value, line})
	}
}

// journal reads a loki.source.journal.
func (a *alloy) journal(c *component, s *source) {
	s.kind, s.journal = hostJournal, &journalOf{name: sectionName(c.name), maxAge: defaultAge}
	var rules ast.Expr
	a.attributes(c.name, c.body, map[string]func(ast.Expr){
		"forward_to":    nil,
		"relabel_rules": func(x ast.Expr) { rules = x },
		"max_age":       func(x ast.Expr) { a.plan.age(s, line(x), a.text(x)) },
		"path":          func(x ast.Expr) { a.plan.journalPath(line(x), a.text(x)) },
		"labels":        func(x ast.Expr) { s.labels = a.object(x) },
		"matches":       func(x ast.Expr) { a.plan.journalMatches(s, line(x), a.text(x)) },
		"format_as_json": func(x ast.Expr) {
			if strings.EqualFold(a.text(x), "true") {
				a.plan.journalJSON(line(x), c.name)
			}
		},
	}, nil)
	if rules != nil {
		if r := a.component(rules, "rules"); r != nil {
			s.rules = append(s.rules, a.rules(r)...)
		}
	}
	if !slices.ContainsFunc(s.labels, func(l pair) bool { return l.name == "job" }) {
		s.labels = append([]pair{{"job", c.name, c.line}}, s.labels...) // as Alloy does
	}
	a.chain(s, a.forward(c))
}

// carryJournal takes a source that reads the host's journal as a section.
func (p *plan) carryJournal(s *source) {
	if slices.ContainsFunc(p.journals, func(o *source) bool { return o.journal.name == s.journal.name }) {
		s.journal.name = sectionName(s.journal.name + "-" + strconv.Itoa(len(p.journals)+1))
	}
	var own []string
	for _, name := range []string{"unit", "level", "job"} {
		if !slices.ContainsFunc(s.labels, func(l pair) bool { return l.name == name && l.value != "" }) {
			own = append(own, name)
		}
	}
	if len(own) > 0 {
		drop := newRule(s.line, "", "$1", strings.Join(own, "|"), "")
		drop.Action = relabel.LabelDrop
		drop.said = []string{p.product + " sets no such label by itself."}
		s.rules = append([]*rule{drop}, s.rules...)
	}
	s.stages = p.placed(p.fit(p.withoutMultiline(s.stages), false))
	p.journals = append(p.journals, s)
}

// withoutMultiline leaves out stages that lighterman does not take for the journal.
func (p *plan) withoutMultiline(list []*yaml.Node) (out []*yaml.Node) {
	for _, n := range list {
		if len(n.Content) == 0 || n.Content[0].Value == "multiline" {
			p.lost(n.Line, "the stage multiline", "a message of several lines is one entry of the journal, and lighterman joins no others", "nothing, unless the program writes each line by itself")
			continue
		}
		if inner := get(n.Content[1], "stages"); n.Content[0].Value == "match" && inner != nil {
			inner.Content = p.withoutMultiline(inner.Content)
		}
		out = append(out, n)
	}
	return out
}

// journals writes the sections of the journal. all: containers are not read by themselves.
func (w *writer) journals(product string, list []*source, all bool) {
	if len(list) == 0 {
		return
	}
	w.line("")
	if !all {
		w.comment("", product+" reads in the journal what containers have logged there, too. Here it is sent once, as the containers'.")
	}
	w.line("journal:")
	for _, s := range list {
		w.comment("  ", strings.Join(s.ruleComments, "\n"))
		w.line("  - name: " + document.Text(s.journal.name))
		w.line("    max-age: " + s.journal.maxAge)
		if all {
			w.line("    containers: true")
		}
		if len(s.journal.matches) > 0 {
			w.line("    matches:")
			w.journalMatches(s.journal.matches)
		}
		w.section(s)
	}
}

// journalMatches writes matches: of one field any may be met.
func (w *writer) journalMatches(list []pair) {
	values, order := make(map[string][]string), []string(nil)
	for _, m := range list {
		if values[m.name] == nil {
			order = append(order, m.name)
		}
		values[m.name] = append(values[m.name], document.Quoted(m.value))
	}
	for _, name := range order {
		w.line("      " + document.Text(name) + ": [" + strings.Join(values[name], ", ") + "]")
	}
}

// journalCursor reads a cursor as systemd writes it: s=…;i=…;b=…;m=…;t=…;x=….
func journalCursor(value string) (p logs.JournalPosition, ok bool) {
	seen := ""
	for part := range strings.SplitSeq(strings.TrimSpace(value), ";") {
		name, text, _ := strings.Cut(part, "=")
		var err error
		switch name {
		case "s":
			err = p.SeqnumID.UnmarshalText([]byte(text))
		case "b":
			err = p.Boot.UnmarshalText([]byte(text))
		case "i":
			p.Seqnum, err = strconv.ParseUint(text, 16, 64)
		case "m":
			p.Monotonic, err = strconv.ParseUint(text, 16, 64)
		case "t":
			p.Realtime, err = strconv.ParseUint(text, 16, 64)
		case "x":
			p.Hash, err = strconv.ParseUint(text, 16, 64)
		default:
			continue // of a newer systemd
		}
		if err != nil {
			return p, false
		}
		seen += name
	}
	return p, strings.Contains(seen, "s") && strings.Contains(seen, "i") && strings.Contains(seen, "b") && strings.Contains(seen, "t")
}
