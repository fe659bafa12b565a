package stage

import (
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Entry is one entry on its way through the stages: a line, or several that were joined.
// What comes in is what Docker stored: Time, that of the first line, Stream, Line and
// Labels. What Process makes of it is valid until the next call.
type Entry struct {
	// Time is in Unix nanoseconds: Docker's, until the stage timestamp moves it.
	Time   int64
	Stream logs.Stream
	// Line is the text without its line feed. Joined lines have line feeds between them.
	Line []byte
	// Labels are those of the container, and behind the stages those of the entry: the
	// same pointer for the same set, as long as few sets are in use.
	Labels *logs.Labels
	// Metadata is what stages add for this entry, sorted by name. It wins over
	// Labels.Metadata. Its values, too, are valid until the next call only.
	Metadata []logs.Label
	// Tenant is Loki's tenant where a stage has chosen one.
	Tenant string

	// docker is Docker's time, and raw the text as it was read: level looks at it when
	// stages have taken the level out of the line.
	docker int64
	raw    []byte
	level  level.Level
	// values are what stages have extracted, by the number of the name.
	values []value
	// changes are the labels that stages have set or removed, sorted by name; a removed
	// one has no value.
	changes []logs.Label
}

// kind says what is known of an extracted name.
type kind uint8

const (
	// unset: no stage has extracted it. The container's label of that name stands for it.
	unset kind = iota
	// text: it has a value.
	text
	// null: it was looked for and is not there, which Promtail counts as extracted.
	null
	// removed: a template has emptied it.
	removed
)

// value is what was extracted under a name.
type value struct {
	bytes []byte
	kind  kind
}

// slot is the number of an extracted name.
type slot int

// get returns an extracted value, or the label of the container with that name.
func (r *Run) get(e *Entry, s slot) ([]byte, bool) {
	switch v := &e.values[s]; v.kind {
	case text:
		return v.bytes, true
	case unset:
		if b := r.bound.initial[s]; b != nil {
			return b, true
		}
		if s == r.pipeline.streamSlot {
			return streamNames[e.Stream], true
		}
	}
	return nil, false
}

// has reports whether a name counts as extracted, with or without a value.
func (r *Run) has(e *Entry, s slot) bool {
	if e.values[s].kind == null {
		return true
	}
	_, ok := r.get(e, s)
	return ok
}

var streamNames = [logs.Streams][]byte{[]byte("stdout"), []byte("stderr")}

func (e *Entry) set(s slot, b []byte) { e.values[s] = value{b, text} }

// setMetadata sets structured metadata, sorted by name.
func (e *Entry) setMetadata(name, val string) { e.Metadata = setLabel(e.Metadata, name, val) }

// setLabel sets a label in a list sorted by name.
func setLabel(list []logs.Label, name, val string) []logs.Label {
	i := 0
	for i < len(list) && list[i].Name < name {
		i++
	}
	if i < len(list) && list[i].Name == name {
		list[i].Value = val
		return list
	}
	list = append(list, logs.Label{})
	copy(list[i+1:], list[i:])
	list[i] = logs.Label{Name: name, Value: val}
	return list
}

// getLabel returns a label of the entry as it is now.
func (e *Entry) getLabel(name string) string {
	for i := range e.changes {
		if e.changes[i].Name == name {
			return e.changes[i].Value
		}
	}
	if name == streamLabel {
		return e.Stream.String()
	}
	return e.Labels.Get(name)
}

// streamLabel is the label that the sink adds by itself.
const streamLabel = "stream"
