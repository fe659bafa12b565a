package checkpoint

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// Record is what is kept of one container.
type Record struct {
	ID       string        `json:"id"`
	Position logs.Position `json:"position"`
	// Labels is the label timeline, oldest first. Lines that are sent again
	// after a restart must carry the labels of the first time, even after a
	// rename: only then does Loki recognise them.
	Labels []LabelsSince `json:"labels,omitempty"`
}

// LabelsSince is one element of a label timeline: entries with a timestamp of
// From (Unix nanoseconds) or later carry Labels, until the next element.
type LabelsSince struct {
	From   int64        `json:"from"`
	Labels *logs.Labels `json:"labels"`
}

// record is the store's own form of a Record. The identity and the labels
// hardly ever change, so their JSON is kept: a save encodes positions only.
type record struct {
	position logs.Position
	labels   []LabelsSince
	// head is the line up to the position, tail what follows it.
	head, tail []byte
	// unlogged tells that the record is among the store's unlogged ones, and
	// relabelled that its labels are not in the log either.
	unlogged, relabelled bool
}

func newRecord(id string) *record {
	r := &record{head: fmt.Appendf(nil, `{"id":%s,"position":`, encode(id))}
	r.setLabels(nil)
	return r
}

func (r *record) setLabels(timeline []LabelsSince) {
	r.labels = slices.DeleteFunc(slices.Clone(timeline), func(l LabelsSince) bool { return l.Labels == nil })
	if len(r.labels) == 0 {
		r.tail = []byte("}\n")
		return
	}
	r.tail = fmt.Appendf(nil, ",\"labels\":%s}\n", encode(r.labels))
}

// setPosition copies p into memory of the record: nothing is allocated once
// the slices of hashes have their size, and the caller keeps its own.
func (r *record) setPosition(p logs.Position) {
	for s := range p.Newest {
		p.Newest[s] = copyMark(p.Newest[s], r.position.Newest[s])
	}
	r.position = p
}

// copyMark copies m into the memory of into.
func copyMark(m, into logs.Mark) logs.Mark {
	m.Hashes = append(into.Hashes[:0], m.Hashes...)
	m.Counts = append(into.Counts[:0], m.Counts...)
	m.Ahead = append(into.Ahead[:0], m.Ahead...)
	return m
}

// export returns a copy that shares nothing with the store but the immutable
// label sets.
func (r *record) export(id string) Record {
	p := r.position
	for s := range p.Newest {
		p.Newest[s] = copyMark(p.Newest[s], logs.Mark{})
	}
	return Record{ID: id, Position: p, Labels: slices.Clone(r.labels)}
}

// appendLine appends the line of the record as it stands in the file.
func (r *record) appendLine(b []byte) []byte {
	b = append(b, r.head...)
	b = append(b, encode(r.position)...)
	return append(b, r.tail...)
}

// encode returns the JSON of a value made of numbers and strings only, for
// which encoding/json has no error.
func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("checkpoint: cannot encode %T: %v", v, err))
	}
	return out
}
