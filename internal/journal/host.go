package journal

import (
	"bytes"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// Selection says which entries of the whole journal are read, and what becomes of them.
type Selection struct {
	// Match are the fields that an entry has to have, each with one of its values.
	Match []Match
	// CurrentBoot leaves out what earlier boots have logged.
	CurrentBoot bool
	// Containers has the messages of containers be read, too.
	Containers bool
	// Fields are those that Label asks for, in its order.
	Fields []string
	// Label returns what an entry with these values of the fields has of its own, its labels
	// among it; an empty value stands for no such field. It returns nil for an entry that is
	// left out. It is asked once for the same values, as long as version stays the same.
	Label   func(values []string) *logs.Extra
	Version func() any
}

// Match is a field, and the values of which an entry has to have one.
type Match struct {
	Field  string
	Values []string
}

// containerField is what the engine's driver sets, and the others are what journald says of who
// has sent an entry.
const containerField, uidField, programField, processField = "CONTAINER_ID_FULL", "_UID", "_COMM", "_PID"

const (
	// maxHostFields bounds the fields that are kept of one file, where all of the journal is
	// read, and longKept the value of one: anybody may log.
	maxHostFields, longKept = 1024, 256
	// maxSets bounds the label sets that are kept, and maxSetBytes what they are made of.
	maxSets, maxSetBytes = 1024, 1 << 20
	// longField is how much of a field is loaded that is asked for.
	longField = logs.MaxLabelName + logs.MaxLabelValue
)

// host is the part of a Log that reads the whole journal.
type host struct {
	*Selection
	// names are the fields that matter; the first are those of Fields, then those of Match,
	// and then those that say whose an entry is.
	names []string
	// index has the place of each field in names.
	index map[string]int
	// values are those of the entry in hand.
	values []string
	// matched are, for each Match, whether the entry in hand has it: a field may come twice.
	matched []bool
	sets    map[string]*logs.Extra
	size    int // of the keys of sets, in bytes
	version any
	key     []byte
}

func newHost(s *Selection) *host {
	if s == nil {
		return nil
	}
	h := &host{Selection: s, index: make(map[string]int), sets: make(map[string]*logs.Extra)}
	add := func(name string) {
		if _, known := h.index[name]; !known {
			h.index[name] = len(h.names)
			h.names = append(h.names, name)
		}
	}
	for _, name := range s.Fields {
		add(name)
	}
	for _, m := range s.Match {
		add(m.Field)
	}
	for _, name := range []string{containerField, uidField, programField, processField} {
		add(name)
	}
	h.values, h.matched = make([]string, len(h.names)), make([]bool, len(s.Match))
	return h
}

// hostRecord makes a record of an entry of the whole journal.
func (l *Log) hostRecord(s *Scratch, p *part, e journalfile.Entry) (r logs.Record, v verdict, err error) {
	h := l.host
	if h.CurrentBoot && e.Boot != l.journal.config.Boot {
		return r, ignored, nil
	}
	if s.fields, err = p.file.Fields(&s.cache, e, s.fields[:0]); err != nil {
		return r, ignored, err
	}
	clear(h.values)
	clear(h.matched)
	var text uint64
	for _, offset := range s.fields {
		f, err := p.hostField(s, h, offset)
		switch {
		case err != nil:
			return r, ignored, err
		case f.kind == message:
			text = offset
		case f.kind == wanted:
			h.take(int(f.number), f.value) //nolint:gosec // an index
		}
	}
	if text == 0 || !h.chosen(&l.trust) {
		return r, ignored, nil
	}
	if r.Extra = h.extra(); r.Extra == nil {
		return r, ignored, nil
	}
	r.Time = int64(e.Realtime) * 1000 //nolint:gosec // as it comes: a time
	if r.Text, err = p.text(s, text); err != nil {
		return r, ignored, err
	}
	s.text = append(s.text, '\n')
	r.Text = s.text[len(s.text)-len(r.Text)-1:]
	return r, ours, nil
}

// take notes a field of the entry in hand. Of several the first counts.
func (h *host) take(index int, value string) {
	if h.values[index] == "" {
		h.values[index] = value
	}
	for i, m := range h.Match {
		if h.index[m.Field] != index {
			continue
		}
		for _, want := range m.Values {
			h.matched[i] = h.matched[i] || want == value
		}
	}
}

// chosen reports whether the entry in hand is to be read. What the engine has sent is read as
// a container's; what others say is one's is not, and so it is read here.
func (h *host) chosen(engine *trust) bool {
	if !h.Containers && h.values[h.index[containerField]] != "" {
		by := user([]byte(h.values[h.index[uidField]]))
		from := sender{uid: by.number, known: by.kind == senderUID, process: hashed(h.values[h.index[processField]]), program: hashed(h.values[h.index[programField]])}
		if engine.has(from) {
			return false
		}
	}
	for _, is := range h.matched {
		if !is {
			return false
		}
	}
	return true
}

// hashed is a text as sender has it; 0 for none.
func hashed(text string) uint64 {
	if text == "" {
		return 0
	}
	return xxhash.Sum64String(text)
}

// extra is what the entry in hand has of its own; nil where it is left out.
func (h *host) extra() *logs.Extra {
	if now := h.Version(); now != h.version {
		h.version = now
		clear(h.sets)
	}
	h.key = h.key[:0]
	values := h.values[:len(h.Fields)]
	for _, v := range values {
		h.key = append(append(h.key, v...), 0)
	}
	if set, known := h.sets[string(h.key)]; known {
		return set
	}
	if h.size += len(h.key); len(h.sets) >= maxSets || h.size > maxSetBytes {
		clear(h.sets)
		h.size = len(h.key)
	}
	set := h.Label(values)
	h.sets[string(h.key)] = set
	return set
}

// hostField says what the data at an offset means to whoever reads the whole journal.
func (p *part) hostField(s *Scratch, h *host, offset uint64) (field, error) {
	if f, known := p.fields[offset]; known {
		return f, nil
	}
	data, err := p.file.Payload(&s.cache, offset, shortField)
	if err != nil {
		return field{}, err
	}
	name, value, _ := bytes.Cut(data, []byte("="))
	var f field
	index, is := h.index[string(name)]
	switch {
	case string(name) == "MESSAGE":
		return field{kind: message}, nil // most entries have their own
	case is:
		if len(data) == shortField {
			if data, err = p.file.Payload(&s.cache, offset, longField); err != nil {
				return field{}, err
			}
			_, value, _ = bytes.Cut(data, []byte("="))
		}
		f = field{kind: wanted, number: uint64(index), value: strings.ToValidUTF8(string(value), "\uFFFD")} //nolint:gosec // an index
	}
	if len(f.value) > longKept || !p.file.Shared(&s.cache, offset) {
		return f, nil
	}
	if len(p.fields) >= maxHostFields {
		clear(p.fields)
	}
	p.fields[offset] = f
	return f, nil
}
