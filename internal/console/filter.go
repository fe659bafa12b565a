package console

import (
	"bytes"
	"regexp"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Filter chooses the entries that are shown. The zero value chooses all. Patterns look at
// an entry as it is shown without colours, all lines of it.
type Filter struct {
	// Include, when there are any, are patterns of which one must match.
	Include []*regexp.Regexp
	// Exclude are patterns of which none may match.
	Exclude []*regexp.Regexp
	// Least is the least level; Unknown for all. An entry whose level nobody can tell is
	// not shown where there is one.
	Least level.Level
}

// passes reports whether an entry is shown.
func (f *Filter) passes(g *logs.Group, i int) bool {
	if f.Least != level.Unknown && levelOf(g, i) < f.Least {
		return false
	}
	if len(f.Include)+len(f.Exclude) == 0 {
		return true
	}
	line := plainText(g.Line(i))
	return (len(f.Include) == 0 || matchesAny(f.Include, line)) && !matchesAny(f.Exclude, line)
}

// plainText is a line without colours.
func plainText(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	var out []byte
	for rest, more := line, true; more; {
		line, rest, more = bytes.Cut(rest, lineFeed)
		out, _ = appendVisible(out, line, false)
		if more {
			out = append(out, '\n')
		}
	}
	return out
}

func matchesAny(patterns []*regexp.Regexp, line []byte) bool {
	for _, p := range patterns {
		if p.Match(line) {
			return true
		}
	}
	return false
}

// levelNames are where a level is found that stages, or the container, have set.
var levelNames = []string{"detected_level", "level", "severity", "lvl"}

// levelOf returns the level of an entry: what metadata or a label says, or the line.
func levelOf(g *logs.Group, i int) level.Level {
	for _, name := range levelNames {
		for other, value := range g.MetadataOf(i).All() {
			if string(other) == name {
				if l := level.Parse(value); l != level.Unknown {
					return l
				}
			}
		}
		if value := g.Labels.Get(name); value != "" {
			if l := level.Parse([]byte(value)); l != level.Unknown {
				return l
			}
		}
	}
	return level.Detect(g.Line(i))
}
