package console

import (
	"strings"
	"unicode/utf8"
)

// palette has no red, which marks stderr. Neighbours differ most, as they are given in turn.
var palette = []string{
	"\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m",
	"\x1b[96m", "\x1b[93m", "\x1b[92m", "\x1b[95m", "\x1b[94m",
}

const (
	// widest is the most that the column of names is padded to.
	widest = 40
	// narrow is the width of a terminal below which there is less before a line.
	narrow = 80
	// mostNames bounds how many names a colour is remembered of.
	mostNames = 4096
)

// names gives the names of containers their colours, in turn, and a column of one width,
// which grows as longer ones come.
type names struct {
	colors map[string]string
	// longest is the width of the longest name by now, up to the widest column.
	longest int
}

// color returns the colour of a name: the next one for a name that is new.
func (n *names) color(name string) string {
	if c, known := n.colors[name]; known {
		return c
	}
	if n.colors == nil || len(n.colors) >= mostNames {
		n.colors = make(map[string]string)
	}
	c := palette[len(n.colors)%len(palette)]
	n.colors[name] = c
	return c
}

// see notes a name of the column.
func (n *names) see(name string) {
	n.longest = max(n.longest, min(utf8.RuneCountInString(name), widest))
}

// columnOf is how wide the column of names may be on a terminal of so many columns; 0 for
// no limit, where there is none.
func columnOf(columns int) int {
	switch {
	case columns <= 0:
		return 0
	case columns < narrow:
		return max(columns/5, 8)
	}
	return min(columns/4, widest)
}

// fit shortens a name to a width, 0 for any: in the middle, as what tells the containers
// of a project apart comes last.
func fit(name string, width int) string {
	if width == 0 || utf8.RuneCountInString(name) <= width {
		return name
	}
	runes := []rune(name)
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// pad fills a name up to a width.
func pad(b []byte, name string, width int) []byte {
	b = append(b, name...)
	return append(b, strings.Repeat(" ", max(0, width-utf8.RuneCountInString(name)))...)
}
