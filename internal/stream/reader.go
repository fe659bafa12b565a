package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// NewReader makes a reader. It reads nothing yet.
func NewReader(body io.Reader, config Config) *Reader {
	r := &Reader{body: body, config: config}
	r.assemble = assemble.New(assemble.Config{
		Rules: config.Rules, MaxLine: config.MaxLine, TimesDiffer: config.TimesDiffer, Cut: config.Events.LineCut, LeftOut: config.Events.LeftOut, Skipped: config.Events.LineSkipped,
		// journald's clock has microseconds, and it does not repeat records.
		DropRepeats: !config.TimesDiffer,
	}, config.Resume)
	r.assemble.SkipDelivered(assemble.Replayed(config.Resume))
	if config.Tail > 0 {
		r.tail = newTail(config.Tail, config.Resume)
	}
	r.rules = newRules(config)
	if r.rules.since {
		r.assemble.LeaveOut(config.Resume.Since)
	}
	return r
}

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
		if r.rules.before(&record) {
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

// Grouping reports whether some entries are held back because more lines may belong to
// them, and whether nothing else is.
func (r *Reader) Grouping() (some, only bool) { return r.assemble.Grouping() }

// FlushGroups passes on those to which nothing can belong that is stamped now, in Unix
// nanoseconds, or later: all that has arrived was taken.
func (r *Reader) FlushGroups(now int64, emit func(logs.Entry)) { r.assemble.FlushGroups(now, emit) }

// HeldBytes returns the size of the lines that are held back.
func (r *Reader) HeldBytes() int { return r.assemble.HeldBytes() }

// Position returns the place up to which entries were passed on.
func (r *Reader) Position() logs.Position {
	p := logs.Position{
		File: r.config.Resume.File, Newest: r.assemble.Newest(), Last: r.assemble.Last(), Pending: r.assemble.Pending(), Rest: r.assemble.Rest(),
		Drained: r.config.Resume.Drained, Since: r.config.Resume.Since,
	}
	if p.Since != 0 && r.rules.first.Known {
		p.Seen = r.rules.first
		p.Seen.Past = p.Seen.Past || !r.rules.since
	}
	// The file route may come back: what is read here is then behind it.
	if p.File != (logs.FilePosition{}) {
		p.File.Behind = [logs.Streams]bool{true, true}
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

// endRules makes the assembler leave out no more than what the rules say.
func (r *Reader) endRules() {
	if !r.rules.replay {
		r.assemble.Live()
		return
	}
	r.assemble.LeaveOut(0)
}
