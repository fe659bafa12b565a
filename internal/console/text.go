package console

import (
	"bytes"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	reset = "\x1b[0m"
	red   = "\x1b[1;31m"
	faint = "\x1b[2m"
)

// TimeStyle is what of an entry's time Text shows.
type TimeStyle uint8

// The styles.
const (
	// NoTime shows none.
	NoTime TimeStyle = iota
	// ShortTime is the time of day, to the millisecond.
	ShortTime
	// DateTime is date and time of day, without the date on a narrow terminal.
	DateTime
	// LongTime is RFC 3339, to the nanosecond.
	LongTime
)

// layout is how a time is written.
func (s TimeStyle) layout(columns int) string {
	switch {
	case s == LongTime:
		return timeLayout
	case s == DateTime && (columns == 0 || columns >= narrow):
		return "2006-01-02 15:04:05.000"
	}
	return "15:04:05.000"
}

// textPrinter prints entries for people, as `docker compose logs` does: a column of names,
// each in its own colour, and the line. An exclamation mark before the bar tells stderr, and
// a colon in place of the bar that a line belongs to the entry above.
type textPrinter struct {
	color bool
	times TimeStyle
	zone  *time.Location
	fold  bool
	mark  *marker
	// columns returns the width of the terminal, 0 where there is none.
	columns func() int

	names  names
	layout string
	groups []*logs.Group
	// prefixes are what stands before the first line of an entry, by group, and further
	// what stands before the others.
	prefixes, further [][]byte
}

func (p *textPrinter) begin(groups []*logs.Group) {
	columns := p.columns()
	p.groups, p.layout = groups, p.times.layout(columns)
	shown, most := make([]string, len(groups)), columnOf(columns)
	for i, g := range groups {
		shown[i] = safe(nameOf(g.Labels))
		p.names.see(shown[i])
	}
	width := p.names.longest
	if most > 0 {
		width = min(width, most)
	}
	p.prefixes, p.further = p.prefixes[:0], p.further[:0]
	for i, g := range groups {
		p.prefixes = append(p.prefixes, p.prefix(shown[i], width, most, g.Stream, '|'))
		p.further = append(p.further, p.prefix(shown[i], width, most, g.Stream, ':'))
	}
}

func (p *textPrinter) entry(b []byte, g, i int) []byte {
	at, prefix := p.groups[g].Times[i], p.prefixes[g]
	first, rest, more := bytes.Cut(p.groups[g].Line(i), lineFeed)
	if more && p.fold {
		b = p.line(b, at, prefix, first)
		return p.folded(b[:len(b)-1], 1+bytes.Count(rest, lineFeed))
	}
	b = p.line(b, at, prefix, first)
	for more {
		first, rest, more = bytes.Cut(rest, lineFeed)
		b = p.line(b, at, p.further[g], first)
	}
	return b
}

var lineFeed = []byte("\n")

// folded says how many lines of an entry are not shown.
func (p *textPrinter) folded(b []byte, lines int) []byte {
	if p.color {
		b = append(b, faint...)
	}
	b = fmt.Appendf(b, " (+%d lines)", lines)
	if p.color {
		b = append(b, reset...)
	}
	return append(b, '\n')
}

// line appends one line of an entry.
func (p *textPrinter) line(b []byte, at int64, prefix, line []byte) []byte {
	if p.times != NoTime {
		b = p.time(b, at)
	}
	b = append(b, prefix...)
	return append(appendLine(b, line, p.color, p.mark), '\n')
}

// appendLine appends a line so that it is harmless, with what is looked for marked.
func appendLine(b, line []byte, color bool, mark *marker) []byte {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if marked, found := mark.append(b, line); found {
		return marked
	}
	b, colored := appendVisible(b, line, color)
	if colored {
		b = append(b, reset...)
	}
	return b
}

// time appends when an entry was written.
func (p *textPrinter) time(b []byte, nano int64) []byte {
	if p.color {
		b = append(b, faint...)
	}
	b = append(time.Unix(0, nano).In(p.zone).AppendFormat(b, p.layout), ' ')
	if p.color {
		b = append(b, reset...)
	}
	return b
}

// prefix returns what stands before the lines of a group.
func (p *textPrinter) prefix(name string, width, most int, stream logs.Stream, bar byte) []byte {
	var b []byte
	if p.color {
		b = append(b, p.names.color(name)...)
	}
	b = pad(b, fit(name, most), width)
	switch {
	case stream == logs.Stdout:
		b = append(b, ' ', ' ', bar, ' ')
	case p.color:
		b = append(append(b, red...), ' ', '!', bar, ' ')
	default:
		b = append(b, ' ', '!', bar, ' ')
	}
	if p.color {
		b = append(b, reset...)
	}
	return b
}

// safe returns a text that can do nothing to a terminal.
func safe(text string) string {
	visible, _ := appendVisible(nil, []byte(text), false)
	return string(visible)
}

// nameOf returns the name of a container, or what is nearest to it when the
// configuration has removed that label; the path of a file of the host.
func nameOf(l *logs.Labels) string {
	for _, label := range []string{containerLabel, "service_name", "compose_service", "filename"} {
		if v := l.Get(label); v != "" {
			return v
		}
	}
	if name := l.Container(); name != "" {
		return name
	}
	return "-"
}
