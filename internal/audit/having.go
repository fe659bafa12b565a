package audit

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// Having tells which entries Loki has already. Unlike Audit it looks at all labels: Loki
// stores an entry once only in one stream.
type Having struct {
	Source Source
	// Naming is as for Config.
	Naming []string
	// Ignored are labels that make no difference.
	Ignored []string
}

// Of reports of each entry whether Loki has it. Only a page of Loki's is held at a time,
// whatever Loki has of their time.
func (h *Having) Of(ctx context.Context, all []Stored) ([]bool, error) {
	has := make([]bool, len(all))
	asked := make(map[question][]int)
	places := make(map[place][]int, len(all))
	selectors := make(map[selected]string)
	for i := range all {
		e := &all[i]
		labels := selected{e.Labels.Of(e.Stream), e.Stream}
		selector, known := selectors[labels]
		if !known {
			selector = Selector(h.counting(labels.labels), e.Stream, h.Naming)
			selectors[labels] = selector
		}
		q := question{e.Tenant, selector}
		asked[q] = append(asked[q], i)
		at := place{e.Tenant, e.Time, xxhash.Sum64(e.Text)}
		places[at] = append(places[at], i)
	}
	for q, of := range asked {
		for _, part := range stretches(all, of) {
			query := lokiquery.Query{Selector: q.selector, From: part[0], To: part[1]}
			for e, err := range h.Source(ctx, q.tenant, query) {
				if err != nil {
					return nil, err
				}
				for _, i := range places[place{q.tenant, e.Time, xxhash.Sum64String(e.Line)}] {
					has[i] = has[i] || h.alike(all[i].Labels, all[i].Stream, e.Labels)
				}
			}
		}
	}
	return has, nil
}

// question is whom is asked for what.
type question struct{ tenant, selector string }

// selected are labels of which a selector was made.
type selected struct {
	labels *logs.Labels
	stream logs.Stream
}

// place is where an entry is, whatever its labels.
type place struct {
	tenant string
	time   int64
	hash   uint64
}

// stretches are the times of some entries, from one to before another: a few, without what lies
// between entries that are far from each other, as a stage may move one by days.
func stretches(all []Stored, of []int) (out [][2]int64) {
	times := make([]int64, len(of))
	for i, n := range of {
		times[i] = all[n].Time
	}
	slices.Sort(times)
	const most = 4
	far := (times[len(times)-1]-times[0])/most + 1
	begin := times[0]
	for i, at := range times {
		if i+1 == len(times) || times[i+1]-at >= far {
			// Nobody has entries at the end of time, where there is no next one.
			out = append(out, [2]int64{begin, min(at, math.MaxInt64-1) + 1})
			if i+1 < len(times) {
				begin = times[i+1]
			}
		}
	}
	return out
}

// counting returns labels without those that make no difference.
func (h *Having) counting(l *logs.Labels) *logs.Labels {
	if !slices.ContainsFunc(l.Pairs, func(p logs.Label) bool { return slices.Contains(h.Ignored, p.Name) }) {
		return l
	}
	return &logs.Labels{Whole: l.Whole, Pairs: slices.DeleteFunc(slices.Clone(l.Pairs), func(p logs.Label) bool { return slices.Contains(h.Ignored, p.Name) })}
}

// alike reports whether labels of Loki's are those of an entry, be it with some that Loki has
// added.
func (h *Having) alike(l *logs.Labels, s logs.Stream, found map[string]string) bool {
	l = h.counting(l.Of(s))
	n := 0
	for name, value := range found {
		if slices.Contains(h.Ignored, name) {
			continue
		}
		own := strings.ToValidUTF8(l.Value(name, s), "\ufffd")
		switch {
		case own == value:
			n++
		case own == "" && (name == "service_name" || strings.HasPrefix(name, "__")): // Loki's own
		default:
			return false
		}
	}
	return n == l.Len()
}
