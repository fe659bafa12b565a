package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stamp"
)

var (
	recordStart  = []byte(`{"log":"`)
	recordEnd    = []byte(`"}`)
	stdoutField  = []byte(`,"stream":"stdout"`)
	stderrField  = []byte(`,"stream":"stderr"`)
	timeField    = []byte(`,"time":"`)
	attrsField   = []byte(`,"attrs":{`)
	lastTimeFind = []byte(`},"time":"`)
)

var errNotRecord = errors.New("not a json-file record")

// Decoder turns lines into records. The zero value is ready; a Decoder is used
// by one goroutine at a time.
type Decoder struct {
	clock stamp.Parser
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
	// start of another record: the first one was torn.
	at := bytes.LastIndex(line, recordStart)
	if at <= 0 || !d.fast(line[at:], r) {
		return 0, err
	}
	return at, nil
}

// fast decodes the one shape that Docker writes. It reports false, with line
// unchanged, for anything else.
func (d *Decoder) fast(line []byte, r *logs.Record) bool {
	if !bytes.HasPrefix(line, recordStart) {
		return false
	}
	body := line[len(recordStart):]
	end, first, ok := scanString(body)
	if !ok {
		return false
	}
	rest := body[end+1:]
	switch {
	case bytes.HasPrefix(rest, stdoutField):
		r.Stream = logs.Stdout
	case bytes.HasPrefix(rest, stderrField):
		r.Stream = logs.Stderr
	default:
		return false
	}
	rest = rest[len(stdoutField):]
	if bytes.HasPrefix(rest, attrsField) {
		// The values are escaped, so the last match is the record's own time.
		at := bytes.LastIndex(rest, lastTimeFind)
		if at < 0 {
			return false
		}
		rest = rest[at+1:]
	}
	if !bytes.HasPrefix(rest, timeField) {
		return false
	}
	at, closed := bytes.CutSuffix(rest[len(timeField):], recordEnd)
	if !closed {
		return false
	}
	nano, ok := d.clock.Parse(at)
	if !ok {
		return false
	}
	r.Time, r.Text = nano, unescape(body[:end], first)
	return true
}

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
	r.Time, r.Text = at.UnixNano(), []byte(fields.Log)
	return nil
}
