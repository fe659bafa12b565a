package rehearsal

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/console"
)

// Printer shows what becomes of lines.
type Printer interface {
	// Subject begins those of a container or a file, which was read in a way that about
	// says. Notes say what is not as it may be expected.
	Subject(s *Subject, about string, notes []string)
	Entry(e *Entry)
	// End shows the summary, and returns the first error of writing.
	End() error
}

// Text shows entries for people.
type Text struct {
	w       io.Writer
	color   bool
	summary summary
	err     error
}

// NewText makes a printer for people, with colours or without.
func NewText(w io.Writer, color bool) *Text { return &Text{w: w, color: color} }

// The colours of text: what was read is plain, what is left is green.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

func (t *Text) paint(color, text string) string {
	if !t.color {
		return text
	}
	return color + text + plain
}

func (t *Text) print(text string) {
	if t.err == nil {
		_, t.err = io.WriteString(t.w, text)
	}
}

// Subject implements Printer.
func (t *Text) Subject(s *Subject, about string, notes []string) {
	text := t.paint(bold, console.Escaped(s.Name)) + "  " + console.Escaped(about) + "\n"
	text += t.paint(faint, "  labels    ") + selector(pairsOf(s.Labels.Pairs)) + "\n"
	if len(s.Labels.Metadata) > 0 {
		text += t.paint(faint, "  metadata  ") + selector(pairsOf(s.Labels.Metadata)) + "\n"
	}
	for _, note := range notes {
		text += "  note: " + console.Escaped(note) + "\n"
	}
	t.print(text + "\n")
}

// Entry implements Printer.
func (t *Text) Entry(e *Entry) {
	t.summary.add(e)
	head := fmt.Sprintf("%s %s %s", stampOf(e.Before.Time), console.Escaped(e.Subject.Name), e.Stream)
	var b strings.Builder
	b.WriteString(t.paint(bold, head))
	if e.Lines > 1 {
		fmt.Fprintf(&b, "  %d lines joined by %s", e.Lines, e.JoinedBy)
	}
	b.WriteString("\n")
	t.line(&b, "  read      ", e.Before.Line, "")
	width := 0
	for i := range e.Steps {
		width = max(width, len(e.Steps[i].Stage))
	}
	before := &e.Before
	for i := range e.Steps {
		s := &e.Steps[i]
		last := !e.Sent() && i == len(e.Steps)-1
		what := changes(before, &s.After)
		switch {
		case last:
			what = append(what, "drops it")
		case s.Conditional && s.Matched:
			what = append([]string{"matches"}, what...)
		case s.Conditional:
			what = append([]string{"does not match"}, what...)
		}
		if s.Redacted > 0 {
			what = append(what, fmt.Sprintf("redacted %d", s.Redacted))
		}
		same := s.After.Line == before.Line
		switch {
		case !same:
			what = append(what, "another line")
		case len(what) == 0:
			what = []string{"no change"}
		}
		text := strings.Join(what, "; ")
		if text == "no change" || text == "does not match" {
			text = t.paint(faint, text)
		} else {
			text = t.paint(cyan, text)
		}
		fmt.Fprintf(&b, "  %s%s %s  %s\n", s.Stage, strings.Repeat(" ", width-len(s.Stage)), t.paint(faint, took(s.Took)), text)
		if !same {
			t.line(&b, "    line    ", s.After.Line, cyan)
		}
		before = &s.After
	}
	t.outcome(&b, e)
	t.print(b.String() + "\n")
}

// outcome shows what is sent, or why nothing is.
func (t *Text) outcome(b *strings.Builder, e *Entry) {
	if !e.Sent() {
		b.WriteString("  " + t.paint(red, "dropped") + "   by " + e.DroppedBy + ", counted as " + quoted(e.Rule) + "\n")
		return
	}
	line := e.After.Line
	if line == e.Before.Line {
		b.WriteString("  " + t.paint(green, "sent") + "      as read\n")
	} else {
		t.line(b, "  "+t.paint(green, "sent")+"      ", line, "")
	}
	if !maps.Equal(e.After.Labels, e.Before.Labels) {
		b.WriteString(t.paint(faint, "  labels    ") + selector(e.After.Labels) + "\n")
	}
	if !maps.Equal(e.After.Metadata, e.Before.Metadata) {
		b.WriteString(t.paint(faint, "  metadata  ") + selector(e.After.Metadata) + "\n")
	}
	if e.After.Tenant != "" {
		b.WriteString(t.paint(faint, "  tenant    ") + e.After.Tenant + "\n")
	}
	if e.Note != "" {
		b.WriteString("  note: " + e.Note + "\n")
	}
}

// mostOfLine bounds what is shown of a line, in letters.
const mostOfLine = 4000

// line writes the lines of an entry below each other.
func (t *Text) line(b *strings.Builder, lead, text, color string) {
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			lead = "            "
		}
		line = short(console.Escaped(line), mostOfLine)
		if color != "" {
			line = t.paint(color, line)
		}
		b.WriteString(lead + line + "\n")
	}
}

// End implements Printer.
func (t *Text) End() error {
	t.print(t.summary.text(t.paint))
	return t.err
}

func took(d time.Duration) string { return fmt.Sprintf("%7.1f µs", float64(d.Nanoseconds())/1e3) }
