package assemble

import (
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

// Config says how the records of a container are to be understood.
type Config struct {
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// TimesDiffer tells that the parts of a line do not share their timestamp:
	// the journald driver.
	TimesDiffer bool
	// DropRepeats leaves out an entry that equals one with the same timestamp:
	// the engine's API sends records twice around a rotation. Without it both
	// count as lines of their own, which a clock without nanoseconds needs.
	DropRepeats bool
	// Cut is called once for each entry passed on that was cut; it may be nil.
	Cut func()
}

// Assembler holds the state of one container's two streams. It is used by one
// goroutine at a time.
type Assembler struct {
	config Config
	lines  [logs.Streams]line
	marks  [logs.Streams]mark
	resume [logs.Streams]*replay
	// last is the timestamp of the entry passed on last.
	last int64
	// resumed is what last was in the beginning, 0 where that is the time of entries of
	// both streams, and beyond tells that this entry has come again.
	resumed int64
	beyond  bool
}

// line is a line whose first parts have arrived and whose end has not.
type line struct {
	held   bool
	time   int64
	offset int64
	text   []byte
	// size counts all bytes of the line, text only those that are kept.
	size  int
	parts int
	// id and ordinal are those of the newest part, where parts have them.
	id      uint64
	ordinal int32
}

// New makes an assembler that goes on after from.
func New(config Config, from logs.Position) *Assembler {
	a := &Assembler{config: config, last: from.Last, resumed: from.Last}
	for s := range a.marks {
		a.marks[s].seed(from.Newest[s])
	}
	if from.Newest[logs.Stdout].Time == from.Newest[logs.Stderr].Time {
		a.resumed = 0
	}
	return a
}

// SkipDelivered makes the assembler leave out all entries up to the marks that
// it was made with: they were handed over before, and the records come again
// because reading was resumed by time and not by offset. It ends for a stream
// with its first entry beyond the mark. Only the given streams are concerned.
func (a *Assembler) SkipDelivered(of [logs.Streams]bool) {
	for s := range a.marks {
		if m := &a.marks[s]; m.time != 0 && of[s] {
			a.resume[s] = newReplay(m)
		}
	}
}

// Replaying tells of which streams entries are still being left out, or would be.
func (a *Assembler) Replaying() [logs.Streams]bool {
	return [logs.Streams]bool{a.resume[logs.Stdout] != nil, a.resume[logs.Stderr] != nil}
}

// Add takes one record and passes on what it completes: no entry, one, or two
// when the record shows that a line held back had ended without line feed. The
// entry's text is valid until the next call; the record's must stay unchanged
// until Seal.
func (a *Assembler) Add(r *logs.Record, emit func(logs.Entry)) {
	held := &a.lines[r.Stream]
	if held.held && !a.continues(held, r) {
		// After a restart of the container the end of the old run's last line
		// would otherwise be taken for the beginning of the new run's first.
		a.finish(r.Stream, emit)
	}
	whole := len(r.Text) > 0 && r.Text[len(r.Text)-1] == '\n'
	switch {
	case whole && !held.held:
		a.emit(logs.Entry{Time: r.Time, Stream: r.Stream, Line: r.Text[:len(r.Text)-1]}, len(r.Text)-1, 1, r.ASCII, emit)
	case whole:
		a.hold(r, len(r.Text)-1)
		a.finish(r.Stream, emit)
	default:
		a.hold(r, len(r.Text))
		// Docker splits a line after PartSize bytes, and replacing bytes that
		// are no UTF-8 only lengthens a part. So a shorter one was written
		// because the output ended: no further part will come.
		if len(r.Text) < logs.PartSize {
			a.finish(r.Stream, emit)
		}
	}
}

// continues tells whether a record may be the next part of a line held back.
func (a *Assembler) continues(l *line, r *logs.Record) bool {
	if !a.config.TimesDiffer && r.Time != l.time {
		return false
	}
	return r.Line == l.id && (r.Line == 0 || r.Ordinal == l.ordinal+1)
}

// Flush passes on the lines held back: the container's run has ended.
func (a *Assembler) Flush(emit func(logs.Entry)) {
	for s := range a.lines {
		if a.lines[s].held {
			a.finish(logs.Stream(s), emit)
		}
	}
}

// Seal must be called before the memory of records that were added is used
// again.
func (a *Assembler) Seal() {
	for s := range a.marks {
		a.marks[s].seal()
	}
}

// Newest returns the marks of the newest entries passed on. It seals.
func (a *Assembler) Newest() (newest [logs.Streams]logs.Mark) {
	for s := range a.marks {
		newest[s] = a.marks[s].export()
	}
	return newest
}

// Last returns the timestamp of the entry passed on last, in the order of the
// log; 0 when there was none.
func (a *Assembler) Last() int64 { return a.last }

// Held returns the offset and the timestamp of the first part of the line
// that is held back for a stream; ok is false when there is none.
func (a *Assembler) Held(s logs.Stream) (offset, time int64, ok bool) {
	l := &a.lines[s]
	return l.offset, l.time, l.held
}

func (a *Assembler) hold(r *logs.Record, n int) {
	l := &a.lines[r.Stream]
	if !l.held {
		*l = line{held: true, time: r.Time, offset: r.Offset, text: l.text[:0], id: r.Line}
	}
	l.ordinal = r.Ordinal
	l.size += n
	l.parts++
	keep := n
	if a.config.MaxLine > 0 {
		// One rune more than can be kept, so that the cut is seen and falls
		// between runes.
		keep = min(n, max(0, a.config.MaxLine+utf8.UTFMax-len(l.text)))
	}
	l.text = append(l.text, r.Text[:keep]...)
}

// keepCapacity is the largest buffer of a finished line that is kept for the
// next one, in bytes.
const keepCapacity = 64 << 10

func (a *Assembler) finish(s logs.Stream, emit func(logs.Entry)) {
	l := &a.lines[s]
	l.held = false
	before := a.last
	a.emit(logs.Entry{Time: l.time, Stream: s, Line: l.text}, l.size, l.parts, false, emit)
	if l.parts > 1 {
		// Its timestamp is that of its first part, which others may have overtaken.
		a.last = max(a.last, before)
	}
	a.marks[s].seal()
	if cap(l.text) > keepCapacity {
		l.text = nil
	}
}

// emit finishes an entry whose line had size bytes before it was stored, in so many parts.
// ascii tells that it need not be checked for bytes that are no UTF-8.
func (a *Assembler) emit(e logs.Entry, size, parts int, ascii bool, emit func(logs.Entry)) {
	if !ascii && !utf8.Valid(e.Line) {
		e.Line = sanitize(e.Line)
	}
	cut := a.config.MaxLine > 0 && max(size, len(e.Line)) > a.config.MaxLine
	if cut {
		e.Line = a.cut(e.Line, size)
	}
	if a.resume[e.Stream] != nil && a.replayed(e, parts) {
		return
	}
	at, again := a.marks[e.Stream].add(e, a.config.DropRepeats)
	if again && a.config.DropRepeats {
		return
	}
	if cut && a.config.Cut != nil {
		a.config.Cut()
	}
	a.last = e.Time
	e.Time = at
	emit(e)
}

// replayed tells whether an entry of a stream that is being replayed was passed on before.
func (a *Assembler) replayed(e logs.Entry, parts int) bool {
	replay := a.resume[e.Stream]
	if a.beyond && parts == 1 && e.Time != replay.time {
		// The entry passed on last has come again, so this one was not passed on: not
		// even if it is older than the mark, which lies before what is read here.
		a.resume[e.Stream] = nil
		return false
	}
	if replay.delivered(e) {
		if replay.over() {
			a.resume[e.Stream] = nil
			// Only a line of one part is in its place by its time; what follows one of
			// several parts, which began before others, does not tell.
			a.beyond = a.beyond || parts == 1 && e.Time == a.resumed
		}
		return true
	}
	if e.Time > replay.time {
		a.resume[e.Stream] = nil
	}
	return false
}

// sanitize replaces each byte that is not part of valid UTF-8 by U+FFFD, as
// Docker's json-file driver does.
func sanitize(text []byte) []byte {
	out := make([]byte, 0, len(text)+2*utf8.UTFMax)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			out = utf8.AppendRune(out, utf8.RuneError)
		} else {
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	return out
}
