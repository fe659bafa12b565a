package tail

import "github.com/lighterman/lighterman/internal/logs"

// resumePoint is a place from which a new start goes on, and the order of its file. Once it
// is made it does not change: the file may be closed, and its generation gone.
type resumePoint struct {
	place logs.FilePosition
	order int
}

// lineStart is the resume point of a line that is held back and that began in a file which
// has been read to its end.
type lineStart struct {
	resumePoint
	// offset and time are those of the line.
	offset, time int64
	// replaying is set when what came before of the stream was being left out, as it was
	// handed over before.
	replaying bool
	// known is set when there is one.
	known bool
}

// Position returns the place up to which entries were handed over.
func (l *Log) Position() logs.Position {
	p := logs.Position{Newest: l.assemble.Newest(), Last: l.assemble.Last(), Pending: l.assemble.Pending(), Rest: l.assemble.Rest(), Drained: l.drained}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.File = l.resumeFrom().place
	p.Since, p.Opened = l.bound.since, l.opened(p.File.Behind != [logs.Streams]bool{})
	if p.Since != 0 && l.bound.seen.Known {
		p.Seen = l.bound.seen
	}
	return p
}

// Needed returns the order of the oldest file that the present Position needs,
// for Delivered.
func (l *Log) Needed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.resumeFrom().order
}

// resumeFrom returns where a new start has to go on: where the oldest line began that is held
// back, or else at the file being read. mu is held.
func (l *Log) resumeFrom() resumePoint {
	switch oldest := l.oldestLine(); {
	case oldest.known:
		p := oldest.resumePoint
		for s := range p.place.Behind {
			// Of a stream whose line is held since then nothing was handed over.
			own := l.lineStart(logs.Stream(s))
			p.place.Behind[s] = !own.known || own.order != oldest.order || own.replaying
		}
		return p
	case len(l.files) == 0:
		return resumePoint{order: l.next}
	}
	p := resumePoint{l.place(l.files[0]), l.files[0].order}
	if l.standsIn() {
		p = l.previous
	}
	p.place.Behind = l.assemble.Replaying()
	return p
}

// standsIn reports whether the present file cannot be recognised, and the end of the
// previous one stands for its beginning.
func (l *Log) standsIn() bool {
	return l.files[0].fingerprint == 0 && l.previous.place.Fingerprint != 0
}

// place is the position within a file, given the lines held back.
func (l *Log) place(g *generation) logs.FilePosition {
	p := g.position()
	for s := range p.Offsets {
		p.Offsets[s] = max(g.offset, g.skip[s])
		if offset, _, held := l.assemble.Held(logs.Stream(s)); held && g == l.read && !l.lineStart(logs.Stream(s)).known {
			p.Offsets[s] = offset
		}
	}
	return p
}

// lineStart returns where in an older file the line of a stream began that is still held
// back, if it did.
func (l *Log) lineStart(s logs.Stream) lineStart {
	if began := l.lines[s]; began.known {
		if offset, time, held := l.assemble.Held(s); !held || time != began.time || offset != began.offset {
			l.lines[s] = lineStart{}
		}
	}
	return l.lines[s]
}

// oldestLine returns the one of those that began in the oldest file.
func (l *Log) oldestLine() lineStart {
	out, err := l.lineStart(logs.Stdout), l.lineStart(logs.Stderr)
	if !out.known || err.known && err.order < out.order {
		return err
	}
	return out
}

// keepLineStarts remembers where in g the lines began that are held back: it is left.
func (l *Log) keepLineStarts(g *generation) {
	at, replaying := resumePoint{l.place(g), g.order}, l.assemble.Replaying()
	for s := range l.lines {
		if offset, time, held := l.assemble.Held(logs.Stream(s)); held && !l.lineStart(logs.Stream(s)).known {
			l.lines[s] = lineStart{resumePoint: at, offset: offset, time: time, replaying: replaying[s], known: true}
		}
	}
}

// HeldBytes returns the size of the lines that are held back.
func (l *Log) HeldBytes() int { return l.assemble.HeldBytes() }

// Grouping reports whether some entries are held back because more lines may belong to
// them, and whether nothing else is.
func (l *Log) Grouping() (some, only bool) { return l.assemble.Grouping() }

// FlushGroups passes on those to which nothing can belong that is stamped now, in Unix
// nanoseconds, or later: all that there is was read.
func (l *Log) FlushGroups(now int64, emit func(logs.Entry)) { l.assemble.FlushGroups(now, emit) }

// Held returns what is held back because its end has not come.
func (l *Log) Held() (h logs.Held) {
	for s := range h.Lines {
		if _, time, held := l.assemble.Held(logs.Stream(s)); held {
			h.Lines[s] = time
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.Rest = l.rest()
	return h
}

// holds reports whether a line is held back.
func (l *Log) holds() bool {
	_, _, out := l.assemble.Held(logs.Stdout)
	_, _, err := l.assemble.Held(logs.Stderr)
	return out || err
}

// rest returns the end of the last file when it was read and ends in something that is no
// whole record, and that may still become one; otherwise 0. mu is held.
func (l *Log) rest() int64 {
	if !l.live() {
		return 0
	}
	if g := l.files[0]; g == l.read {
		return g.unfinished()
	}
	return 0
}
