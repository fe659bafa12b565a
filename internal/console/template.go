package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Template prints entries as an operator has written it, in the language of Go's
// text/template.
type Template struct{ parsed *template.Template }

// Shown is what a template sees of an entry. All of it is made harmless: what a container's
// owner has written is no command to a terminal, and further lines of an entry are
// indented.
type Shown struct {
	Time                            time.Time
	Container, ID, Image            string
	Service, Project, Stream, Level string
	Line                            string
	// Labels has all labels and structured metadata.
	Labels map[string]string
}

// ParseTemplate reads a template, and tries it: a name that there is not is an error.
func ParseTemplate(text string) (*Template, error) {
	parsed, err := template.New("template").Option("missingkey=zero").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			out, err := json.Marshal(v)
			return string(out), err
		},
		"upper": strings.ToUpper,
		"lower": strings.ToLower,
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the template: %s", because(err))
	}
	var out bounded
	if err := parsed.Execute(&out, Shown{Time: time.Unix(0, 0), Labels: map[string]string{}}); err != nil && !errors.Is(err, errTooMuch) {
		return nil, fmt.Errorf("cannot use the template: %s", because(err))
	}
	return &Template{parsed}, nil
}

// because is an error of text/template without its own name for the text.
func because(err error) string { return strings.TrimPrefix(err.Error(), "template: ") }

// mostMade is the most that a template makes of an entry beyond what is in that, in bytes.
const mostMade = 64 << 10

var errTooMuch = errors.New("the template makes too much")

// bounded is what a template has made, up to a bound.
type bounded struct {
	made []byte
	most int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := max(b.most, mostMade) - len(b.made)
	b.made = append(b.made, p[:min(room, len(p))]...)
	if len(p) > room {
		return 0, errTooMuch
	}
	return len(p), nil
}

// templatePrinter prints entries through a template, a line feed after each.
type templatePrinter struct {
	template *Template
	zone     *time.Location
	groups   []*logs.Group
	out      bounded
}

func (p *templatePrinter) begin(groups []*logs.Group) { p.groups = groups }

func (p *templatePrinter) entry(b []byte, g, i int) []byte {
	group := p.groups[g]
	p.out.made, p.out.most = p.out.made[:0], mostMade+4*len(group.Line(i))
	err := p.template.parsed.Execute(&p.out, p.shown(group, i))
	b = append(b, p.out.made...)
	if err != nil {
		// The line is not lost for a template that cannot have it.
		b = append(append(b, "… <"...), safe(because(err))...)
		b = append(append(b, "> "...), indented(group.Line(i))...)
	}
	if len(b) > 0 && b[len(b)-1] == '\n' {
		return b
	}
	return append(b, '\n')
}

// shown is what the template sees of an entry.
func (p *templatePrinter) shown(g *logs.Group, i int) Shown {
	labels := make(map[string]string, len(g.Labels.Pairs)+len(g.Labels.Metadata))
	for name, value := range g.MetadataOf(i).All() {
		labels[safe(string(name))] = safe(string(value))
	}
	for _, pair := range g.Labels.Metadata {
		labels[pair.Name] = safe(pair.Value)
	}
	for _, pair := range g.Labels.Pairs {
		labels[pair.Name] = safe(pair.Value)
	}
	out := Shown{
		Time: time.Unix(0, g.Times[i]).In(p.zone), Container: safe(nameOf(g.Labels)), ID: labels["container_id"], Image: labels["image"],
		Service: labels["service_name"], Project: labels["compose_project"], Stream: g.Stream.String(), Line: indented(g.Line(i)), Labels: labels,
	}
	if out.Project == "" {
		out.Project = labels["swarm_stack"]
	}
	if l := levelOf(g, i); l != level.Unknown {
		out.Level = l.String()
	}
	return out
}

// indented is a harmless text whose further lines can be told from an entry of their own.
func indented(line []byte) string {
	var out []byte
	for n, part := range strings.Split(string(line), "\n") {
		if n > 0 {
			out = append(out, "\n    "...)
		}
		out = appendLine(out, []byte(part), false, nil)
	}
	return string(out)
}
