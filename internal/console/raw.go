package console

import (
	"bytes"

	"github.com/lighterman/lighterman/internal/logs"
)

// rawPrinter prints lines alone, as they are: but not to a terminal, where they are made
// harmless.
type rawPrinter struct {
	terminal, color bool
	mark            *marker
	groups          []*logs.Group
}

func (p *rawPrinter) begin(groups []*logs.Group) { p.groups = groups }

func (p *rawPrinter) entry(b []byte, g, i int) []byte {
	rest := p.groups[g].Line(i)
	if !p.terminal {
		return append(append(b, rest...), '\n')
	}
	for more := true; more; {
		var line []byte
		line, rest, more = bytes.Cut(rest, lineFeed)
		b = append(appendLine(b, line, p.color, p.mark), '\n')
	}
	return b
}
