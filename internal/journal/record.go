package journal

import (
	"bytes"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// What Docker's journald driver makes of the streams: syslog's priorities.
const (
	priorityError = '3'
	priorityInfo  = '6'
)

// kind is what a field means for a record.
type kind uint8

const (
	other kind = iota
	message
	stdout
	stderr
	partial
	partID
	ordinal
	senderUID
	senderProgram
	senderPID
	// wanted is a field that is asked for where the whole journal is read; its number is its
	// place.
	wanted
)

// field is what is kept of a field that many entries have, so that its data need
// not be read again for each of them.
type field struct {
	kind   kind
	number uint64
	value  string
}

// maxFields bounds the fields that are kept, of one file and container: there are
// some 25, and the container's labels.
const maxFields = 128

// kinds are the names of the fields that are looked at, with what follows them.
var kinds = []struct {
	prefix string
	kind   kind
}{
	{"MESSAGE=", message},
	{"PRIORITY=", stdout},
	{"CONTAINER_PARTIAL_MESSAGE=", partial},
	{"CONTAINER_PARTIAL_ID=", partID},
	{"CONTAINER_PARTIAL_ORDINAL=", ordinal},
	{"_UID=", senderUID},
	{"_COMM=", senderProgram},
	{"_PID=", senderPID},
}

// shortField is enough of the data to know what it is, and all of what matters of
// any field but the message: a part's ID has 64 digits.
const shortField = 128

// classify says what data means.
func classify(data []byte) field {
	for _, k := range kinds {
		value, ok := bytes.CutPrefix(data, []byte(k.prefix))
		if !ok {
			continue
		}
		switch k.kind {
		case stdout:
			return priority(value)
		case partial:
			if string(value) != "true" {
				return field{}
			}
		case partID:
			return field{kind: partID, number: xxhash.Sum64(value)}
		case ordinal:
			return field{kind: ordinal, number: number(value)}
		case senderUID:
			return user(value)
		case senderProgram, senderPID:
			return field{kind: k.kind, number: xxhash.Sum64(value)}
		}
		return field{kind: k.kind}
	}
	return field{}
}

func priority(value []byte) field {
	switch {
	case len(value) != 1:
	case value[0] == priorityInfo:
		return field{kind: stdout}
	case value[0] == priorityError:
		return field{kind: stderr}
	}
	return field{}
}

// user reads the number of a user; a text that is none is no user's.
func user(digits []byte) field {
	uid, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil {
		return field{}
	}
	return field{kind: senderUID, number: uid}
}

// number reads digits; 0 for what is no number of a part.
func number(digits []byte) (n uint64) {
	const longest = 9
	if len(digits) > longest {
		return 0
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0
		}
		n = 10*n + uint64(d-'0')
	}
	return n
}

// Scratch is the memory that entries are read into. One serves any number of logs,
// one after another.
type Scratch struct {
	cache  journalfile.Cache
	fields []uint64
	// text holds the texts of the records since the last Seal.
	text []byte
}

// NewScratch makes one.
func NewScratch() *Scratch { return new(Scratch) }

// keepText is the largest memory for texts that is kept, in bytes.
const keepText = 512 << 10

func (s *Scratch) reset() {
	s.cache.Reset()
	s.renew()
}

// renew forgets the texts.
func (s *Scratch) renew() {
	if s.text = s.text[:0]; cap(s.text) > keepText {
		s.text = nil
	}
}

// verdict is what an entry is to a container's log.
type verdict uint8

const (
	// ours is a record of the container.
	ours verdict = iota
	// ignored is one that the container did not write, by its priority, or that has no text.
	ignored
	// forged is one that another program has sent.
	forged
)

// record makes a record of an entry. Its text is loaded last, when all else is in
// order: it may be long, and anybody may send entries that say they are a container's.
func (l *Log) record(s *Scratch, p *part, e journalfile.Entry) (r logs.Record, v verdict, err error) {
	if l.host != nil {
		return l.hostRecord(s, p, e)
	}
	if s.fields, err = p.file.Fields(&s.cache, e, s.fields[:0]); err != nil {
		return r, ignored, err
	}
	r.Time = int64(e.Realtime) * 1000 //nolint:gosec // as it comes: a time
	var from, more bool
	var text uint64 // the offset of the message
	var by sender
	for _, offset := range s.fields {
		f, err := p.field(s, offset)
		if err != nil {
			return r, ignored, err
		}
		switch f.kind {
		case message:
			text = offset
		case stdout, stderr:
			from = true
			r.Stream = logs.Stdout
			if f.kind == stderr {
				r.Stream = logs.Stderr
			}
		case partial:
			more = true
		case partID:
			r.Line = f.number
		case ordinal:
			r.Ordinal = int32(f.number) //nolint:gosec // nine digits
		case senderUID:
			by.uid, by.known = f.number, true
		case senderProgram:
			by.program = f.number
		case senderPID:
			by.process = f.number
		}
		if f.kind == senderUID && l.trust.excludes(by) {
			return r, forged, nil // the rest may be a thousand fields
		}
	}
	switch {
	case !l.trust.has(by):
		return r, forged, nil
	case !from || text == 0:
		return r, ignored, nil
	}
	if r.Text, err = p.text(s, text); err != nil {
		return r, ignored, err
	}
	if !more {
		s.text = append(s.text, '\n')
		r.Text = s.text[len(s.text)-len(r.Text)-1:]
	}
	return r, ours, nil
}

// text appends the text of a message to the scratch.
func (p *part) text(s *Scratch, offset uint64) ([]byte, error) {
	data, err := p.file.Payload(&s.cache, offset, journalfile.MaxPayload)
	if err != nil {
		return nil, err
	}
	text, ok := bytes.CutPrefix(data, []byte("MESSAGE="))
	if !ok { // the file has changed since its field was looked at
		return nil, journalfile.ErrCorrupt
	}
	start := len(s.text)
	s.text = append(s.text, text...)
	return s.text[start:], nil
}

// field says what the data at an offset means.
func (p *part) field(s *Scratch, offset uint64) (field, error) {
	if f, known := p.fields[offset]; known {
		return f, nil
	}
	data, err := p.file.Payload(&s.cache, offset, shortField)
	if err != nil {
		return field{}, err
	}
	f := classify(data)
	if f.kind == message || !p.file.Shared(&s.cache, offset) {
		return f, nil // each entry has its own
	}
	if len(p.fields) >= maxFields {
		clear(p.fields)
	}
	p.fields[offset] = f
	return f, nil
}
