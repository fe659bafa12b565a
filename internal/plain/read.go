package plain

import (
	"bytes"
	"errors"
	"io/fs"

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
	if len(l.plan) > 0 {
		return l.again(memory, emit)
	}
	now := l.config.Now()
	if kept, oldest := l.config.Foreseen(); !due(kept, oldest, l.last, now.UnixNano()) {
		l.thin = true
		return Progress{}, nil
	}
	before := len(l.tail)
	if l.file.compressed {
		before = 0 // is not truncated, and would be unpacked for it
	}
	buf := memory(size)
	buf = buf[:len(buf)-1] // a byte is left for a line feed
	n, err := l.file.readAt(buf, l.offset-int64(before))
	if err != nil {
		return Progress{}, err
	}
	if n < before || !bytes.Equal(buf[:before], l.tail[len(l.tail)-before:]) {
		l.beginAgain(emit)
		return Progress{More: true}, nil
	}
	full := n == len(buf)
	if to := l.hole(buf[before:n], full); to > 0 {
		l.passHole(to)
		return Progress{Bytes: 1, More: true, Full: full}, nil
	}
	return l.read(buf[before:n], full, emit), nil
}

// leastHole is how many zeros are a hole, which is left where a file was truncated whose writer
// goes on at the same offset.
const leastHole = 16

// hole returns the offset behind the zeros that a line would begin with; 0 for none.
func (l *Log) hole(chunk []byte, full bool) int64 {
	n := 0
	for n < len(chunk) && chunk[n] == 0 {
		n++
	}
	switch {
	case n < leastHole || l.inLine, n == len(chunk) && !full:
		return 0
	case n < len(chunk) || l.file.compressed:
		return l.offset + int64(n)
	}
	return max(l.file.dataFrom(l.offset), l.offset+int64(n))
}

// passHole passes over it.
func (l *Log) passHole(to int64) {
	s := logs.Span{Number: l.number, Epoch: l.epoch, From: l.offset, To: to}
	_, _, _ = l.config.Foresee(s) // it is found again
	l.overHole(s)
	l.number++
}

func (l *Log) overHole(s logs.Span) {
	l.content.read(make([]byte, min(s.To-s.From, HeadMost)), s.From)
	l.offset = s.To
	l.notSeen(s.To)
}

// read takes a span of what lies at the cursor.
func (l *Log) read(chunk []byte, full bool, emit func(logs.Entry)) Progress {
	now := l.config.Now()
	over := l.rest.size == len(chunk) && l.rest.size > 0 && now.Sub(l.rest.since) >= l.config.Silence
	n, ends := l.take(chunk, full, over)
	l.notSeen(l.offset + int64(len(chunk)))
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
	l.seen = to
	l.mu.Unlock()
}

// pass writes a span down and passes its lines on.
func (l *Log) pass(text []byte, ends bool, now int64, emit func(logs.Entry)) {
	s := l.span(text, ends, now)
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
	l.spans = append(l.spans, s)
	l.lines(s, text, from, &l.record, func(r *logs.Record) { l.assemble.Add(r, emit) })
	l.assemble.Seal()
	l.record.Text = nil // the buffer's
}

// again reads a span that was written down before.
func (l *Log) again(memory func(least int) []byte, emit func(logs.Entry)) (Progress, error) {
	s := l.plan[0]
	if s.Time == 0 {
		l.overHole(s)
		l.plan = l.plan[1:]
		return Progress{More: true}, nil
	}
	size := int(s.To - s.From)
	if size <= 0 || size > spanMost {
		l.plan = nil
		return Progress{More: true}, nil
	}
	buf := memory(size + 1)[:size]
	n, err := l.file.readAt(buf, s.From)
	if err != nil {
		return Progress{}, err
	}
	if n < size || xxhash.Sum64(buf) != s.Hash {
		// Written over since. What comes now has the time at which it is read.
		l.plan = nil
		return Progress{More: true}, nil
	}
	number, from := l.number, max(l.offset, s.From)
	if from > s.From { // what is known of the content ends there
		l.head, l.tail = l.head[:min(int64(len(l.head)), s.From)], make([]byte, min(s.From, tailMost))
		if _, err := l.file.readAt(l.tail, s.From-int64(len(l.tail))); err != nil {
			return Progress{}, err
		}
	}
	l.plan = l.plan[1:]
	l.cut(s, buf, from, emit)
	l.number = number
	l.notSeen(l.offset)
	return Progress{Bytes: int(s.To - from), More: true}, nil
}

// spanMost is the longest span that is believed.
const spanMost = 1 << 20

// ready opens the file, if it is not and there is something to read.
func (l *Log) ready(emit func(logs.Entry)) (bool, error) {
	if l.file != nil {
		return true, nil
	}
	facts, err := Look(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case l.unchanged(facts) && (l.asleep(facts) || l.resume == nil):
		return false, nil
	}
	return l.open(emit)
}

// unchanged reports whether what has the file's name is the file, as it was when it was
// looked at last, and all of it is read.
func (l *Log) unchanged(facts Facts) bool {
	inode, made := l.facts.Inode, l.facts.Made
	if l.resume != nil {
		inode, made = l.resume.File.Inode, l.resume.File.Made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return facts.Is(inode, made) && facts.Size == l.size && len(l.plan) == 0
}

// asleep reports whether a file was not written to for long.
func (l *Log) asleep(facts Facts) bool { return l.config.Now().UnixNano()-facts.Written >= int64(idle) }

// open opens the file, if it is the one.
func (l *Log) open(emit func(logs.Entry)) (bool, error) {
	f, err := openFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := l.config.Budget.take(f); err != nil {
		return false, err
	}
	if l.resume == nil && f.facts.Is(l.facts.Inode, l.facts.Made) {
		l.use(f)
		return true, nil // what it holds is compared when it is read
	}
	at, first := l.Position(), l.resume != nil
	own := f.facts.Is(at.File.Inode, at.File.Made) || first && f.facts.Is(l.config.Inode, l.config.Made)
	head, begins := f.begins(at)
	switch {
	case at.Plain.Head == 0 && own && l.offset == 0:
		l.resume = nil
	case begins && f.continues(at):
		l.resume, l.head = nil, head
		l.tail = make([]byte, min(l.offset, tailMost))
		_, err = f.readAt(l.tail, l.offset-int64(len(l.tail)))
	case own:
		l.use(f)
		l.beginAgain(emit)
		return true, nil
	default:
		l.stranger, err = f.facts, fs.ErrNotExist // another has its name
	}
	if err != nil {
		l.config.Budget.give(f)
		_ = f.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	l.use(f)
	return true, nil
}

func (l *Log) use(f *file) {
	l.facts = f.facts
	l.mu.Lock()
	l.file, l.packed = f, f.compressed
	l.mu.Unlock()
}

// beginAgain goes to the beginning of a file that was truncated.
func (l *Log) beginAgain(emit func(logs.Entry)) {
	lost := max(0, l.size-l.offset)
	found := l.config.Copied != nil && l.config.Copied(l.path, l.Position(), l.begun)
	l.config.Events.Truncated(found, lost)
	if l.config.Log != nil {
		l.config.Log.Info("file was truncated, reading it from its start", "offset", l.offset, "copy_found", found)
	}
	l.resume = nil
	l.assemble.Flush(emit)
	l.content, l.rest, l.spans = content{}, rest{}, nil
	l.offset, l.inLine = 0, false
	l.notSeen(0)
	l.nextEpoch()
}

// nextEpoch begins an epoch: the newest that was written down, if that is what the file holds,
// or one more.
func (l *Log) nextEpoch() {
	l.plan, l.begun = nil, l.number
	if n := len(l.ahead); n > 0 {
		l.epoch = l.ahead[n-1].Epoch
		plan := planned(l.ahead, l.epoch, 0, 0)
		if len(plan) > 0 && l.holds(plan[0]) {
			l.plan, l.begun, l.ahead = plan, plan[0].Number, nil
			return
		}
		if later := Later(logs.Position{Plain: logs.PlainPosition{Epoch: l.epoch - 1}}, l.ahead); len(later) > 0 && l.config.Copied != nil {
			l.config.Copied(l.path, later[0], later[0].Plain.Span) // truncated once more, while nobody looked
		}
	}
	l.epoch++
	l.ahead = nil
}

// holds reports whether the file has what a span had.
func (l *Log) holds(s logs.Span) bool {
	size := s.To - s.From
	if size <= 0 || size > spanMost || s.Time == 0 {
		return s.Time == 0
	}
	text := make([]byte, size)
	n, err := l.file.readAt(text, s.From)
	return err == nil && int64(n) == size && xxhash.Sum64(text) == s.Hash
}

// Flush passes on what is held back: nothing more will be written. It belongs behind a Read
// that has found nothing.
func (l *Log) Flush(emit func(logs.Entry)) {
	if l.rest.size > 0 && l.file != nil {
		buf := make([]byte, l.rest.size+1)
		if n, err := l.file.readAt(buf[:l.rest.size], l.offset); err == nil && n > 0 {
			l.rest = rest{}
			l.pass(buf[:n], buf[n-1] != '\n', l.config.Now().UnixNano(), emit)
		}
	}
	l.assemble.Flush(emit)
}

// AtEnd reports whether the file has been read to its end: it may be left alone until it
// changes. One that was not written to for long is closed.
func (l *Log) AtEnd() (bool, error) {
	if l.thin {
		return true, nil // it is looked at again soon
	}
	if l.file == nil {
		facts, err := Look(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return err == nil && (l.unchanged(facts) || !l.mayBe(facts)), err
	}
	facts, err := l.file.look()
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	// A compressed one is whole when it comes, but for the moment in which it is made.
	end := len(l.plan) == 0 && (facts.Size == l.seen || l.packed && facts.Size == l.size)
	l.size = facts.Size
	l.mu.Unlock()
	if end && l.rest.size == 0 && (l.asleep(facts) || l.config.Budget.short()) {
		l.Close()
	}
	return end, nil
}

// mayBe reports whether what has the file's name may be the file, or a copy of it.
func (l *Log) mayBe(facts Facts) bool {
	if l.resume == nil {
		return facts.Is(l.facts.Inode, l.facts.Made) || len(l.head) > 0 && !l.stranger.same(facts)
	}
	return facts.Is(l.config.Inode, l.config.Made) || l.resume.Plain.Head > 0 && !l.stranger.same(facts)
}

// same reports whether two looks have seen the same file as it was.
func (f Facts) same(other Facts) bool {
	return f.Inode == other.Inode && f.Made == other.Made && f.Size == other.Size && f.Written == other.Written
}
