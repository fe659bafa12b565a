package stage

import (
	"maps"

	"github.com/lighterman/lighterman/internal/logs"
)

// labels returns the label set of an entry: that of the container with the changes. Equal
// sets are one pointer, by which entries are gathered to batches.
func (r *Run) labels(e *Entry) *logs.Labels {
	r.key = r.key[:0]
	for i := range e.changes {
		c := &e.changes[i]
		if e.Labels.Get(c.Name) == c.Value {
			continue
		}
		r.key = append(r.key, c.Name...)
		r.key = append(r.key, 0)
		r.key = append(r.key, c.Value...)
		r.key = append(r.key, 0)
	}
	if len(r.key) == 0 {
		return e.Labels
	}
	if set, ok := r.sets[string(r.key)]; ok {
		return set
	}
	if len(r.sets) >= maxSets {
		clear(r.sets)
	}
	pairs := pairsOf(e.Labels.Pairs)
	maps.Copy(pairs, pairsOf(e.changes))
	metadata := pairsOf(e.Labels.Metadata)
	if fit := r.pipeline.fit; fit != nil {
		fit(pairs, metadata, e.Labels.Whole)
	}
	set := logs.NewLabels(pairs, metadata)
	set.Whole = e.Labels.Whole
	r.sets[string(r.key)] = set
	return set
}

func pairsOf(list []logs.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}
