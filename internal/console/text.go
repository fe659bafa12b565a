package console

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	reset = "\x1b[0m"
	red   = "\x1b[1;31m"
	faint = "\x1b[2m"
)

// palette has no red, which marks stderr.
var palette = []string{
	"\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m",
	"\x1b[96m", "\x1b[93m", "\x1b[92m", "\x1b[95m", "\x1b[94m",
}

// textPrinter prints entries for people, as `docker compose logs` does: a
// column of names that grows as longer ones come, each name in its own colour,
// and the line. An exclamation mark before the bar tells stderr.
type textPrinter struct {
	color    bool
	times    bool
	maxWidth int
	width    int

	groups   []*logs.Group
	prefixes [][]byte
}

func (p *textPrinter) begin(groups []*logs.Group) {
	p.groups = groups
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = p.shown(nameOf(g.Labels))
		p.width = max(p.width, utf8.RuneCountInString(names[i]))
	}
	p.prefixes = p.prefixes[:0]
	for i, g := range groups {
		p.prefixes = append(p.prefixes, p.prefix(names[i], g.Stream))
	}
}

func (p *textPrinter) entry(b []byte, g, i int) []byte {
	if p.times {
		b = p.time(b, p.groups[g].Times[i])
	}
	b = append(b, p.prefixes[g]...)
	line := bytes.TrimSuffix(p.groups[g].Line(i), []byte("\r"))
	b, colored := appendVisible(b, line, p.color)
	if colored {
		b = append(b, reset...)
	}
	return append(b, '\n')
}

// time appends when an entry was written, in the time of whoever looks at it.
func (p *textPrinter) time(b []byte, nano int64) []byte {
	if p.color {
		b = append(b, faint...)
	}
	b = time.Unix(0, nano).AppendFormat(b, "2006-01-02 15:04:05.000 ")
	if p.color {
		b = append(b, reset...)
	}
	return b
}

// prefix returns what stands before the lines of a group.
func (p *textPrinter) prefix(name string, stream logs.Stream) []byte {
	var b []byte
	if p.color {
		b = append(b, palette[xxhash.Sum64String(name)%uint64(len(palette))]...)
	}
	b = append(b, name...)
	b = append(b, bytes.Repeat([]byte(" "), p.width-utf8.RuneCountInString(name))...)
	switch {
	case stream == logs.Stdout:
		b = append(b, "  | "...)
	case p.color:
		b = append(b, red+" !| "...)
	default:
		b = append(b, " !| "...)
	}
	if p.color {
		b = append(b, reset...)
	}
	return b
}

// shown returns a name that is safe to print and fits into the column.
func (p *textPrinter) shown(name string) string {
	visible, _ := appendVisible(nil, []byte(name), false)
	runes := []rune(string(visible))
	if len(runes) <= p.maxWidth {
		return string(runes)
	}
	return string(runes[:p.maxWidth-1]) + "…"
}

// nameOf returns the name of a container, or what is nearest to it when the
// configuration has removed that label.
func nameOf(l *logs.Labels) string {
	for _, label := range []string{containerLabel, "service_name", "compose_service"} {
		if v := l.Get(label); v != "" {
			return v
		}
	}
	return "-"
}
