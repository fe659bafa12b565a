package stream

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stamp"
)

// Config says how a body is to be read.
type Config struct {
	// TTY reports whether the container has a terminal: the body is then raw text
	// without frames.
	TTY bool
	// TimesDiffer reports whether the parts of a line differ in their timestamps:
	// the journald driver.
	TimesDiffer bool
	// Resume is where the log was left; the request must have been made with
	// Since of it, or with Tail.
	Resume logs.Position
	// Tail is the number of records before the end of the log at which the body
	// begins; 0 where it begins at Since. What was handed over is then left out, and
	// Wait returns ErrGap when the place where the log was left is not among them.
	Tail int
	// LeaveOut reports whether lines from before Resume.Since may come, and are to be left out.
	LeaveOut bool
	// First and Newest are records that were in the log when it was opened: the first time, and now.
	// No line behind them is left out by its time. Opened is when this was, in Unix
	// nanoseconds: a record that is later than that and both ends since, too, as they may
	// be gone.
	First, Newest logs.Seen
	Opened        int64
	// Heard, if not nil, is set to the timestamp of the newest record that has
	// arrived, in Unix nanoseconds, also while the end of a line is awaited.
	Heard *atomic.Int64
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Events counts what happens to the log; it must not be nil.
	Events Events
}

// Events counts what an operator should know of.
type Events interface {
	// CorruptRecord counts a record without a timestamp.
	CorruptRecord()
	// LineCut counts a line that was longer than the limit.
	LineCut()
	// LeftOut counts the bytes that lines which were cut have lost.
	LeftOut(bytes int)
	// LineSkipped counts a line that was left out by its time.
	LineSkipped(reason string)
}

// Since returns the time in Unix nanoseconds from which on the log must be
// asked for to resume at p; 0 for all of it.
func Since(p logs.Position) int64 { return assemble.Since(p) }

const (
	// readSize is how much is asked for at a time, in bytes.
	readSize = 64 << 10
	// maxFrame is the longest record that is kept whole, in bytes. The engine
	// itself refuses more than 10^6 where it stores them in frames.
	maxFrame = 1 << 20
	// keepBuffer is the largest buffer that is kept while nothing is in it.
	keepBuffer = 4 * readSize
)

// Reader reads one body. It is used by one goroutine at a time, except that
// the body may be closed at any time to end a Wait.
type Reader struct {
	body     io.Reader
	config   Config
	assemble *assemble.Assembler
	clock    stamp.Parser
	// buf holds bytes not taken yet, in memory that is reused from start on.
	buf   []byte
	start int
	// pending is the timestamp of a line whose end had not come when the log was left;
	// 0 when there was none, or when it has come again. That is so when a record
	// newer than last, the newest handed over, has come.
	pending, last int64
	// tail finds the place where the log was left; nil when it is found.
	tail *tail
	// rules are those that go by time and hold.
	rules rules
	// skip is the number of bytes of an oversized frame still to be dropped.
	skip int
	end  error
}

// NewReader makes a reader. It reads nothing yet.
func NewReader(body io.Reader, config Config) *Reader {
	r := &Reader{body: body, config: config}
	r.assemble = assemble.New(assemble.Config{
		MaxLine: config.MaxLine, TimesDiffer: config.TimesDiffer, Cut: config.Events.LineCut, LeftOut: config.Events.LeftOut, Skipped: config.Events.LineSkipped,
		// journald's clock has microseconds, and it does not repeat records.
		DropRepeats: !config.TimesDiffer,
	}, config.Resume)
	r.assemble.SkipDelivered(assemble.Replayed(config.Resume))
	r.pending, r.last = config.Resume.Pending, config.Resume.Latest()
	if config.Tail > 0 {
		r.tail = newTail(config.Tail, config.Resume)
	}
	r.rules = newRules(config)
	if r.rules.since {
		r.assemble.LeaveOut(config.Resume.Since)
	}
	return r
}

// errMore says that what is buffered ends within a record.
var errMore = errors.New("incomplete record")

// Wait blocks until Take will find something. It returns io.EOF when the
// engine has ended the body in order, which means that the container's run has
// ended, and another error when the connection broke or the engine reported
// one, or ErrGap.
func (r *Reader) Wait() error {
	for {
		record, _, err := r.next()
		if err == nil {
			r.tail.begin(record.Time)
		}
		if r.tail.missed() {
			return ErrGap
		}
		if !errors.Is(err, errMore) {
			return err
		}
		r.hear(r.incomplete())
		if r.end != nil {
			return r.ended()
		}
		r.fill()
	}
}

// hear notes that a record with this timestamp has arrived. One that is much older than
// the one before is from a clock that was set back.
func (r *Reader) hear(time int64) {
	if r.config.Heard == nil || time == 0 {
		return
	}
	if before := r.config.Heard.Load(); time > before || time < before-assemble.Disorder {
		r.config.Heard.Store(time)
	}
}

// Take passes on the entries of all records that have arrived. It does not
// block. The entries' text is valid only during the call of emit.
func (r *Reader) Take(emit func(logs.Entry)) {
	for {
		record, size, err := r.next()
		if err != nil {
			break
		}
		r.start += size
		if record.Time == 0 {
			r.config.Events.CorruptRecord()
			continue
		}
		r.hear(record.Time)
		if r.tail != nil {
			if r.tail.before(record.Time) {
				continue
			}
			if r.tail.gap {
				break // which the next Wait returns
			}
			r.tail = nil
		}
		if record.Time > r.last {
			r.pending = 0
		}
		if size >= headerSize+maxFrame && (r.config.MaxLine == 0 || r.config.MaxLine > maxFrame) {
			r.config.Events.LineCut() // otherwise it is cut, and counted, as a line
		}
		passed := r.rules.passes(&record)
		r.assemble.Add(&record, emit)
		if passed {
			r.endRules()
		}
	}
	r.assemble.Seal()
}

// Flush passes on lines whose end has not come: the container's run has ended.
func (r *Reader) Flush(emit func(logs.Entry)) { r.assemble.Flush(emit) }

// HeldBytes returns the size of the lines that are held back.
func (r *Reader) HeldBytes() int { return r.assemble.HeldBytes() }

// Position returns the place up to which entries were passed on.
func (r *Reader) Position() logs.Position {
	p := logs.Position{
		File: r.config.Resume.File, Newest: r.assemble.Newest(), Last: r.assemble.Last(), Rest: r.assemble.Rest(), Drained: r.config.Resume.Drained, Since: r.config.Resume.Since,
	}
	if p.Since != 0 && r.rules.first.Known {
		p.Seen = r.rules.first
		p.Seen.Past = p.Seen.Past || !r.rules.since
	}
	// The file route may come back: what is read here is then behind it.
	if p.File != (logs.FilePosition{}) {
		p.File.Behind = [logs.Streams]bool{true, true}
	}
	p.Pending = r.pending
	for s := range logs.Streams {
		if _, time, held := r.assemble.Held(logs.Stream(s)); held && (p.Pending == 0 || time < p.Pending) {
			p.Pending = time
		}
	}
	return p
}

// next returns the next record in the buffer and the bytes it takes up.
func (r *Reader) next() (logs.Record, int, error) {
	rest := r.buf[r.start:]
	if r.config.TTY {
		return r.rawRecord(rest)
	}
	return r.frame(rest)
}

// fill reads more. Memory before start is free and used again first.
func (r *Reader) fill() {
	if r.start > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.start:])]
		r.start = 0
	}
	if len(r.buf) == 0 && cap(r.buf) > keepBuffer {
		r.buf = nil
	}
	if cap(r.buf)-len(r.buf) < readSize {
		r.buf = append(make([]byte, 0, min(2*len(r.buf), headerSize+maxFrame)+readSize), r.buf...)
	}
	n, err := r.body.Read(r.buf[len(r.buf):cap(r.buf)])
	fresh := r.buf[len(r.buf) : len(r.buf)+n]
	dropped := min(r.skip, len(fresh))
	r.skip -= dropped
	r.buf = append(r.buf, fresh[dropped:]...)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		r.end = io.EOF
	default:
		r.end = fmt.Errorf("cannot read log stream: %w", err)
	}
}

// ended returns why the body has ended, given that no whole record is left.
func (r *Reader) ended() error {
	if !errors.Is(r.end, io.EOF) {
		return r.end
	}
	if len(r.buf) > r.start {
		return fmt.Errorf("cannot read log stream: it ends within a frame: %w", io.ErrUnexpectedEOF)
	}
	if r.tail.end(); r.tail.missed() {
		return ErrGap
	}
	return r.end
}
