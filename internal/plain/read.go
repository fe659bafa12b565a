package plain

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// Progress says what one Read did: how far reading has come, whether there may be more to
// read at once, and whether there is more than a chunk.
type Progress struct {
	Bytes      int
	More, Full bool
}

// Read reads one chunk, of size bytes at most where nothing longer was written down, and passes
// on the entries that it completes. memory returns as much as is asked for. No error is that
// there is no file: it may have moved, and Move says where to.
func (l *Log) Read(size int, memory func(least int) []byte, emit func(logs.Entry)) (Progress, error) {
	l.thin = false
	if here, err := l.ready(emit); !here || err != nil {
		return Progress{}, err
	}
	if len(l.foreseen.plan) > 0 {
		return l.again(memory, emit)
	}
	now := l.config.Now()
	if kept, oldest := l.config.Foreseen(); !due(kept, oldest, l.cursor.last, now.UnixNano()) {
		l.thin = true
		return Progress{}, nil
	}
	before := len(l.content.tail)
	if l.disk.file.compressed {
		before = 0 // is not truncated, and would be unpacked for it
	}
	buf := memory(size)
	buf = buf[:len(buf)-1] // a byte is left for a line feed
	n, err := l.disk.file.readAt(buf, l.cursor.offset-int64(before))
	if err != nil {
		return Progress{}, err
	}
	if n < before || !bytes.Equal(buf[:before], l.content.tail[len(l.content.tail)-before:]) {
		l.beginAgain(emit)
		return Progress{More: true}, nil
	}
	full := n == len(buf)
	if text, size := l.written(buf[before:n], full); size > 0 {
		p := l.read(text, false, emit)
		l.notSeen(size)
		return p, nil
	}
	if to := l.hole(buf[before:n], full); to > 0 {
		l.passHole(to)
		return Progress{Bytes: 1, More: true, Full: full}, nil
	}
	return l.read(buf[before:n], full, emit), nil
}

// Overlap is how much of what lies before an offset is read again with what lies behind it, to
// see that it is still there.
func Overlap(offset int64) int { return int(min(offset, tailMost)) }

// leastHole is how many zeros are a hole, which is left where a file was truncated whose writer
// goes on at the same offset.
const leastHole = 16

// zeros returns how many a text begins with.
func zeros(text []byte) int {
	n := 0
	for n < len(text) && text[n] == 0 {
		n++
	}
	return n
}

// written returns what was written of a chunk, and the file's size, where the file ends in zeros:
// its writer has made room for what it is to write there. size is 0 where that is not so.
func (l *Log) written(chunk []byte, full bool) (text []byte, size int64) {
	text = bytes.TrimRight(chunk, "\x00")
	if len(chunk)-len(text) < leastHole || l.disk.file.compressed {
		return nil, 0
	}
	size = l.cursor.offset + int64(len(chunk))
	if !full {
		return text, size
	}
	facts, err := l.disk.file.look()
	if err != nil || facts.Size < size {
		return nil, 0
	}
	end := make([]byte, min(4<<10, facts.Size-size))
	if n, err := l.disk.file.readAt(end, facts.Size-int64(len(end))); err != nil || zeros(end[:n]) < len(end) {
		return nil, 0
	}
	return text, facts.Size
}

// hole returns the offset behind the zeros that a line would begin with; 0 for none.
func (l *Log) hole(chunk []byte, full bool) int64 {
	n := zeros(chunk)
	switch {
	case n < leastHole || l.cursor.inLine, n == len(chunk) && !full:
		return 0
	case n < len(chunk) || l.disk.file.compressed:
		return l.cursor.offset + int64(n)
	}
	return max(l.disk.file.dataFrom(l.cursor.offset), l.cursor.offset+int64(n))
}

// passHole passes over it.
func (l *Log) passHole(to int64) {
	s := logs.Span{Number: l.cursor.number, Epoch: l.cursor.epoch, From: l.cursor.offset, To: to}
	_, _, _ = l.config.Foresee(s) // it is found again
	l.overHole(s)
	l.cursor.number++
}

func (l *Log) overHole(s logs.Span) {
	l.content.read(make([]byte, min(s.To-s.From, HeadMost)), s.From)
	l.cursor.offset = s.To
	l.notSeen(s.To)
}

// read takes a span of what lies at the cursor.
func (l *Log) read(chunk []byte, full bool, emit func(logs.Entry)) Progress {
	now := l.config.Now()
	over := l.rest.size == len(chunk) && l.rest.size > 0 && now.Sub(l.rest.since) >= l.config.Silence && zeros(chunk) < len(chunk)
	n, ends := l.cursor.take(chunk, full, over)
	l.notSeen(l.cursor.offset + int64(len(chunk)))
	if n == 0 {
		if l.rest.size != len(chunk) {
			l.rest = rest{len(chunk), now}
		}
		return Progress{}
	}
	l.rest = rest{}
	if left := len(chunk) - n; left > 0 {
		l.rest = rest{left, now}
	}
	l.pass(chunk[:n], ends, now.UnixNano(), emit)
	// What is left may be a line that goes on, or more that was written meanwhile.
	return Progress{Bytes: n, More: full || l.rest.size > 0 && !full && bytes.IndexByte(chunk[n:], '\n') >= 0, Full: full}
}

// notSeen notes how far the file was read, whole lines or not.
func (l *Log) notSeen(to int64) {
	l.mu.Lock()
	l.disk.seen = to
	l.mu.Unlock()
}

// pass writes a span down and passes its lines on.
func (l *Log) pass(text []byte, ends bool, now int64, emit func(logs.Entry)) {
	s := l.cursor.span(text, ends, now)
	if _, _, err := l.config.Foresee(s); err != nil && !l.warned {
		l.warned = true
		if l.config.Log != nil {
			l.config.Log.Warn("cannot write the time of lines to the state directory: after a crash some may be shown twice, with another time", "error", err)
		}
	} else if err == nil {
		l.warned = false
	}
	l.cut(s, text, 0, emit)
}

// cut passes on the lines of a span from an offset on.
func (l *Log) cut(s logs.Span, text []byte, from int64, emit func(logs.Entry)) {
	l.content.read(text, s.From)
	l.foreseen.spans = append(l.foreseen.spans, s)
	l.cursor.lines(s, text, from, &l.record, func(r *logs.Record) { l.assemble.Add(r, emit) })
	l.assemble.Seal()
	l.record.Text = nil // the buffer's
}

// again reads a span that was written down before.
func (l *Log) again(memory func(least int) []byte, emit func(logs.Entry)) (Progress, error) {
	s := l.foreseen.plan[0]
	if s.Time == 0 {
		l.overHole(s)
		l.foreseen.plan = l.foreseen.plan[1:]
		return Progress{More: true}, nil
	}
	size := int(s.To - s.From)
	if size <= 0 || size > spanMost {
		l.foreseen.plan = nil
		return Progress{More: true}, nil
	}
	buf := memory(size + 1)[:size]
	n, err := l.disk.file.readAt(buf, s.From)
	if err != nil {
		return Progress{}, err
	}
	switch {
	case n < size && l.copied:
		return l.lastOfCopy(s, buf[:n], emit)
	case n < size || xxhash.Sum64(buf) != s.Hash:
		// Written over since. What comes now has the time at which it is read.
		l.foreseen.plan = nil
		return Progress{More: true}, nil
	}
	number, from := l.cursor.number, max(l.cursor.offset, s.From)
	if from > s.From { // what is known of the content ends there
		l.content.head, l.content.tail = l.content.head[:min(int64(len(l.content.head)), s.From)], make([]byte, min(s.From, tailMost))
		if _, err := l.disk.file.readAt(l.content.tail, s.From-int64(len(l.content.tail))); err != nil {
			return Progress{}, err
		}
	}
	l.foreseen.plan = l.foreseen.plan[1:]
	l.cut(s, buf, from, emit)
	l.cursor.number = number
	l.notSeen(l.cursor.offset)
	return Progress{Bytes: int(s.To - from), More: true}, nil
}

// lastOfCopy reads what a copy has of a span that was read when there was more: the lines before
// its end, with their times. What begins there and does not end was read as a whole.
func (l *Log) lastOfCopy(s logs.Span, text []byte, emit func(logs.Entry)) (Progress, error) {
	number, from, end := l.cursor.number, l.cursor.offset, s.From+int64(len(text))
	feed := bytes.LastIndexByte(text, '\n') + 1
	l.foreseen.plan = nil
	if s.To = s.From + int64(feed); s.To > from {
		s.Ended = false
		l.content = content{}
		l.cut(s, text[:feed], from, emit)
	}
	l.cursor.number, l.cursor.inLine = number, false
	l.content = content{head: make([]byte, min(end, HeadMost)), tail: make([]byte, min(end, tailMost))}
	_, err := l.disk.file.readAt(l.content.head, 0)
	if err == nil {
		_, err = l.disk.file.readAt(l.content.tail, end-int64(len(l.content.tail)))
	}
	l.cursor.offset = end
	l.notSeen(end)
	return Progress{Bytes: int(end - from), More: true}, err
}

// spanMost is the longest span that is believed.
const spanMost = 1 << 20

// Flush passes on what is held back: nothing more will be written. It belongs behind a Read
// that has found nothing.
func (l *Log) Flush(emit func(logs.Entry)) {
	if l.rest.size > 0 && l.disk.file != nil {
		buf := make([]byte, l.rest.size+1)
		if n, err := l.disk.file.readAt(buf[:l.rest.size], l.cursor.offset); err == nil && zeros(buf[:n]) < n {
			l.rest = rest{}
			l.pass(buf[:n], buf[n-1] != '\n', l.config.Now().UnixNano(), emit)
		}
	}
	l.assemble.Flush(emit)
}
