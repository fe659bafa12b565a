package torture

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"time"

	"github.com/lighterman/lighterman/test/dockerproxy"
)

// answer is what the engine's API has sent of one log, in one answer: it leaves out lines of
// logs that are being rotated, and mixes them up (Engine 20.10). What it did is seen, not
// guessed: lighterman's requests go through a proxy that keeps the answers.
type answer struct {
	// since is the time that was asked for, in Unix nanoseconds; 0 for all.
	since int64
	// has is the timestamps that came, per stream, and newest the last of them.
	has    map[string]map[int64]bool
	newest map[string]int64
}

// readAnswers reads the bodies of a log that have arrived.
func readAnswers(sent []dockerproxy.Sent, tty bool) (out []answer) {
	for _, body := range sent {
		a := answer{since: body.Since, has: map[string]map[int64]bool{"stdout": {}, "stderr": {}}, newest: map[string]int64{}}
		if tty {
			a.addStamps("stdout", body.Body)
		} else {
			a.addFrames(body.Body)
		}
		out = append(out, a)
	}
	return out
}

// addFrames adds what has frames: the stream, three zeros, the size, and the record.
func (a *answer) addFrames(body []byte) {
	for len(body) >= 8 {
		end := 8 + int(binary.BigEndian.Uint32(body[4:]))
		if len(body) < end {
			return
		}
		stream := "stdout"
		if body[0] == 2 {
			stream = "stderr"
		}
		if at := stamp.FindIndex(body[8:end]); at != nil && at[0] == 0 {
			a.add(stream, body[8:8+at[1]])
		}
		body = body[end:]
	}
}

// stamp is what each record begins with.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z `)

// addStamps adds what has no frames: the output of a terminal.
func (a *answer) addStamps(stream string, body []byte) {
	for _, text := range stamp.FindAll(body, -1) {
		a.add(stream, text)
	}
}

func (a *answer) add(stream string, text []byte) {
	at, err := time.Parse(time.RFC3339Nano+" ", string(text))
	if err != nil {
		return
	}
	a.has[stream][at.UnixNano()] = true
	a.newest[stream] = max(a.newest[stream], at.UnixNano())
}

// sent tells whether the API has sent a record of a stream with a timestamp.
func (l *ledger) sent(stream string, at int64) bool {
	for i := range l.answers {
		if l.answers[i].has[stream][at] {
			return true
		}
	}
	return false
}

// asked tells what the API was asked for that may have had a line.
func (l *ledger) asked(line line) (out string) {
	for i := range l.answers {
		if a := &l.answers[i]; a.since <= line.stamp && (a.newest[line.stream] >= line.stamp || a.newest["stdout"] == 0) {
			out += fmt.Sprintf(", by API since %s until %s: %t", clock(time.Unix(0, a.since)), clock(time.Unix(0, a.newest[line.stream])), a.has[line.stream][line.stamp])
		}
	}
	return out
}

// leftOut tells whether the API has left out a line that it was asked for: it went on to newer
// ones of the stream. It must not have sent it in another answer either.
func (l *ledger) leftOut(line line) bool {
	left := false
	for i := range l.answers {
		a := &l.answers[i]
		if a.has[line.stream][line.stamp] {
			return false
		}
		left = left || a.since <= line.stamp && a.newest[line.stream] > line.stamp
	}
	return left
}
