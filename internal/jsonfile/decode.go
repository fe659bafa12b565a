package jsonfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stamp"
)

const (
	recordStart = `{"log":"`
	recordEnd   = `"}`
	timeField   = `,"time":"`
	attrsField  = `,"attrs":{`
	streamField = len(`,"stream":"stdout"`)
)

var (
	recordStartFind = []byte(recordStart)
	timeFieldFind   = []byte(timeField)
	attrsFieldFind  = []byte(attrsField)
	beforeAttrs     = []byte(attrsField[:len(attrsField)-1])
	lastTimeFind    = []byte(`},"time":"`)
	lineFeed        = []byte{'\n'}
)

var errNotRecord = errors.New("not a json-file record")

// Decoder turns lines into records. The zero value is ready; a Decoder is used
// by one goroutine at a time.
type Decoder struct {
	clock stamp.Parser
	// scratch is where a text with escapes is made, until it is known that the
	// line is a record.
	scratch []byte
	// ascii tells that the text found last is known to be all ASCII.
	ascii bool
	// attrs tells that a record had some: then all records of its container have.
	attrs bool
}

// Decode finds the first whole record in a line, which has no line feed, and takes it
// into r. It lies between start and end: that is nearly always the whole line. Behind the
// record there may be another one, where the line feed between them did not fit on a full
// disk; and before it what is left of one that was torn, or the zeros of a block that a
// power failure left unwritten. It works in place: the record's memory is overwritten and
// r.Text points into it. The error says why the line is no record, where it holds none.
func (d *Decoder) Decode(line []byte, r *logs.Record) (start, end int, err error) {
	// Several records without line feeds would need as much scratch as all of them.
	if (len(line) <= maxAlone || recordSize(line) == len(line)) && d.fast(line, r) {
		return 0, len(line), nil
	}
	if err = d.slow(line, r); err == nil {
		return 0, len(line), nil
	}
	if start, end, ok := d.Find(line, r); ok {
		return start, end, nil
	}
	return 0, 0, err
}

// maxAlone is the size in bytes up to which a line is thought to be one record before it is
// looked at: that of Docker's longest, without attrs.
const maxAlone = 128 << 10

// Find is Decode for records of the one shape that Docker writes, and for what is not all
// of a line. It takes time in proportion to what it passes over: no record holds the start
// of another, except that of attrs whose first key is "log", so what was looked at for one
// start ends about where the next one is.
func (d *Decoder) Find(s []byte, r *logs.Record) (start, end int, ok bool) {
	return d.FindUpTo(s, len(s), r)
}

// FindUpTo is Find for a record that ends at an offset of s at most. Of one that ends behind it
// nothing is overwritten: it lies between start and end, and ok is false.
func (d *Decoder) FindUpTo(s []byte, most int, r *logs.Record) (start, end int, ok bool) {
	for {
		at := bytes.Index(s[start:], recordStartFind)
		if at < 0 {
			return 0, 0, false
		}
		start += at
		n := recordSize(s[start:])
		switch {
		case n == 0 || d.inRecord(s, start, n):
		case start+n > most:
			return start, start + n, false
		case d.fast(s[start:start+n], r):
			return start, start + n, true
		}
		start++
	}
}

// inRecord tells that what looks like a record in s is the attrs of one, of which the
// beginning is gone, or the end. What follows attrs is a time; and where the record was torn
// behind them, they show by having none themselves.
func (d *Decoder) inRecord(s []byte, start, size int) bool {
	return bytes.HasPrefix(s[start+size:], timeFieldFind) ||
		d.attrs && bytes.HasSuffix(s[:start], beforeAttrs) && !bytes.Contains(s[start:start+size], attrsFieldFind)
}

// NoRecord returns how many bytes of s, which holds no whole record, cannot be the
// beginning of one either. There is at least one such byte.
func NoRecord(s []byte) int {
	if at := bytes.LastIndex(s[1:], recordStartFind); at >= 0 {
		return 1 + at
	}
	return max(1, len(s)-len(recordStart)+1)
}

// MayBegin tells whether s may begin with a record.
func MayBegin(s []byte) bool {
	return bytes.HasPrefix(s, recordStartFind[:min(len(s), len(recordStart))])
}

// MaybeAttrs is the number of bytes behind a record that tell it from attrs.
const MaybeAttrs = len(timeField)

// recordSize returns the size of the record that s begins with, if it begins with what
// may be one; otherwise 0.
func recordSize(s []byte) int {
	const beforeText = len(recordStart) - 1
	if len(s) < beforeText {
		return 0
	}
	rest, ok := afterString(s[beforeText:])
	if !ok {
		return 0
	}
	if _, ok = streamOf(rest); !ok {
		return 0
	}
	rest = rest[streamField:]
	if bytes.HasPrefix(rest, attrsFieldFind) {
		if rest, ok = afterAttrs(rest[len(attrsField)-1:]); !ok {
			return 0
		}
	}
	if !bytes.HasPrefix(rest, timeFieldFind) {
		return 0
	}
	if rest, ok = afterString(rest[len(timeField)-1:]); !ok || len(rest) == 0 || rest[0] != '}' {
		return 0
	}
	return len(s) - len(rest) + 1
}

// fast decodes the one shape that Docker writes. It reports false, with line
// unchanged, for anything else.
func (d *Decoder) fast(line []byte, r *logs.Record) bool {
	if len(line) < len(recordStart) || string(line[:len(recordStart)]) != recordStart {
		return false
	}
	body := line[len(recordStart):]
	kept, made, end, ok := d.text(body)
	if !ok {
		return false
	}
	rest := body[end+1:]
	stream, ok := streamOf(rest)
	if !ok {
		return false
	}
	rest = rest[streamField:]
	if len(rest) < len(attrsField) {
		return false
	}
	if string(rest[:len(attrsField)]) == attrsField {
		// The values are escaped, so the last match is the record's own time; unless
		// the record was torn within its attrs, and another follows.
		at := bytes.LastIndex(rest, lastTimeFind)
		if at < 0 || !isAttrs(rest[len(attrsField)-1:at+1]) {
			return false
		}
		rest, d.attrs = rest[at+1:], true
	}
	last := len(rest) - len(recordEnd)
	if last < len(timeField) || string(rest[:len(timeField)]) != timeField || string(rest[last:]) != recordEnd {
		return false
	}
	nano, ok := d.clock.Parse(rest[len(timeField):last])
	if !ok {
		return false
	}
	// An escape is longer than what it stands for, so there is room.
	r.Time, r.Stream, r.Text = nano, stream, body[:kept+copy(body[kept:], made)]
	r.ASCII = d.ascii
	return true
}

// streamOf reads the field that follows the text, as words: they are compared for
// every line.
func streamOf(s []byte) (stream logs.Stream, ok bool) {
	const length = len(`,"stream":"stdout"`)
	if len(s) < length {
		return 0, false
	}
	switch {
	case string(s[:8]) != `,"stream`:
	case string(s[8:16]) == `":"stdou` && string(s[16:length]) == `t"`:
		return logs.Stdout, true
	case string(s[8:16]) == `":"stder` && string(s[16:length]) == `r"`:
		return logs.Stderr, true
	}
	return 0, false
}

// lineEnd is how nearly all strings end, and the only escape that many have.
const lineEnd = `\n"`

// maxByVectors is the size of what is left of a line up to which that is looked at by
// vectors, in bytes. In a longer one the end is found as fast by words, and each log's
// scratch would be as large as its longest line.
const maxByVectors = 1 << 10

// text finds the quote that ends a JSON string, and what the string stands for: its
// first kept bytes as they are, and then made, which is valid until the next call.
// ok is false when the string does not end, or holds an escape that JSON does not
// have, or a control byte, which is escaped in JSON.
func (d *Decoder) text(s []byte) (kept int, made []byte, end int, ok bool) {
	if vectors && len(s) <= maxByVectors {
		return d.textByVectors(s)
	}
	return d.textByWords(s)
}

// textByVectors is text for processors that take out the backslashes before quotes 64
// bytes at a time. From another escape on it is done by words: there are more, often.
func (d *Decoder) textByVectors(s []byte) (kept int, made []byte, end int, ok bool) {
	if len(s) == 0 {
		return 0, nil, 0, false
	}
	d.grow(len(s) + vector)
	n, end, high, low := unquoteVector(&d.scratch[0], &s[0], len(s))
	if low != 0 {
		return d.textByWords(s) // the control byte may lie behind the quote
	}
	d.ascii = high == 0
	switch rest := s[end:]; {
	case len(rest) == 0:
		return 0, nil, 0, false
	case rest[0] == '"':
		return 0, d.scratch[:n], end, true
	case n == end && len(rest) >= len(lineEnd) && string(rest[:len(lineEnd)]) == lineEnd:
		return end, lineFeed, end + len(lineEnd) - 1, true
	}
	more, at, high, ok := unescape(d.scratch[n:], s[end:])
	d.ascii = d.ascii && high == 0
	return 0, d.scratch[:n+more], end + at, ok
}

// textByWords is text for all others. Plain text is passed over by the vector
// instructions behind IndexByte.
func (d *Decoder) textByWords(s []byte) (kept int, made []byte, end int, ok bool) {
	first := bytes.IndexByte(s, '\\')
	plain := s
	if first >= 0 {
		plain = s[:first]
	}
	if end = bytes.IndexByte(plain, '"'); end >= 0 || first < 0 {
		d.ascii, ok = look(plain[:max(end, 0)])
		return end, nil, end, ok && end >= 0
	}
	if d.ascii, ok = look(plain); !ok {
		return 0, nil, 0, false
	}
	if len(s)-first >= len(lineEnd) && string(s[first:first+len(lineEnd)]) == lineEnd {
		return first, lineFeed, first + len(lineEnd) - 1, true
	}
	d.grow(len(s) - first + word)
	n, at, high, ok := unescape(d.scratch, s[first:])
	d.ascii = d.ascii && high == 0
	return first, d.scratch[:n], first + at, ok
}

// grow makes the scratch large enough, and no more than a little larger: each log has one.
func (d *Decoder) grow(need int) {
	if len(d.scratch) < need {
		d.scratch = make([]byte, need+need/4)
	}
}

// look tells whether a text is all ASCII, and whether it has no control bytes.
func look(s []byte) (ascii, clean bool) {
	if vectors && len(s) > 0 {
		low, high := lookVector(&s[0], len(s))
		return high == 0, low == 0
	}
	return lookByWords(s)
}

// lookByWords looks at four words at a time, which takes a quarter of what utf8.Valid
// takes for text that is nothing else.
func lookByWords(s []byte) (ascii, clean bool) {
	var high, low uint64
	for ; len(s) >= 4*word; s = s[4*word:] {
		a, b, c, d := word64(s, 0), word64(s, 1), word64(s, 2), word64(s, 3)
		high |= a | b | c | d
		low |= (a-spaces)&^a | (b-spaces)&^b | (c-spaces)&^c | (d-spaces)&^d
	}
	for ; len(s) >= word; s = s[word:] {
		a := word64(s, 0)
		high |= a
		low |= (a - spaces) &^ a
	}
	for _, c := range s {
		high |= uint64(c)
		if c < ' ' {
			return false, false
		}
	}
	return high&highs == 0, low&highs == 0
}

func word64(s []byte, i int) uint64 { return binary.LittleEndian.Uint64(s[i*word:]) }

// slow decodes any JSON object with the right keys.
func (d *Decoder) slow(line []byte, r *logs.Record) error {
	var fields struct {
		Log    string `json:"log"`
		Stream string `json:"stream"`
		Time   string `json:"time"`
	}
	if len(line) == 0 || line[0] != '{' {
		return errNotRecord
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("%w: %w", errNotRecord, err)
	}
	at, err := time.Parse(time.RFC3339Nano, fields.Time)
	if err != nil || !stamp.Representable(at.Year()) {
		return fmt.Errorf("%w: time %.40q", errNotRecord, fields.Time)
	}
	switch fields.Stream {
	case "stdout", "":
		r.Stream = logs.Stdout
	case "stderr":
		r.Stream = logs.Stderr
	default:
		return fmt.Errorf("%w: stream %.40q", errNotRecord, fields.Stream)
	}
	r.Time, r.Text, r.ASCII = at.UnixNano(), []byte(fields.Log), false
	return nil
}
