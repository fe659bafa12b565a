package journal

import (
	"errors"
	"time"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

const (
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
func (l *Log) Read(s *Scratch, limit int, emit func(logs.Entry)) (bytes int, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin(s)
	defer l.assemble.Seal()
	for l.steps = maxSteps; l.steps > 0; l.steps-- {
		p := l.next(s)
		if p == nil {
			return bytes, l.steps <= 0
		}
		r, ok, err := p.record(s, p.head.Entry)
		if err != nil && !l.bad(p, err) {
			return bytes, false
		}
		at := p.head.position()
		l.stuck = time.Time{}
		p.broken = p.broken && err != nil
		p.advance()
		if ok && err == nil {
			bytes += len(r.Text)
			l.take(r, at, emit)
		}
		l.last, l.from = at, p
		if bytes >= limit {
			return bytes, true
		}
	}
	return bytes, true
}

// advance goes on to the next entry.
func (p *part) advance() {
	p.cursor.Advance()
	p.headed = false
}

// bad tells whether what cannot be read is to be passed over: not as long as it may
// be that it is being written. A file that a crash has damaged may count thousands of
// entries that are not there: only the first of them is waited for.
func (l *Log) bad(p *part, err error) (pass bool) {
	if l.stuck.IsZero() {
		l.stuck = time.Now()
	}
	if !errors.Is(err, journalfile.ErrUnsupported) {
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
	if l.skip[r.Stream] {
		if !l.after(at, l.done[r.Stream]) {
			return
		}
		l.skip[r.Stream] = false
	}
	l.count++
	r.Offset = l.count
	l.assemble.Add(&r, emit)
	if offset, _, held := l.assemble.Held(r.Stream); held && offset == r.Offset {
		l.began[r.Stream] = l.last
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
		p.final = !p.file.live // told before the number of entries is read
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
	j.mu.Lock()
	for _, f := range done {
		j.release(f)
	}
	j.mu.Unlock()
}

// trouble tells of something that a file has and that cannot be read.
func (l *Log) trouble(p *part, why error) {
	if p.told || errors.Is(why, journalfile.ErrNotYet) && !p.final {
		return
	}
	p.told = true
	l.options.Events.CorruptRecord()
	if l.options.Log != nil {
		l.options.Log.Warn("cannot read all of a journal file", "file", p.file.path, "error", why)
	}
}

// look learns how many entries a file has of the container, and returns false when
// it is not needed any more.
func (l *Log) look(s *Scratch, p *part) (needed bool) {
	if !p.known {
		at, err := p.file.Find(&s.cache, l.match)
		if err != nil {
			l.trouble(p, err)
		}
		if err != nil || at == 0 {
			return !p.final && !p.left
		}
		p.known, p.cursor = true, journalfile.Entries(at)
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
		if !p.known {
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
	if !p.started && !l.start(s, p) {
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
		if p == l.from || l.last == (logs.JournalPosition{}) || l.after(p.head.position(), l.last) {
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
	before := func(e journalfile.Entry) bool { return e.Realtime < l.since }
	switch {
	case l.last == (logs.JournalPosition{}):
	case p.file.SeqnumID == l.last.SeqnumID:
		before = func(e journalfile.Entry) bool { return !l.after(place{e, p.file.SeqnumID}.position(), l.last) }
	default: // their order is looked at one by one
		p.started = true
		return true
	}
	if err := p.file.Seek(&s.cache, &p.cursor, p.count, before); err != nil && !l.bad(p, err) {
		return false
	}
	p.started, l.stuck = true, time.Time{}
	return true
}
