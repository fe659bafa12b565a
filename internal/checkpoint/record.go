package checkpoint

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// Record is what is kept of one container.
type Record struct {
	ID       string
	Position logs.Position
	// Labels is the label timeline, oldest first. Lines that are sent again
	// after a restart must carry the labels of the first time, even after a
	// rename: only then does Loki recognise them.
	Labels []LabelsSince
	// Spans are those of a file of the host that may be needed to go on from Position.
	Spans []logs.Span
}

// LabelsSince is one element of a label timeline: entries with a timestamp of
// From (Unix nanoseconds) or later carry Labels, until the next element.
type LabelsSince struct {
	From   int64        `json:"from"`
	Labels *logs.Labels `json:"labels"`
}

// record is the store's own form of a Record.
type record struct {
	position logs.Position
	labels   []LabelsSince
	// text is the JSON of the labels, which hardly ever change; nil for none.
	text []byte
	// unlogged means that the next frame has it, and whole that it has more than the position.
	unlogged, whole bool
	// spans are in the order of their numbers.
	spans []logs.Span
}

func (r *record) setLabels(timeline []LabelsSince) {
	r.whole = true
	r.labels = slices.DeleteFunc(slices.Clone(timeline), func(l LabelsSince) bool { return l.Labels == nil })
	if len(r.labels) == 0 {
		r.labels, r.text = nil, nil
		return
	}
	text, err := json.Marshal(r.labels)
	if err != nil { // for numbers and strings there is none
		panic(fmt.Sprintf("checkpoint: cannot encode labels: %v", err))
	}
	r.text = text
}

// setPosition copies p into memory of the record: nothing is allocated once
// the slices of hashes have their size, and the caller keeps its own.
func (r *record) setPosition(p logs.Position) {
	for s := range p.Newest {
		p.Newest[s] = copyHighWater(p.Newest[s], r.position.Newest[s])
		p.Stages[s] = append(r.position.Stages[s][:0], p.Stages[s]...)
	}
	r.position = p
	r.dropSpans()
}

// copyHighWater copies m into the memory of into.
func copyHighWater(m, into logs.HighWaterMark) logs.HighWaterMark {
	m.Hashes = append(into.Hashes[:0], m.Hashes...)
	m.Counts = append(into.Counts[:0], m.Counts...)
	m.Sent = append(into.Sent[:0], m.Sent...)
	m.Ahead = append(into.Ahead[:0], m.Ahead...)
	return m
}

// export returns a copy that shares nothing with the store but the immutable
// label sets.
func (r *record) export(id string) Record {
	p := r.position
	for s := range p.Newest {
		p.Newest[s] = copyHighWater(p.Newest[s], logs.HighWaterMark{})
		p.Stages[s] = append([]byte(nil), p.Stages[s]...)
	}
	return Record{ID: id, Position: p, Labels: slices.Clone(r.labels), Spans: slices.Clone(r.spans)}
}

// append appends the record, or only its position, as a change. It uses scratch.
func (r *record) append(b []byte, id string, whole bool, scratch *coder) []byte {
	scratch.b = scratch.b[:0]
	scratch.position(&r.position)
	kind := byte(changePosition)
	if whole {
		kind = changeRecord
	}
	b = appendBlock(appendBlock(append(b, kind), []byte(id)), scratch.b)
	if whole {
		b = appendBlock(b, r.text)
	}
	if whole && len(r.spans) > 0 {
		b = appendSpans(b, id, r.spans, scratch)
	}
	return b
}

// read reads what append has written after the ID.
func (r *record) read(in *coder, whole bool) error {
	at, text := coder{b: in.block(), reading: true}, []byte(nil)
	var p logs.Position
	at.position(&p)
	if whole {
		text = in.block()
	}
	if in.bad || at.bad {
		return errForm
	}
	r.position = p
	r.dropSpans()
	if len(text) == 0 {
		return nil
	}
	var timeline []LabelsSince
	if err := json.Unmarshal(text, &timeline); err != nil {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	r.setLabels(timeline)
	r.whole = false // that is in the file
	return nil
}
