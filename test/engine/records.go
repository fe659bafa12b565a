package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// Record is a whole line as Docker stored it.
type Record struct {
	// Time is the timestamp in Unix nanoseconds, of the first part when the
	// line was stored in parts.
	Time   int64
	Stream string
	// Line is the text without the final line feed. A carriage return before
	// that is kept.
	Line string
}

// Logs returns all that the engine has of the container's log, in order, with
// the parts of long lines joined. It does not wait for more.
func (c *Container) Logs(t testing.TB) []Record {
	t.Helper()
	records, err := c.logs(t)
	if err != nil {
		t.Fatalf("cannot read the log of container %q: %v", c.Name, err)
	}
	return records
}

func (c *Container) logs(t testing.TB) ([]Record, error) {
	answer, err := c.engine.API.ContainerLogs(t.Context(), c.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }()
	if c.Spec.TTY {
		return readTTY(answer)
	}
	// The parts of a line share their time, except in the journal.
	return readFrames(answer, c.Spec.Driver != "journald")
}

// Decode returns the records of a body that the engine has sent for a log with
// timestamps and without a terminal. A frame that was cut off, as a stream that is
// closed while it is sent leaves it, is left out, and where the engine reports an
// error, as it may at a rotation, the body ends.
func Decode(body []byte) ([]Record, error) {
	out, err := readFrames(bytes.NewReader(body), true)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errReported) {
		err = nil
	}
	return out, err
}

// errReported is what a stream ends with that the engine cannot go on with.
var errReported = errors.New("the engine reports an error")

// readFrames reads the engine's multiplexed format: every part has a frame and
// a timestamp of its own. Without sameTime a part continues the one before it
// whatever its time.
func readFrames(r io.Reader, sameTime bool) ([]Record, error) {
	var out []Record
	open := map[string]int{} // per stream: index+1 of the record that has no line feed yet
	buffered := bufio.NewReaderSize(r, 1<<20)
	for {
		var header [8]byte
		if _, err := io.ReadFull(buffered, header[:]); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		frame := make([]byte, binary.BigEndian.Uint32(header[4:]))
		if _, err := io.ReadFull(buffered, frame); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return out, err
		}
		stream := "stdout"
		switch header[0] {
		case 1:
		case 2:
			stream = "stderr"
		case 3:
			return out, fmt.Errorf("%w: %s", errReported, frame)
		default:
			return nil, fmt.Errorf("frame of type %d: %q", header[0], frame)
		}
		at, text, err := cutTime(string(frame))
		if err != nil {
			return nil, err
		}
		text, whole := strings.CutSuffix(text, "\n")
		i := open[stream] - 1
		if i >= 0 && (!sameTime || out[i].Time == at) {
			out[i].Line += text
		} else {
			out = append(out, Record{Time: at, Stream: stream, Line: text})
			i = len(out) - 1
		}
		open[stream] = i + 1
		if whole {
			open[stream] = 0
		}
	}
}

// stamp is a timestamp as the API writes it.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z `)

// readTTY reads the raw format of containers with a terminal: a timestamp, a
// part, and so on, with nothing between. A line feed ends a record, but Engine
// 20.10 leaves it out with the driver `local` when the record is the last part
// of a line: then only the next timestamp tells. A timestamp inside the text is
// the API's if it is not before the record's and at most an hour after.
func readTTY(r io.Reader) ([]Record, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var out []Record
	for raw := range strings.Lines(string(all)) {
		at, text, err := cutTime(raw)
		if err != nil {
			return nil, err
		}
		current := Record{Time: at, Stream: "stdout"}
		text = strings.TrimSuffix(text, "\n")
		from := 0
		for _, place := range stamp.FindAllStringIndex(text, -1) {
			next, _, err := cutTime(text[place[0]:])
			if err != nil || next < current.Time || next > current.Time+int64(time.Hour) {
				continue
			}
			current.Line += text[from:place[0]]
			from = place[1]
			if next != current.Time {
				out = append(out, current)
				current = Record{Time: next, Stream: "stdout"}
			}
		}
		current.Line += text[from:]
		out = append(out, current)
	}
	return out, nil
}

// cutTime takes the timestamp off.
func cutTime(s string) (int64, string, error) {
	prefix, text, ok := strings.Cut(s, " ")
	at, err := time.Parse(time.RFC3339Nano, prefix)
	if !ok || err != nil {
		return 0, "", fmt.Errorf("no timestamp in %.60q", s)
	}
	return at.UnixNano(), text, nil
}
