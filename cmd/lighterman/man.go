package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
)

const manUsage = `Usage: lighterman man [lighterman|lighterman-config]

Prints a manual page: lighterman(1), with commands and flags, or
lighterman-config(5), with all that a configuration may say. The packages install
them; without one, "lighterman man | man -l -" shows it.
`

// manPage is a manual page.
type manPage struct {
	name  string
	write func() string
}

func manTable() []manPage {
	return []manPage{{"lighterman", mainPage}, {"lighterman-config", configPage}}
}

func pageNames() (names []string) {
	for _, p := range manTable() {
		names = append(names, p.name)
	}
	return names
}

// manCommand prints a manual page.
func manCommand(_ context.Context, args, _ []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && slices.Contains([]string{"-h", "--help"}, args[0]) {
		return printed(stdout, stderr, manUsage)
	}
	for i, p := range manTable() {
		if len(args) == 0 && i == 0 || len(args) == 1 && args[0] == p.name {
			return printed(stdout, stderr, p.write())
		}
	}
	_, _ = fmt.Fprintln(stderr, "lighterman man takes one of "+strings.Join(pageNames(), ", "))
	return exitUsage
}

// roff writes a page in man(7)'s macros.
type roff struct {
	strings.Builder
	// headed says that a heading was written last, below which a paragraph begins by itself.
	headed bool
}

// newPage begins a page. It has no date: pages of the same release are the same bytes.
func newPage(name string, section int, about string) *roff {
	r := new(roff)
	fmt.Fprintf(r, ".TH %s %d \"\" %s \"lighterman\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), section, quoted("lighterman "+version()), name, roffText(about))
	return r
}

// roffSpecial are the characters that roff takes for its own.
var roffSpecial = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`)

// roffText is a text that begins no request.
func roffText(s string) string {
	s = roffSpecial.Replace(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

// quoted is an argument of a macro.
func quoted(s string) string { return `"` + strings.ReplaceAll(roffText(s), `"`, `\(dq`) + `"` }

func (r *roff) section(title string) { r.heading("SH", strings.ToUpper(title)) }

func (r *roff) group(title string) { r.heading("SS", title) }

func (r *roff) heading(macro, title string) {
	fmt.Fprintf(r, ".%s %s\n", macro, quoted(title))
	r.headed = true
}

func (r *roff) paragraph(text string) {
	if !r.headed {
		r.WriteString(".PP\n")
	}
	r.headed = false
	r.WriteString(roffText(text) + "\n")
}

// item is a term, in bold, with what stands for its value, and its text.
func (r *roff) item(term, value, text string) {
	if value != "" {
		value = ` \fI` + roffText(value) + `\fR`
	}
	r.headed = false
	fmt.Fprintf(r, ".TP\n\\fB%s\\fR%s\n%s\n", roffText(term), value, roffText(text))
}

// verbatim is an example, line by line.
func (r *roff) verbatim(text string) {
	r.headed = false
	r.WriteString(".PP\n.RS 4\n.nf\n")
	for line := range strings.Lines(text) {
		r.WriteString(roffText(strings.TrimSuffix(line, "\n")) + "\n")
	}
	r.WriteString(".fi\n.RE\n")
}

// unwrapped are the paragraphs of a usage text: what is set in is an example, and flags are
// left to ownOptions.
func (r *roff) unwrapped(usage string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(usage), "\n\n") {
		paragraph, flags := withoutFlags(paragraph)
		switch {
		case strings.HasPrefix(paragraph, "Usage: "), paragraph == "", flags:
		case strings.HasPrefix(paragraph, "  "):
			r.verbatim(regexp.MustCompile(`(?m)^  `).ReplaceAllString(paragraph, "") + "\n")
		default:
			r.paragraph(strings.ReplaceAll(paragraph, "\n", " "))
		}
	}
}

// withoutFlags takes the flags out of a paragraph, and reports whether there were some: what
// is left is their heading.
func withoutFlags(paragraph string) (left string, flags bool) {
	var kept []string
	for line := range strings.SplitSeq(paragraph, "\n") {
		switch {
		case ownFlag.MatchString(line):
			flags = true
		case flags && strings.HasPrefix(line, "        "):
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n"), flags
}

// mainPage is lighterman(1).
func mainPage() string {
	r := newPage("lighterman", 1, "carry the log of every container to Grafana Loki")
	r.section("synopsis")
	fmt.Fprintf(r, ".B lighterman\n.I command\n[\\fIflags\\fR]\n")
	r.section("description")
	r.unwrapped(strings.TrimSuffix(usageHead, "\n\nUsage:\n") + "\n" + usageFoot)
	r.section("commands")
	for _, c := range commands() {
		r.group(strings.TrimSpace("lighterman " + c.name + " " + c.takes))
		r.unwrapped(c.usage)
		for _, o := range ownOptions(c.usage) {
			r.item("--"+o.name, o.placeholder, o.help)
		}
	}
	r.section("flags")
	r.unwrapped(flagUsage)
	group := ""
	for _, d := range config.Describe() {
		if d.Group != group {
			group = d.Group
			r.group(group)
		}
		r.item("--"+d.Name, d.Placeholder, d.Help+" Default: "+d.Default+".")
	}
	r.section("signals")
	r.item("SIGTERM, SIGINT", "", "The first delivers what has been read, as long as shutdown-timeout allows, and ends. The second ends at once.")
	r.section("exit status")
	r.item("0", "", "It was asked to end, or has done what it was asked for.")
	r.item("1", "", "It cannot continue; the last message says why. For check: something cannot work. For health: not healthy.")
	r.item("2", "", "A flag, a variable or the configuration is wrong.")
	r.item("130", "", "It was asked to end a second time.")
	r.section("files")
	r.item("/etc/lighterman/config.yaml", "", "The configuration of the service that the packages install.")
	r.item("/var/lib/lighterman", "", "How far every log has been delivered.")
	r.section("see also")
	r.WriteString(".BR lighterman-config (5),\n.BR docker (1),\n.BR journald.conf (5)\n")
	return r.String()
}

// configPage is lighterman-config(5).
func configPage() string {
	r := newPage("lighterman-config", 5, "configuration of lighterman")
	r.section("description")
	r.paragraph("Every setting is a key of the file, which is YAML and named with --config, a flag of the command line, and an environment variable. Flags win over the environment, the environment over the file. A list is a flag several times, values with commas in the environment, and a list in the file. What is unknown, given twice or of the wrong kind is refused, with the place.")
	r.paragraph("\"lighterman check\" shows what is in effect and where it comes from, and tries it.")
	r.section("settings")
	group := ""
	for _, d := range config.Describe() {
		if d.Group != group {
			group = d.Group
			r.group(group)
		}
		kind := d.Word
		if d.Choices != nil {
			kind = strings.Join(d.Choices, ", ")
		}
		r.item(d.Name, kind, d.Help+" Default: "+d.Default+". Variable: "+d.Variable+".")
	}
	r.section("sections")
	r.paragraph("These are only in the file.")
	for _, s := range config.DescribeSections() {
		r.group(s.Name)
		r.paragraph(s.Help + " Default: " + s.Default + ".")
		r.verbatim(s.Example)
	}
	r.section("see also")
	r.WriteString(".BR lighterman (1)\n")
	return r.String()
}
