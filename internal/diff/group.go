package diff

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sharded is a label that Loki itself gives to the parts of a busy stream.
const sharded = "__stream_shard__"

// stream is one of one side.
type stream struct {
	side   Side
	labels map[string]string
	// key is its labels without those that are ignored.
	key string
}

// grouping puts streams together. It is a forest: each stream names another one of its group,
// the first one itself.
type grouping struct {
	streams []stream
	parent  []int
	// sides are those that the group of a first stream has.
	sides   [][2]bool
	ignored []string
}

func newGrouping(left, right []map[string]string, ignored []string) *grouping {
	g := &grouping{ignored: append(slices.Clone(ignored), sharded)}
	for side, all := range [][]map[string]string{left, right} {
		for _, labels := range all {
			g.streams = append(g.streams, stream{Side(side), labels, keyOf(labels, g.ignored)})
			g.parent = append(g.parent, len(g.parent))
			g.sides = append(g.sides, [2]bool{Left: Side(side) == Left, Right: Side(side) == Right})
		}
	}
	first := make(map[string]int)
	for i, s := range g.streams {
		if j, there := first[s.key]; there {
			g.join(i, j)
		} else {
			first[s.key] = i
		}
	}
	return g
}

// keyOf writes labels, without some, so that equal ones are equal texts.
func keyOf(labels map[string]string, without []string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains(without, name) {
			b.WriteString(name + "=" + strconv.Quote(labels[name]) + ",")
		}
	}
	return b.String()
}

func (g *grouping) root(i int) int {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]]
		i = g.parent[i]
	}
	return i
}

func (g *grouping) join(i, j int) {
	i, j = g.root(i), g.root(j)
	g.parent[max(i, j)] = min(i, j)
	a, b := g.sides[i], g.sides[j]
	g.sides[min(i, j)] = [2]bool{a[Left] || b[Left], a[Right] || b[Right]}
}

// groups returns the streams that belong together, in the order of their labels.
func (g *grouping) groups() (all [][]stream) {
	at := make(map[int]int)
	for i, s := range g.streams {
		r := g.root(i)
		if _, there := at[r]; !there {
			at[r] = len(all)
			all = append(all, nil)
		}
		all[at[r]] = append(all[at[r]], s)
	}
	slices.SortStableFunc(all, func(a, b []stream) int { return strings.Compare(a[0].key, b[0].key) })
	return all
}

// alone reports whether a stream's group has none of the other side.
func (g *grouping) alone(i int) bool { return g.sides[g.root(i)] != [2]bool{true, true} }

// allAlone returns all streams that are.
func (g *grouping) allAlone() (all []int) {
	for i := range g.streams {
		if g.alone(i) {
			all = append(all, i)
		}
	}
	return all
}

// find returns a stream of a side with just these labels, or -1.
func (g *grouping) find(side Side, labels map[string]string) int {
	return slices.IndexFunc(g.streams, func(s stream) bool { return s.side == side && maps.Equal(s.labels, labels) })
}

// LabelDifference is a label that streams which belong together do not have alike.
type LabelDifference struct {
	Name string `json:"name"`
	// Left and Right are its values on each side, of which "" stands for no such label.
	Left  []string `json:"left"`
	Right []string `json:"right"`
}

// differences compares the labels of a group's streams.
func differences(all []stream, ignored []string) (out []LabelDifference) {
	values := make(map[string][2][]string)
	for _, s := range all {
		for name := range s.labels {
			if !slices.Contains(ignored, name) {
				values[name] = [2][]string{}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var of [2][]string
		for _, s := range all {
			if v := s.labels[name]; !slices.Contains(of[s.side], v) {
				of[s.side] = append(of[s.side], v)
			}
		}
		slices.Sort(of[Left])
		slices.Sort(of[Right])
		if len(of[Left]) > 0 && len(of[Right]) > 0 && !slices.Equal(of[Left], of[Right]) {
			out = append(out, LabelDifference{name, of[Left], of[Right]})
		}
	}
	return out
}

// common are the labels that all streams of a group have alike.
func common(all []stream) map[string]string {
	out := maps.Clone(all[0].labels)
	for _, s := range all[1:] {
		maps.DeleteFunc(out, func(name, value string) bool { return s.labels[name] != value })
	}
	return out
}
