package loki

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

var (
	// ignoredAt gives the timestamp of an entry that an ingester refused.
	ignoredAt = regexp.MustCompile(`^entry with timestamp (\S+ \S+ \S+ \S+) ignored`)
	// refusedAt gives that of entries the distributor refused, in whole seconds.
	refusedAt = regexp.MustCompile(`has timestamp too (?:old|new): ([^\s,]+)`)
	// refusedLength gives the length of a line that is too long.
	refusedLength = regexp.MustCompile(`while adding an entry with length '(\d+)' bytes`)
)

// example returns the timestamp of an entry of the groups that an error speaks of:
// the one that it names, as exactly as it does, else the oldest. It is 0 when there
// is none.
func example(text string, groups []*logs.Group) int64 {
	if m := ignoredAt.FindStringSubmatch(text); m != nil {
		if at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", m[1]); err == nil {
			return at.UnixNano()
		}
	}
	if m := refusedAt.FindStringSubmatch(text); m != nil {
		if at, err := time.Parse(time.RFC3339, m[1]); err == nil {
			second := at.UnixNano()
			return first(groups, second, func(g *logs.Group, i int) bool {
				return g.Times[i] >= second && g.Times[i]-second < int64(time.Second)
			})
		}
	}
	oldest := int64(0)
	for _, g := range groups {
		if t := slices.Min(g.Times); oldest == 0 || t < oldest {
			oldest = t
		}
	}
	if m := refusedLength.FindStringSubmatch(text); m != nil {
		length, _ := strconv.Atoi(m[1]) // digits, by the expression
		return first(groups, oldest, func(g *logs.Group, i int) bool { return len(g.Line(i)) == length })
	}
	return oldest
}

// first returns the timestamp of the first entry that fits, or otherwise.
func first(groups []*logs.Group, otherwise int64, fits func(g *logs.Group, i int) bool) int64 {
	for _, g := range groups {
		for i := range g.Len() {
			if fits(g, i) {
				return g.Times[i]
			}
		}
	}
	return otherwise
}
