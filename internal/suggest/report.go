package suggest

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/document"
)

// Report is what was found on a host.
type Report struct {
	Since      time.Time
	Containers []*Container
	// LevelsFound says that the setting detect-level is on.
	LevelsFound bool
}

// yamlWriter writes lines of a configuration.
type yamlWriter struct {
	strings.Builder
	// mark stands before all lines: that of a comment.
	mark string
}

func (w *yamlWriter) line(indent int, text string) {
	if text != "" {
		text = w.mark + strings.Repeat(" ", indent) + text
	}
	w.WriteString(text + "\n")
}

// widest is where a comment is broken.
const widest = 110

// comment writes a text that may have anything in it.
func (w *yamlWriter) comment(indent int, text string) {
	line := ""
	for _, word := range strings.Fields(document.Visible(text)) {
		if line != "" && len(line)+len(word) > widest-indent {
			w.line(indent, "# "+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		w.line(indent, "# "+line)
	}
}

// block is what several containers have in common: the same stages.
type block struct{ of []*Container }

// Configuration writes what is proposed as YAML, with the figures as comments.
func (r *Report) Configuration(out io.Writer) error {
	var w yamlWriter
	w.comment(0, "Proposed by lighterman suggest, from what is stored of "+plural(int64(len(r.Containers)), "container", "containers")+
		" since "+r.Since.UTC().Format(time.RFC3339)+". Nothing was changed. See it work, then add it to your configuration:")
	w.line(0, "#   lighterman try --config THIS-FILE CONTAINER")
	w.levels(r)
	blocks := r.blocks()
	w.line(0, "")
	if !slices.ContainsFunc(blocks, func(b *block) bool { return b.of[0].sure() }) {
		w.line(0, "stages: []")
	} else {
		w.line(0, "stages:")
	}
	for _, b := range blocks {
		w.block(b)
	}
	w.docker(r)
	w.rest(r)
	_, err := io.WriteString(out, w.String())
	return err
}

// levels proposes the setting that finds levels, where it is off.
func (w *yamlWriter) levels(r *Report) {
	var missed, lines int64
	for _, c := range r.Containers {
		missed, lines = missed+c.Missed, lines+c.Lines
	}
	if r.LevelsFound || missed < leastLevels {
		return
	}
	w.line(0, "")
	w.comment(0, fmt.Sprintf("%s of all (%s) have a level that Loki does not find by itself, and detect-level is off.", plural(missed, "line", "lines"), percent(missed, lines)))
	w.line(0, "detect-level: true")
}

// stages are all that are proposed for a container, one a line; those in comments are marked.
func (c *Container) stages() string {
	var all strings.Builder
	for _, f := range c.Findings {
		for _, stage := range f.Stages {
			all.WriteString(map[bool]string{true: "# "}[f.Unsure] + stage + "\n")
		}
	}
	return all.String()
}

// sure reports whether a stage is proposed that is no comment.
func (c *Container) sure() bool {
	return slices.ContainsFunc(c.Findings, func(f Finding) bool { return len(f.Stages) > 0 && !f.Unsure })
}

// blocks are the proposals with stages, of containers that a label names.
func (r *Report) blocks() (out []*block) {
	by := make(map[string]*block)
	for _, c := range r.Containers {
		stages := c.stages()
		if stages == "" || c.Label == "" {
			continue
		}
		key := c.Label + "\n" + stages
		b := by[key]
		if b == nil {
			b = &block{}
			by[key] = b
			out = append(out, b)
		}
		b.of = append(b.of, c)
	}
	return out
}

// selector selects the lines of containers.
func selector(of []*Container) string {
	if len(of) == 1 {
		return "{" + of[0].Label + "=" + strconv.Quote(of[0].Value) + "}"
	}
	values := make([]string, 0, len(of))
	for _, c := range of {
		values = append(values, regexp.QuoteMeta(c.Value))
	}
	return "{" + of[0].Label + "=~" + strconv.Quote(strings.Join(values, "|")) + "}"
}

// block writes a match. One in which nothing is sure is a comment as a whole.
func (w *yamlWriter) block(b *block) {
	w.line(0, "")
	for _, c := range b.of {
		w.comment(2, c.sample())
	}
	off := func(bool) string { return "" }
	if !b.of[0].sure() {
		w.mark = "# "
	} else {
		off = func(unsure bool) string { return map[bool]string{true: "# "}[unsure] }
	}
	w.line(2, "- match:")
	w.line(6, "selector: "+text(selector(b.of)))
	w.line(6, "stages:")
	for _, f := range b.of[0].Findings {
		if len(f.Stages) == 0 {
			continue
		}
		for _, c := range b.of {
			w.figures(c, f, len(b.of) > 1)
		}
		for _, stage := range f.Stages {
			w.line(8, off(f.Unsure)+"- "+stage)
		}
	}
	w.mark = ""
}

// only says what an operator has to decide.
var only = map[Kind]string{
	Noise:   " Only you know whether they are of use: remove the # to drop them.",
	Secrets: " Only you know whether you need them: remove the # to take them out.",
}

// figures writes what was found of a container, for stages that others may have, too.
func (w *yamlWriter) figures(c *Container, like Finding, several bool) {
	for _, f := range c.Findings {
		if f.Kind != like.Kind || strings.Join(f.Stages, "\n") != strings.Join(like.Stages, "\n") {
			continue
		}
		said := f.Text + "."
		if several {
			said = c.Name + ": " + said
		}
		if f.Unsure {
			said += only[f.Kind]
		}
		w.comment(8, said)
		return
	}
}

// sample says what was looked at.
func (c *Container) sample() string {
	if c.Lines == 0 {
		return c.Name + ": no lines of this time"
	}
	stamp := func(nano int64) string { return time.Unix(0, nano).UTC().Format(time.RFC3339) }
	more := "all there is of this time"
	if !c.Whole {
		more = "the newest there is; older ones were not looked at"
	}
	return fmt.Sprintf("%s: %s, %s, from %s to %s, %s", c.Name, plural(c.Lines, "line", "lines"), size(c.Bytes), stamp(c.From), stamp(c.To), more)
}

// docker says what is to be set in Docker.
func (w *yamlWriter) docker(r *Report) {
	headed := false
	for _, c := range r.Containers {
		for _, f := range c.Findings {
			if len(f.Stages) > 0 {
				continue
			}
			if !headed {
				w.line(0, "")
				w.comment(0, "Log options of Docker, which are set where the container is made:")
				headed = true
			}
			w.comment(0, c.Name+": "+f.Text+".")
		}
	}
}

// rest says of which containers there is nothing in the stages, and why.
func (w *yamlWriter) rest(r *Report) {
	headed := false
	say := func(text string) {
		if !headed {
			w.line(0, "")
			headed = true
		}
		w.comment(0, text)
	}
	quiet, lines := 0, int64(0)
	for _, c := range r.Containers {
		switch {
		case c.Unread != "":
			say(c.Name + ": its log could not be looked at: " + c.Unread)
		case len(c.Findings) == 0:
			quiet++
			lines += c.Lines
		case c.Label == "" && c.stages() != "":
			say(c.Name + ": no label names it, so there is no rule for it alone")
		}
	}
	if quiet > 0 {
		say(fmt.Sprintf("%s, with %s, need nothing.", plural(int64(quiet), "container", "containers"), plural(lines, "line", "lines")))
	}
}
