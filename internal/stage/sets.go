package stage

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// changed is a label set and the changes that make it of the container's.
type changed struct {
	changes []logs.Label
	set     *logs.Labels
}

// labels returns the label set of an entry: that of the container with the changes. Equal
// sets are one pointer, by which entries are gathered to batches. Most have one of the last
// few, as levels do: looking at these takes a third of what looking up takes.
func (r *Run) labels(e *Entry) *logs.Labels {
	for _, c := range r.recent {
		if c != nil && slices.Equal(c.changes, e.changes) {
			return c.set
		}
	}
	c := r.find(e)
	r.recent[r.oldest] = c
	r.oldest = (r.oldest + 1) % len(r.recent)
	return c.set
}

// find looks the label set of an entry up, or makes it.
func (r *Run) find(e *Entry) *changed {
	r.key = r.key[:0]
	for i := range e.changes {
		c := &e.changes[i]
		if e.Labels.Get(c.Name) == c.Value {
			continue
		}
		r.key = appendSized(appendSized(r.key, c.Name), c.Value)
	}
	if c, ok := r.sets[string(r.key)]; ok {
		return c
	}
	if len(r.sets) >= maxSets {
		clear(r.sets)
		clear(r.recent[:]) // or their sets would have second pointers
	}
	c := &changed{slices.Clone(e.changes), e.Labels}
	if len(r.key) > 0 {
		c.set = r.with(e)
	}
	r.sets[string(r.key)] = c
	return c
}

// appendSized appends a text behind its length: a value may hold any byte, so that none could
// separate it from what follows.
func appendSized(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

// with makes the label set of an entry.
func (r *Run) with(e *Entry) *logs.Labels {
	pairs := pairsOf(e.Labels.Pairs)
	maps.Copy(pairs, pairsOf(e.changes))
	metadata := pairsOf(e.Labels.Metadata)
	if fit := r.pipeline.fit; fit != nil {
		fit(pairs, metadata, e.Labels.Whole)
	}
	set := logs.NewLabels(pairs, metadata)
	set.Whole = e.Labels.Whole
	return set
}

func pairsOf(list []logs.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}
