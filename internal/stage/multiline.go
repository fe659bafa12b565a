package stage

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
)

// Group says which lines of a stream make one entry. Lines are joined by whoever reads
// them, before all stages: there position, rotation and a second reading are right for
// joined lines too.
type Group struct {
	// Begins reports whether a line begins an entry. It gets what it has returned for the
	// line before it in the same entry, 0 for the first line of one.
	Begins func(state uint8, line []byte) (next uint8, begins bool)
	// Wait is the longest time between two lines of an entry, in nanoseconds.
	Wait int64
	// Lines is how many lines an entry has at most.
	Lines int
}

// multiline is the stage that joins lines, also that of a parser. It never runs: lift
// makes a grouping of it.
type multiline struct {
	group Group
	// at and path are its place in the configuration.
	at   *yaml.Node
	path string
	// parser: there is more to it, which goes on without joining. owner: it is what the
	// container's owner asks for.
	parser, owner bool
}

const (
	// linesDefault and waitDefault are Promtail's.
	linesDefault = 128
	waitDefault  = 3 * time.Second
)

func newMultiline(b *builder, f *fields) step {
	f.read("firstline", "max_lines", "max_wait_time")
	expr := f.expression("firstline")
	return f.multiline(linesDefault, func(state uint8, line []byte) (uint8, bool) {
		switch {
		case expr.MatchBytes(line):
			return led, true
		case state == 0:
			return alone, false
		}
		return state, state == alone
	})
}

// What multiline says of an entry: it is led by a line that is a first one, or is a line alone.
// Of a container that writes no first lines every line is an entry.
const (
	led uint8 = iota + 1
	alone
)

// multiline makes the stage of the fields max_lines and max_wait_time.
func (f *fields) multiline(lines int, begins func(uint8, []byte) (uint8, bool)) *multiline {
	return &multiline{at: f.node, path: f.path, group: Group{
		Begins: begins,
		Wait:   int64(f.duration("max_wait_time", waitDefault)),
		Lines:  f.integer("max_lines", lines, 1<<20),
	}}
}

func (m *multiline) run(_ *Run, _ *Entry, n *node) *node { return n.next }

// grouping is what joins lines, and the matches that it stood in.
type grouping struct {
	conditions []*match
	*multiline
}

// Group returns which lines of a stream make one entry, or nil where each is one: by the
// first that joins lines and stands in no match, or only in those that the labels answer
// with yes.
func (r *Run) Group(s logs.Stream) *Group {
	if g := r.grouping(s); g != nil {
		return &g.group
	}
	return nil
}

func (r *Run) grouping(s logs.Stream) *grouping {
groupings:
	for i := range r.pipeline.groupings {
		g := &r.pipeline.groupings[i]
		for _, m := range g.conditions {
			if r.bound.decided[m.id][s] != yes {
				continue groupings
			}
		}
		return g
	}
	return nil
}
