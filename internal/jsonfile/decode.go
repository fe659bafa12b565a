package jsonfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

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
	lastTimeFind = []byte(`},"time":"`)
	lineFeed     = []byte{'\n'}
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
}

// Decode parses one line, without its line feed, into r. It works in place:
// the line's memory is overwritten and r.Text points into it. A line that
// holds the torn beginning of another record, as a crash of the engine leaves
// it, yields the whole record at its end; torn is then the number of bytes
// given up before it. The error says why a line is no record at all.
func (d *Decoder) Decode(line []byte, r *logs.Record) (torn int, err error) {
	if d.fast(line, r) {
		return 0, nil
	}
	if err = d.slow(line, r); err == nil {
		return 0, nil
	}
	// Inside a string the quotes would be escaped, so a second start is the
	// start of another record, and the first one was torn; or, once, it is that of
	// the record's attrs, whose first key is "log".
	for before, tries := line, 0; tries < 2; tries++ {
		at := bytes.LastIndex(before, []byte(recordStart))
		if at <= 0 {
			break
		}
		if d.fast(line[at:], r) {
			return at, nil
		}
		before = line[:at]
	}
	return 0, err
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
		rest = rest[at+1:]
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
// have.
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
	n, end, high := unquoteVector(&d.scratch[0], &s[0], len(s))
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
	d.ascii = false
	first := bytes.IndexByte(s, '\\')
	if first < 0 {
		end = bytes.IndexByte(s, '"')
		return end, nil, end, end >= 0
	}
	if end = bytes.IndexByte(s[:first], '"'); end >= 0 {
		return end, nil, end, true
	}
	d.ascii = isASCII(s[:first])
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

// isASCII looks at four words at a time, which takes a quarter of what utf8.Valid takes
// for text that is nothing else.
func isASCII(s []byte) bool {
	for ; len(s) >= 4*word; s = s[4*word:] {
		if (word64(s, 0)|word64(s, 1)|word64(s, 2)|word64(s, 3))&highs != 0 {
			return false
		}
	}
	for ; len(s) >= word; s = s[word:] {
		if word64(s, 0)&highs != 0 {
			return false
		}
	}
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
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
