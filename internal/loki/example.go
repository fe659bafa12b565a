package loki

import (
	"slices"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// example returns the timestamp of an entry of the groups that a verdict speaks of:
// the one that it names, as exactly as it does, else the oldest. It is 0 when there
// is none.
func example(v *verdict, groups []*logs.Group) int64 {
	if v.ingester != nil {
		if at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", v.at); err == nil {
			return at.UnixNano()
		}
	}
	if at, err := time.Parse(time.RFC3339, v.at); err == nil {
		second := at.UnixNano() // of the distributor, in whole seconds
		return first(groups, second, func(g *logs.Group, i int) bool {
			return g.Times[i] >= second && g.Times[i]-second < int64(time.Second)
		})
	}
	oldest := int64(0)
	for _, g := range groups {
		if t := slices.Min(g.Times); oldest == 0 || t < oldest {
			oldest = t
		}
	}
	if length, err := strconv.Atoi(v.length); err == nil {
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
