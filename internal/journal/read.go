package journal

import (
	"bytes"
	"errors"
	"time"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// loadFactor is how many bytes one Read may load for each byte of text that it is
	// asked for: a line brings its fields with it, and what is loaded and left out
	// must not hold up the others either.
	loadFactor = 4
	// maxSteps bounds the entries that one Read looks at: those left out count too.
	maxSteps = 4096
	// patience is how long an entry that cannot be read is taken for one that is
	// being written.
	patience = 3 * time.Second
	// manyEntries is how many new entries are believed without a look at the size of
	// the file.
	manyEntries = 1 << 16
)

// Read reads about as many bytes of text as given, and passes on the entries that
// are complete. Their text is valid only during the call of emit. It returns the
// number of bytes read; more is false when everything written so far has been
// read.
func (l *Log) Read(s *Scratch, limit int, emit func(logs.Entry)) (size int, more bool) {
	l.begin(s)
	defer l.assemble.Seal()
	for l.steps = maxSteps; l.steps > 0; l.steps-- {
		p := l.next(s)
		if p == nil {
			return size, l.steps <= 0
		}
		why, out, over := l.rules.leaveOut(&p.head)
		if over {
			l.assemble.Live()
		}
		if out {
			l.options.Events.LineSkipped(why)
			l.at.last, l.at.from = p.head.position(), p
			p.advance()
			size++ // so that the place is kept
			continue
		}
		r, what, err := l.record(s, p, p.head.Entry)
		if err != nil && !l.bad(p, err) {
			return size, false
		}
		at := p.head.position()
		l.stuck = time.Time{}
		p.broken = p.broken && err != nil
		p.advance()
		switch {
		case err != nil:
		case what == ours:
			size += len(r.Text)
			l.take(r, at, emit)
		case what == forged:
			l.forged(s, p)
		case l.host != nil:
			size++ // so that the place is kept
		}
		l.at.last, l.at.from = at, p
		if size >= limit || s.cache.Loaded() >= loadFactor*limit {
			return size, true
		}
	}
	return size, true
}

// advance goes on to the next entry.
func (p *part) advance() {
	p.cursor.Advance()
	p.headed = false
}

// unreadable reports whether the entry at the cursor cannot become readable any more:
// its data is of a form that is not read, nothing more is written to the file, or a
// later entry of the container was counted, which journald has written after it.
func (p *part) unreadable(err error) bool {
	return errors.Is(err, journalfile.ErrUnsupported) || errors.Is(err, journalfile.ErrUnpack) ||
		p.final || p.cursor.Taken()+1 < p.count
}

// forged counts an entry that says it is the container's and was sent by another
// program than the engine. It is logged once: anybody may send any number.
func (l *Log) forged(s *Scratch, p *part) {
	l.options.Events.ForgedEntry()
	if l.trust.warned || l.options.Log == nil {
		return
	}
	l.trust.warned = true
	about := []any{"file", l.journal.pathOf(p.file)}
	for _, offset := range s.fields {
		data, err := p.file.Payload(&s.cache, offset, shortField)
		for name, key := range map[string]string{"_UID=": "user", "_COMM=": "program", "_PID=": "process"} {
			if value, ok := bytes.CutPrefix(data, []byte(name)); ok && err == nil {
				about = append(about, key, string(value))
			}
		}
	}
	l.options.Log.Warn("journal entries that say they are this container's were sent by another program than the engine, and are left out; "+
		"if the engine runs as another user or under another name, set journal-sender", about...)
}

// bad reports whether what cannot be read is to be passed over: not as long as it may
// be that it is being written. A file that a crash has damaged may count thousands of
// entries that are not there: only the first of them is waited for.
func (l *Log) bad(p *part, err error) (pass bool) {
	if l.stuck.IsZero() {
		l.stuck = time.Now()
	}
	if !p.unreadable(err) {
		if !p.broken && time.Since(l.stuck) < patience {
			return false
		}
		p.broken = true
	}
	l.options.Events.CorruptRecord()
	return true
}

// take adds a record to its line.
func (l *Log) take(r logs.Record, at logs.JournalPosition, emit func(logs.Entry)) {
	if l.at.skip[r.Stream] {
		if !l.after(at, l.at.done[r.Stream]) {
			return
		}
		l.at.skip[r.Stream] = false
	}
	l.count++
	r.Offset = l.count
	l.assemble.Add(&r, emit)
	if offset, _, held := l.assemble.Held(r.Stream); held && offset == r.Offset {
		l.at.began[r.Stream] = l.at.last
	}
}

// begin takes over new files, and learns how much there is of each.
func (l *Log) begin(s *Scratch) {
	j := l.journal
	j.refresh()
	j.mu.Lock()
	for _, f := range l.pending {
		l.parts = append(l.parts, &part{file: f, fields: make(map[uint64]field)})
	}
	l.pending = nil
	for _, p := range l.parts {
		p.final = !p.file.live // learned before the number of entries is read
		p.left = p.file.abandoned
	}
	j.mu.Unlock()
	kept := l.parts[:0]
	var done []*file
	// What is read after its number was is there.
	s.reset()
	for _, p := range l.parts {
		if l.look(s, p) {
			kept = append(kept, p)
		} else {
			done = append(done, p.file)
		}
	}
	clear(l.parts[len(kept):])
	l.parts = kept
	if len(done) > 0 {
		l.stuck = time.Time{} // it may have been one of these
	}
	s.cache.Reset()
	j.giveBack(done...)
}

// trouble logs something that a file has and that cannot be read.
func (l *Log) trouble(p *part, why error) {
	if p.warned || errors.Is(why, journalfile.ErrNotYet) && !p.final {
		return
	}
	p.warned = true
	l.options.Events.CorruptRecord()
	if l.options.Log != nil {
		l.options.Log.Warn("cannot read all of a journal file", "file", l.journal.pathOf(p.file), "error", why)
	}
}

// finder finds what a file has of a log.
type finder struct {
	// match is the data that all entries of the container have; nil where all is read.
	match []byte
}

// in returns the beginning of what a file has, and whether it has anything.
func (m finder) in(f *file, c *journalfile.Cache) (k journalfile.Cursor, there bool, err error) {
	if m.match == nil {
		return journalfile.All(), true, nil
	}
	at, err := f.Find(c, m.match)
	return journalfile.Entries(at), err == nil && at != 0, err
}

// look learns how many entries a file has of the container, and returns false when
// it is not needed any more.
func (l *Log) look(s *Scratch, p *part) (needed bool) {
	if p.state == unknown {
		k, there, err := l.find.in(p.file, &s.cache)
		if err != nil {
			l.trouble(p, err)
		}
		if err != nil || !there {
			return !p.final && !p.left
		}
		p.state, p.cursor = entries, k
	}
	n, err := p.file.Count(p.cursor.Data())
	if err != nil {
		l.trouble(p, err)
		return !p.final && !p.left
	}
	if n > p.cursor.Taken() && n-p.cursor.Taken() > manyEntries {
		n = min(n, p.file.most())
	}
	if p.count = n; p.left && p.count > p.cursor.Taken() {
		l.trouble(p, errAbandoned)
	}
	return !p.left && (!p.final || p.cursor.Taken() < p.count)
}

// next returns the part that has the oldest entry which was not read; nil when there
// is none, or one cannot be read yet: what is newer must not overtake it.
func (l *Log) next(s *Scratch) (first *part) {
	for _, p := range l.parts {
		if p.state == unknown {
			continue
		}
		if !l.seek(s, p) {
			return nil
		}
		if p.headed && (first == nil || order(p.head.position(), first.head.position(), l.journal.config.Boot) < 0) {
			first = p
		}
	}
	return first
}

// seek goes on to the first entry of a part that was not read, and returns false
// when that cannot be read yet. Within a file the order is that of the file. What
// another file has that is not later than what was read last is the same again:
// journald has copied it from /run to /var, or it was read before a restart.
func (l *Log) seek(s *Scratch, p *part) bool {
	if p.state != started && !l.start(s, p) {
		return false
	}
	for p.cursor.Taken() < p.count {
		if !p.headed {
			e, err := p.file.Entry(&s.cache, &p.cursor)
			if err != nil && !l.bad(p, err) {
				return false
			}
			l.stuck = time.Time{}
			if err != nil {
				if !l.pass(p) {
					return false
				}
				continue
			}
			p.head, p.headed = place{e, p.file.SeqnumID}, true
		}
		if p == l.at.from || l.at.last == (logs.JournalPosition{}) || l.after(p.head.position(), l.at.last) {
			return true
		}
		if !l.pass(p) {
			return false
		}
	}
	return true
}

// pass leaves out an entry. It returns false when this Read has looked at enough.
func (l *Log) pass(p *part) bool {
	p.advance()
	l.steps--
	return l.steps > 0
}

// start moves to where reading begins.
func (l *Log) start(s *Scratch, p *part) bool {
	if l.at.last == (logs.JournalPosition{}) || p.file.SeqnumID != l.at.last.SeqnumID {
		p.state = started // their order is looked at one by one
		return true
	}
	before := func(e journalfile.Entry) bool { return !l.after(place{e, p.file.SeqnumID}.position(), l.at.last) }
	if err := p.file.Seek(&s.cache, &p.cursor, p.count, before); err != nil && !l.bad(p, err) {
		return false
	}
	p.state, l.stuck = started, time.Time{}
	return true
}
