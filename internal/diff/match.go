package diff

import (
	"cmp"
	"context"
	"slices"

	"github.com/lighterman/lighterman/internal/lokiquery"
)

const (
	// samples is how many entries of a stream's beginning, and of its end, are looked for.
	samples = 4
	// enough is how many of them have to be found.
	enough = 3
	// neighbours bounds the entries of one nanosecond that are looked at.
	neighbours = 1000
)

// match looks for the streams that have no counterpart by their labels.
func (d *Diff) match(ctx context.Context, g *grouping) error {
	names := namesOf(g.streams)
	alone := g.allAlone()
	for n, i := range alone {
		d.report(Progress{Matching: true, Streams: len(alone), Done: n})
		s := g.streams[i]
		if !g.alone(i) {
			continue // another stream has been found to be of it
		}
		own, err := d.sample(ctx, s, names)
		if err != nil {
			return d.failed(s.side, err)
		}
		there, found := cover(g.streams, s.side.other()), 0
		if sel := d.Selectors[s.side.other()]; sel != "" {
			there = []string{sel}
		}
		for _, e := range own {
			at, err := d.holders(ctx, g, s, e, there)
			if err != nil {
				return d.failed(s.side.other(), err)
			}
			for _, j := range at {
				g.join(i, j)
			}
			if len(at) > 0 {
				found++
			}
			if found == enough {
				break
			}
		}
	}
	return nil
}

// sample returns some entries of a stream, of different times.
func (d *Diff) sample(ctx context.Context, s stream, names [2][]string) (out []lokiquery.Entry, err error) {
	for _, backward := range []bool{false, true} {
		got, err := d.Sources[s.side].Page(ctx, lokiquery.Query{
			Selector: lokiquery.Selector(s.labels, names[s.side]), From: d.From, To: d.To, Limit: samples, Backward: backward,
		})
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	slices.SortFunc(out, func(a, b lokiquery.Entry) int { return cmp.Compare(a.Time, b.Time) })
	return slices.CompactFunc(out, func(a, b lokiquery.Entry) bool { return a.Time == b.Time }), nil
}

// holders are the streams of the other side that have an entry of this time and text. Where
// there are several, containers may have written the same at the same time: those count whose
// labels are the most alike.
func (d *Diff) holders(ctx context.Context, g *grouping, s stream, e lokiquery.Entry, selectors []string) (best []int, err error) {
	side, most := s.side.other(), 0
	for _, selector := range selectors {
		got, err := d.Sources[side].Page(ctx, lokiquery.Query{Selector: selector, From: e.Time, To: e.Time + 1, Limit: neighbours})
		if err != nil {
			return nil, err
		}
		for _, other := range got {
			j := -1
			if other.Line == e.Line {
				j = g.find(side, other.Labels)
			}
			if j < 0 || slices.Contains(best, j) {
				continue
			}
			alike := 0
			for name, value := range s.labels {
				if other.Labels[name] == value {
					alike++
				}
			}
			switch {
			case len(best) == 0 || alike > most:
				best, most = append(best[:0], j), alike
			case alike == most:
				best = append(best, j)
			}
		}
	}
	return best, nil
}

// cover returns selectors that together find every stream of a side: Loki takes none that may
// match a stream without labels.
func cover(all []stream, side Side) (selectors []string) {
	left := slices.DeleteFunc(slices.Clone(all), func(s stream) bool { return s.side != side })
	for len(left) > 0 {
		count := make(map[string]int)
		most := ""
		for _, s := range left {
			for name := range s.labels {
				count[name]++
				if c := count[name]; most == "" || c > count[most] || c == count[most] && name < most {
					most = name
				}
			}
		}
		if most == "" {
			return selectors
		}
		selectors = append(selectors, "{"+most+`=~".+"}`)
		left = slices.DeleteFunc(left, func(s stream) bool { _, has := s.labels[most]; return has })
	}
	return selectors
}
