package assemble

import (
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

// line is a line whose first parts have arrived and whose end has not, or a group of lines
// to which more may be added.
type line struct {
	held bool
	// time and offset are those of its first part.
	time   int64
	offset int64
	text   []byte
	// group says which lines may be added; nil for none.
	group    *Group
	progress progress
	// cut means that the line was passed on when it had reached the limit, and that the
	// rest of it is passed over.
	cut bool
	// replay is what the line is held against, which began before the rules ended.
	replay *replay
	// seam is how far the line had come when Seam was called last; its parts are 0 when
	// that was before it began.
	seam progress
}

// progress is how far a line has come.
type progress struct {
	// kept is the length of what is kept of it, size counts all bytes.
	kept, size int
	parts      int
	// id and ordinal are those of the newest part, where parts have them.
	id      uint64
	ordinal int32
	// lines is the number of whole lines, and ended says that the newest part ended one.
	lines int
	ended bool
	// state is what Group.Begins has returned for the newest line.
	state uint8
	// begun is the time of the first part of the newest line, newest that of its newest.
	begun, newest int64
}

func (a *Assembler) hold(r *logs.Record, n int) {
	l := &a.lines[r.Stream]
	if !l.held {
		*l = line{held: true, time: r.Time, offset: r.Offset, text: l.text[:0], group: l.group, progress: progress{begun: r.Time, id: r.Line}}
		if l.group != nil {
			l.progress.state, _ = l.group.Begins(0, beginning(r))
		}
	}
	l.progress.ordinal, l.progress.newest = r.Ordinal, r.Time
	l.progress.size += n
	l.progress.parts++
	l.keep(r.Text[:n], a.config.MaxLine)
}

// keep appends what may be needed of a part. Of a line that is too long that is one rune
// more than can be kept, so that the cut is seen and falls between runes.
func (l *line) keep(text []byte, most int) {
	if most > 0 {
		text = text[:min(len(text), max(0, most+utf8.UTFMax-len(l.text)))]
	}
	l.text = append(l.text, text...)
	l.progress.kept = len(l.text)
}

// keepCapacity is the largest buffer of a finished line that is kept for the
// next one, in bytes.
const keepCapacity = 64 << 10

func (a *Assembler) finish(s logs.Stream, emit func(logs.Entry)) {
	l := &a.lines[s]
	l.seam = progress{}
	if l.held = false; l.cut {
		l.cut = false
		return // it was passed on
	}
	before := a.last
	if l.replay != nil {
		a.resume[s] = l.replay
	}
	if a.more = max(0, l.progress.lines-1); l.group != nil && !l.progress.ended {
		a.more = l.progress.lines // and one that has no end
	}
	inPlace := l.progress.parts == 1 && l.group == nil
	a.emit(logs.Entry{Time: l.time, Stream: s, Line: l.text}, l.progress.size, inPlace, false, emit)
	a.more = 0
	if l.replay != nil {
		l.replay, a.resume[s] = nil, nil
	}
	if !inPlace {
		// Its timestamp is that of its first part, which others may have overtaken.
		a.last = max(a.last, before)
	}
	h := &a.highWater[s]
	h.seal()
	if h.seen.time == l.time {
		h.seen.span = max(h.seen.span, l.progress.newest-l.time)
	}
	if cap(l.text) > keepCapacity {
		l.text = nil
	}
}
