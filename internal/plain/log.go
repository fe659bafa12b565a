package plain

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// Config says how a file is read.
type Config struct {
	// Path is where the file is now, and Inode and Made are which it is.
	Path  string
	Inode uint64
	Made  int64
	// Log names the file; it may be nil.
	Log *slog.Logger
	// Resume is where to go on, and Spans are those that were written down behind it.
	Resume logs.Position
	Spans  []logs.Span
	// Foresee writes a span down, and Foreseen says how many are kept and the time of the
	// oldest, in Unix nanoseconds; see checkpoint.Store.
	Foresee  func(logs.Span) (kept int, oldest int64, err error)
	Foreseen func() (kept int, oldest int64)
	// Copied is told that the file at a path was truncated that had been read up to a
	// position, and the number of its first span, and reports whether a copy has what it held,
	// and how much of that, in bytes, 0 for all; it may be nil.
	Copied func(path string, at logs.Position, first uint64) (size int64, found bool)
	// Budget bounds the open files; nil for no bound.
	Budget *Budget
	// Silence is after which time a last line without line feed is over.
	Silence time.Duration
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Rules are what is configured for its lines.
	Rules  *assemble.Rules
	Events Events
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

// Events counts what an operator should know of.
type Events interface {
	// LineCut counts a line that was longer than the limit, LeftOut the bytes that it lost.
	LineCut()
	LeftOut(bytes int)
	// Truncated counts a file that was truncated: a copy was found that has what it held, or
	// so many bytes of it are lost that had not been read.
	Truncated(found bool, lost int64)
}

// idle is how long a file is open that is not written to.
const idle = 5 * time.Minute

// Log is one file. All methods but Lag, Files and Close belong to one goroutine, the reader's.
type Log struct {
	config   Config
	assemble *assemble.Assembler
	cursor   cursor
	where    where
	content  content
	foreseen foreseen
	rest     rest
	// copied is set when the file is not the one that it is of, but has what that held.
	copied bool
	// replaced is set while the file has no name any more, and another one has its path.
	replaced bool
	// thin is set while the file is not read as too many spans are kept of it.
	thin bool
	// resume is the place to go on from, until the file was opened.
	resume *logs.Position
	// warned: that a span could not be written down was logged.
	warned bool
	record logs.Record

	// mu guards what follows. Lag asks for the size of the file with it held, so that the
	// descriptor is not another file's by then.
	mu   sync.Mutex
	disk disk
}

// where is where the file is, and which it is.
type where struct {
	// path is where it is now, and facts what it was when it was opened last.
	path  string
	facts Facts
	// stranger is what had the file's name and was not the file.
	stranger Facts
}

// foreseen are the spans that were written down.
type foreseen struct {
	// plan are those of before, which are read again; ahead are those of after a truncation.
	plan, ahead []logs.Span
	// spans are those that a line held back may need.
	spans []logs.Span
}

// disk is what there is of the file.
type disk struct {
	// file is nil while it is not open. seen is as far as it was read, and size that of the
	// file when it was looked at last.
	file       *file
	seen, size int64
	// packed is set when the file is compressed.
	packed bool
}

// rest is a last line without line feed.
type rest struct {
	size  int
	since time.Time
}

// Open makes the log of a file. The file is opened when there is something to read.
func Open(config Config) *Log {
	if config.Now == nil {
		config.Now = time.Now
	}
	config.Resume = Known(config.Resume, config.Spans)
	at := config.Resume
	l := &Log{config: config, where: where{path: config.Path}, resume: &at}
	l.assemble = assemble.New(assemble.Config{
		Rules: config.Rules, MaxLine: config.MaxLine, Cut: config.Events.LineCut, LeftOut: config.Events.LeftOut,
	}, at)
	l.cursor.offset, l.cursor.number, l.cursor.last = at.File.Offsets[0], at.Plain.Span, at.Last
	if rest := at.Rest[logs.Stdout]; rest.Time != 0 {
		l.cursor.inLine, l.cursor.lineTime = true, rest.Time
	}
	l.disk.seen, l.disk.size = l.cursor.offset, l.cursor.offset
	l.cursor.epoch = at.Plain.Epoch
	l.foreseen.plan, l.cursor.begun = planned(config.Spans, l.cursor.epoch, l.cursor.offset, l.cursor.number), l.cursor.number
	l.foreseen.ahead = slices.DeleteFunc(slices.Clone(config.Spans), func(s logs.Span) bool { return s.Epoch <= l.cursor.epoch })
	if n := len(config.Spans); n > 0 {
		l.cursor.number = max(l.cursor.number, config.Spans[n-1].Number+1)
	}
	return l
}

// planned are the spans of an epoch that come behind a position, without a gap.
func planned(spans []logs.Span, epoch uint64, offset int64, number uint64) (out []logs.Span) {
	for _, s := range spans {
		switch {
		case s.Number < number, s.Epoch != epoch:
		case len(out) == 0 && s.From <= offset && offset <= s.To, len(out) > 0 && s.From == out[len(out)-1].To:
			out = append(out, s)
		default:
			return out
		}
	}
	return out
}

// Move says where the file is now.
func (l *Log) Move(path string) { l.where.path = path }

// Path is where the file is now.
func (l *Log) Path() string { return l.where.path }

// Offset is how far the file was read, whether what was read is held back or not.
func (l *Log) Offset() int64 { return l.cursor.offset }

// Position returns the place up to which entries were handed over.
func (l *Log) Position() logs.Position {
	if l.resume != nil { // nothing was read
		return l.config.Resume
	}
	p := logs.Position{Newest: l.assemble.Newest(), Last: l.assemble.Last(), Rest: l.assemble.Rest()}
	l.content.position(&p, l.where.facts, l.cursor.offset)
	p.Plain.Span, p.Plain.Epoch = l.cursor.number, l.cursor.epoch
	offset, time, held := l.assemble.Held(logs.Stdout)
	switch {
	case held:
		l.back(&p, offset, time)
		return p
	case len(l.foreseen.plan) > 0:
		p.Plain.Span = l.foreseen.plan[0].Number
	}
	l.foreseen.spans = l.foreseen.spans[:0]
	return p
}

// back makes the position that of the beginning of a line that is held back.
func (l *Log) back(p *logs.Position, offset, time int64) {
	n := 0
	for n < len(l.foreseen.spans) && l.foreseen.spans[n].To <= offset {
		n++
	}
	l.foreseen.spans = append(l.foreseen.spans[:0], l.foreseen.spans[n:]...)
	for s := range p.File.Offsets {
		p.File.Offsets[s] = offset
	}
	p.Plain.Tail, p.Pending = 0, time
	if len(l.foreseen.spans) > 0 {
		p.Plain.Span = l.foreseen.spans[0].Number
	}
}

// Held returns what is held back because its end has not come.
func (l *Log) Held() (h logs.Held) {
	if _, time, held := l.assemble.Held(logs.Stdout); held {
		h.Lines[logs.Stdout] = time
	}
	if l.rest.size > 0 {
		h.Rest = l.cursor.offset + int64(l.rest.size)
	}
	return h
}

// HeldBytes returns the size of the lines that are held back.
func (l *Log) HeldBytes() int { return l.assemble.HeldBytes() + l.rest.size }

// Grouping reports whether the file has to be looked at again soon, although nothing may be
// written to it, and whether nothing else is held back.
func (l *Log) Grouping() (some, only bool) {
	some, only = l.assemble.Grouping()
	return some || l.thin || l.replaced || l.rest.size > 0, only && l.rest.size == 0
}

// FlushGroups passes on entries to which nothing can belong that is stamped now, in Unix
// nanoseconds, or later.
func (l *Log) FlushGroups(now int64, emit func(logs.Entry)) { l.assemble.FlushGroups(now, emit) }

// Lag returns the number of bytes that are there to be read; of a compressed file its size.
func (l *Log) Lag() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := l.disk.size
	if l.disk.file != nil {
		facts, err := l.disk.file.look()
		if err != nil {
			return 0
		}
		size = facts.Size
	}
	if l.disk.packed && l.disk.seen > 0 {
		return 0 // nobody knows
	}
	return max(0, size-l.disk.seen)
}

// Files returns the number of files that are open.
func (l *Log) Files() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.disk.file == nil {
		return 0
	}
	return 1
}

// Close closes the file.
func (l *Log) Close() {
	l.mu.Lock()
	f := l.disk.file
	l.disk.file = nil
	l.mu.Unlock()
	if f != nil {
		l.config.Budget.give(f)
		_ = f.Close()
	}
}
