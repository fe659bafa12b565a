package torture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/test/dockerproxy"
)

// answer is what the engine's API has sent of one log, in one answer. It leaves out lines of
// logs that are being rotated, or their beginnings, and mixes them up (Engine 20.10). What it
// did is seen, not guessed: lighterman's requests go through a proxy that keeps the answers.
type answer struct {
	// since is the time that was asked for, in Unix nanoseconds; 0 for all.
	since int64
	// stamps has the timestamps that came of each stream, and newest the last of them.
	stamps map[string]map[int64]bool
	newest map[string]int64
	// whole has the lines that came from beginning to end, by their keys.
	whole map[uint64]bool
}

// readAnswers reads the bodies of a log that have arrived.
func readAnswers(sent []dockerproxy.Sent, tty bool) (out []answer) {
	for _, body := range sent {
		a := answer{since: body.Since, stamps: map[string]map[int64]bool{"stdout": {}, "stderr": {}}, newest: map[string]int64{}, whole: map[uint64]bool{}}
		records := framed(body.Body)
		if tty {
			records = raw(body.Body)
		}
		a.add(records)
		out = append(out, a)
	}
	return out
}

// framed splits what has frames: the stream, three zeros, the size, and the record.
func framed(body []byte) (out []record) {
	for len(body) >= 8 {
		end := 8 + int(binary.BigEndian.Uint32(body[4:]))
		if len(body) < end {
			break
		}
		stream := "stdout"
		if body[0] == 2 {
			stream = "stderr"
		}
		if at := stamp.FindIndex(body[8:end]); at != nil && at[0] == 0 {
			out = append(out, stamped(stream, body[8:8+at[1]], body[8+at[1]:end]))
		}
		body = body[end:]
	}
	return out
}

// stamp is what each record begins with.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z `)

// raw splits what has no frames: the output of a terminal.
func raw(body []byte) (out []record) {
	all := stamp.FindAllIndex(body, -1)
	for i, at := range all {
		end := len(body)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		out = append(out, stamped("stdout", body[at[0]:at[1]], body[at[1]:end]))
	}
	return out
}

func stamped(stream string, at, text []byte) record {
	time, _ := time.Parse(time.RFC3339Nano+" ", string(at)) // what is none is older than all
	text, whole := bytes.CutSuffix(text, []byte("\n"))
	return record{time: time.UnixNano(), stream: stream, text: text, more: !whole && len(text) >= partSize}
}

// add joins records as a reader has to that knows nothing of what is not there.
func (a *answer) add(records []record) {
	open := map[string]record{}
	for _, r := range records {
		a.stamps[r.stream][r.time] = true
		a.newest[r.stream] = max(a.newest[r.stream], r.time)
		if before := open[r.stream]; before.more && before.time == r.time {
			r.text = append(bytes.Clone(before.text), r.text...)
		}
		if open[r.stream] = r; !r.more {
			a.whole[key(r.stream, r.time, string(r.text))] = true
		}
	}
}

// sent tells whether the API has sent a record of a stream with a timestamp.
func (l *ledger) sent(stream string, at int64) bool {
	for i := range l.answers {
		if l.answers[i].stamps[stream][at] {
			return true
		}
	}
	return false
}

// leftOut tells whether the API has left out a line that it was asked for, or a part of it, in
// an answer that went on to newer ones of the stream. Another that had it may have come in vain,
// as lighterman was killed.
func (l *ledger) leftOut(line line) bool {
	return slices.ContainsFunc(l.answers, func(a answer) bool {
		return a.since <= line.stamp && a.newest[line.stream] > line.stamp && !a.whole[line.stored]
	})
}

// asked tells what the API was asked for that may have had a line, and whether it sent it whole.
func (l *ledger) asked(line line) (out string) {
	for i := range l.answers {
		if a := &l.answers[i]; a.since <= line.stamp && a.newest[line.stream] >= line.stamp {
			out += fmt.Sprintf(", by API since %s until %s: %t", clock(time.Unix(0, a.since)), clock(time.Unix(0, a.newest[line.stream])), a.whole[line.stored])
		}
	}
	return out
}
