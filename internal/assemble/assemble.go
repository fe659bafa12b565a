package assemble

import (
	"bytes"
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
	// Rules may change between two calls of the assembler; nil for none. What has begun by
	// a group goes on with that.
	*Rules
	// Cut is called once for each entry passed on that was cut; it may be nil.
	Cut func()
	// LeftOut is told how many bytes of lines that were cut were left out; it may be nil.
	LeftOut func(bytes int)
	// Skipped is called for each entry that is left out by its time, with the rule as
	// the reason; it may be nil.
	Skipped func(reason string)
}

// Rules are what is configured for a container's lines. The zero value changes nothing.
type Rules struct {
	// Group says which lines make one entry with one that has a time; it returns nil where
	// that is one by itself, and may be nil. Gap is the longest of any group, in nanoseconds.
	Group func(s logs.Stream, at int64) *Group
	Gap   int64
	// Joined is told how many lines were added to the first one of an entry that is not
	// left out, before Change; it may be nil.
	Joined func(lines int)
	// Change, if it is not nil, turns an entry into what is sent. It may change the text
	// and the time, and returns false for an entry that is not sent at all. It is called
	// once for each entry that is not left out, and must do the same for an entry that
	// comes again. What it returns need not stay longer than until the entry was passed on.
	Change func(e *logs.Entry) (send bool)
}

// The rules that leave out entries by their time.
const (
	// BeforeSince: it is older than what is asked for.
	BeforeSince = "before_since"
	// Delivered: it was handed over before, as far as its time and its text tell.
	Delivered = "delivered"
)

// Assembler holds the state of one container's two streams. It is used by one
// goroutine at a time.
type Assembler struct {
	config    Config
	lines     [logs.Streams]line
	highWater [logs.Streams]highWater
	resume    [logs.Streams]*replay
	// last is the timestamp of the entry passed on last.
	last int64
	// resumed is what last was in the beginning, 0 where that is the time of entries of
	// both streams, and beyond tells that this entry has come again.
	resumed int64
	beyond  bool
	// more is how many lines were added to the first one of the entry in hand.
	more int
	// changed is the entry that Change has.
	changed logs.Entry
	// recent are the newest records, where they may come twice and make entries together.
	recent [logs.Streams]recent
	// since is the time before which entries are left out; 0 for none.
	since   int64
	pending pending
}

// New makes an assembler that goes on after from.
func New(config Config, from logs.Position) *Assembler {
	if config.Rules == nil {
		config.Rules = &Rules{}
	}
	a := &Assembler{config: config, last: from.Last, resumed: from.Last, pending: newPending(from)}
	for s := range a.highWater {
		a.highWater[s].seed(from.Newest[s])
		if rest := from.Rest[s]; rest != (logs.Rest{}) {
			a.lines[s] = line{held: true, cut: true, time: rest.Time, progress: progress{begun: rest.Time, id: rest.Line, ordinal: rest.Ordinal}}
		}
	}
	if from.Newest[logs.Stdout].Time == from.Newest[logs.Stderr].Time {
		a.resumed = 0
	}
	return a
}

// SkipDelivered makes the assembler leave out all entries up to the high-water marks that
// it was made with: they were handed over before, and the records come again
// because reading was resumed by time and not by offset. It ends for a stream
// with its first entry beyond the high-water mark, and with Live. Only the given streams are
// concerned.
func (a *Assembler) SkipDelivered(of [logs.Streams]bool) {
	for s := range a.highWater {
		if h := &a.highWater[s]; h.seen.time != 0 && of[s] {
			h.seal()
			a.resume[s] = newReplay(&h.seen)
		}
	}
}

// LeaveOut makes the assembler leave out entries from before a time, until Live.
func (a *Assembler) LeaveOut(before int64) { a.since = before }

// Live says that the records from here on were not there yet when the log was opened:
// they are new, whatever their time. Clocks are set.
func (a *Assembler) Live() {
	for s := range a.lines {
		if l := &a.lines[s]; l.held && !l.cut && l.replay == nil {
			l.replay = a.resume[s]
		}
	}
	a.since, a.resume = 0, [logs.Streams]*replay{}
}

// Again says that a file begins again, from its start, with what was read before or with
// something new. Nothing is left out, and what was sent before is forgotten: what comes
// again is then sent with the timestamps of the first time, which depend only on the
// entries before it.
func (a *Assembler) Again() {
	a.resume = [logs.Streams]*replay{}
	for s := range a.highWater {
		a.highWater[s].forget()
	}
}

// Replaying tells of which streams entries are still being left out, or would be. A line that
// has been held back since before Live may be.
func (a *Assembler) Replaying() (of [logs.Streams]bool) {
	for s := range of {
		l := &a.lines[s]
		of[s] = a.resume[s] != nil || l.held && l.replay != nil
	}
	return of
}

// Add takes one record and passes on what it completes: no entry, one, or two
// when the record shows that a line held back had ended without line feed. A line that is
// too long is passed on as soon as it is, since its end may never come. The
// entry's text is valid until the next call; the record's must stay unchanged
// until Seal.
func (a *Assembler) Add(r *logs.Record, emit func(logs.Entry)) {
	a.pending.pass(r)
	held := &a.lines[r.Stream]
	if a.config.Group != nil && a.repeated(held, r) {
		return
	}
	switch {
	case !held.held:
	case held.progress.ended && a.joins(held, r):
		held.lineFeed(r, a.config.MaxLine)
	case held.progress.ended, !a.continues(held, r):
		// After a restart of the container the end of the old run's last line
		// would otherwise be taken for the beginning of the new run's first.
		a.finish(r.Stream, emit)
	}
	whole := len(r.Text) > 0 && r.Text[len(r.Text)-1] == '\n'
	if a.config.Group != nil && !held.held {
		held.group = a.config.Group(r.Stream, r.Time)
	}
	switch {
	case held.held && held.cut:
		a.leaveOut(len(r.Text))
		held.progress.ordinal = r.Ordinal
		held.held = !whole && len(r.Text) >= logs.PartSize
		held.cut = held.held
	case whole && held.group != nil && !held.cut:
		a.hold(r, len(r.Text)-1)
		held.progress.lines++
		held.progress.ended = true // the next line shows whether it belongs to it
	case whole && !held.held:
		a.emit(logs.Entry{Time: r.Time, Stream: r.Stream, Line: r.Text[:len(r.Text)-1], Extra: r.Extra}, len(r.Text)-1, true, r.ASCII, emit)
	case whole:
		a.hold(r, len(r.Text)-1)
		a.finish(r.Stream, emit)
	default:
		a.hold(r, len(r.Text))
		// Docker splits a line after PartSize bytes, and replacing bytes that
		// are no UTF-8 only lengthens a part. So a shorter one was written
		// because the output ended: no further part will come.
		switch {
		case len(r.Text) < logs.PartSize:
			a.finish(r.Stream, emit)
		case a.config.MaxLine > 0 && held.progress.size > a.config.MaxLine:
			a.finish(r.Stream, emit)
			held.held, held.cut = true, true
		}
	}
}

// Rest returns, per stream, the line that was cut and whose end has not come.
func (a *Assembler) Rest() (rest [logs.Streams]logs.Rest) {
	for s := range a.lines {
		// Without the number of a line, and with parts that differ in time, nobody
		// could tell later where it ends.
		if l := &a.lines[s]; l.held && l.cut && (!a.config.TimesDiffer || l.progress.id != 0) {
			rest[s] = logs.Rest{Time: l.progress.begun, Line: l.progress.id, Ordinal: l.progress.ordinal}
		}
	}
	return rest
}

func (a *Assembler) leaveOut(bytes int) {
	if a.config.LeftOut != nil {
		a.config.LeftOut(bytes)
	}
}

// continues reports whether a record may be the next part of a line held back.
func (a *Assembler) continues(l *line, r *logs.Record) bool {
	if !a.config.TimesDiffer && r.Time != l.progress.begun {
		return false
	}
	// Of the rest of a line that was cut, parts may be gone with a file.
	return r.Line == l.progress.id && (r.Line == 0 || r.Ordinal == l.progress.ordinal+1 || l.cut && r.Ordinal > l.progress.ordinal)
}

// Flush passes on the lines held back: the container's run has ended.
func (a *Assembler) Flush(emit func(logs.Entry)) {
	for s := range a.lines {
		if a.lines[s].held {
			a.finish(logs.Stream(s), emit)
		}
	}
}

// Seam says that what follows is in another file.
func (a *Assembler) Seam() {
	for s := range a.lines {
		if l := &a.lines[s]; l.held {
			l.seam = l.progress
		}
	}
}

// Rewind says that all since the last Seam comes again. A line that was held back then is
// what it was; one that was cut since was passed on, and stays so.
func (a *Assembler) Rewind() {
	for s := range a.lines {
		switch l := &a.lines[s]; {
		case l.seam.parts == 0:
			l.held = false
		case !l.cut:
			l.text, l.progress = l.text[:l.seam.kept], l.seam
		}
	}
}

// Seal must be called before the memory of records that were added is used
// again.
func (a *Assembler) Seal() {
	for s := range a.highWater {
		a.highWater[s].seal()
	}
}

// Newest returns the high-water marks of the newest entries passed on. It seals.
func (a *Assembler) Newest() (newest [logs.Streams]logs.HighWaterMark) {
	for s := range a.highWater {
		newest[s] = a.highWater[s].export()
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
	return l.offset, l.time, l.held && !l.cut
}

// HeldBytes returns the size of the lines that are held back.
func (a *Assembler) HeldBytes() (bytes int) {
	for s := range a.lines {
		if l := &a.lines[s]; l.held && !l.cut {
			bytes += l.progress.size
		}
	}
	return bytes
}

// emit finishes an entry whose line had size bytes before it was stored. inPlace says that
// it comes where its time belongs in the log, ascii that it need not be checked for bytes
// that are no UTF-8.
func (a *Assembler) emit(e logs.Entry, size int, inPlace, ascii bool, emit func(logs.Entry)) {
	if !ascii && !utf8.Valid(e.Line) {
		e.Line = sanitize(e.Line)
	}
	cut := a.config.MaxLine > 0 && max(size, len(e.Line)) > a.config.MaxLine
	if cut {
		e.Line = a.cut(e.Line)
	}
	if e.Time < a.since {
		a.skipped(BeforeSince)
		return
	}
	if a.resume[e.Stream] != nil && a.replayed(e, inPlace) {
		a.skipped(Delivered)
		return
	}
	h := &a.highWater[e.Stream]
	if a.config.DropRepeats && h.again(e) {
		return
	}
	if cut && a.config.Cut != nil {
		a.config.Cut()
		a.leaveOut(max(0, size-len(e.Line)))
	}
	if a.more > 0 && a.config.Joined != nil {
		a.config.Joined(a.more)
	}
	a.last = e.Time
	h.note(e, a.config.Change != nil)
	same := true
	if a.config.Change != nil {
		a.changed = e // a copy of its own, so that other entries stay on the stack
		if !a.config.Change(&a.changed) {
			h.unsent()
			return
		}
		same = bytes.Equal(e.Line, a.changed.Line)
		e, a.changed = a.changed, logs.Entry{}
	}
	e.Time = h.send(e, same, !a.config.DropRepeats)
	emit(e)
}

func (a *Assembler) skipped(reason string) {
	if a.config.Skipped != nil {
		a.config.Skipped(reason)
	}
}

// replayed reports whether an entry of a stream that is being replayed was passed on before.
func (a *Assembler) replayed(e logs.Entry, inPlace bool) bool {
	replay := a.resume[e.Stream]
	if a.beyond && inPlace && e.Time != replay.time {
		// The entry passed on last has come again, so this one was not passed on: not
		// even if it is older than the high-water mark, which lies before what is read here.
		a.resume[e.Stream] = nil
		return false
	}
	if replay.delivered(e) {
		if replay.over() {
			a.resume[e.Stream] = nil
			// Only a line of one part is in its place by its time; what follows one of
			// several parts, which began before others, does not tell.
			a.beyond = a.beyond || inPlace && e.Time == a.resumed
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
