package journal

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// Options say which container's log is read, and from where on.
type Options struct {
	// ID is that of the container.
	ID string
	// Host has the whole journal be read; nil for what the container has logged.
	Host *Selection
	// Resume is where to go on; the zero position is the log's beginning.
	Resume logs.Position
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Rules are what is configured for its lines.
	Rules *assemble.Rules
	// Events counts what happens to the log; it must not be nil.
	Events Events
	Log    *slog.Logger
}

// Events counts what an operator should know of.
type Events interface {
	// CorruptRecord counts an entry that could not be read.
	CorruptRecord()
	// LineCut counts a line that was longer than the limit.
	LineCut()
	// ForgedEntry counts an entry that another program than the engine has sent in
	// the container's name.
	ForgedEntry()
	// LeftOut counts the bytes that lines which were cut have lost.
	LeftOut(bytes int)
	// LineSkipped counts a line that was left out by its time.
	LineSkipped(reason string)
}

// Log is what one container has logged to the journal, over all its files. It belongs to one
// goroutine at a time: the reader's, between its Open and its Close. What the goroutine that
// reports changes needs of one that is asleep it is handed with Arm.
type Log struct {
	journal *Journal
	options Options
	find    finder
	// host is nil for the log of a container.
	host *host
	// pending are files that have come since the last read; the journal's mu
	// guards it.
	pending []*file

	parts    []*part
	assemble *assemble.Assembler
	rules    rules
	at       cursor
	trust    trust
	// count numbers the records.
	count int64
	// stuck is since when an entry cannot be read that should be there.
	stuck time.Time
	// steps is how many entries the Read under way may still look at.
	steps int
}

// cursor is how far a log was read, over all files.
type cursor struct {
	// last is the entry read last, and from the part that it was read of.
	last logs.JournalPosition
	from *part
	// began is, per stream, the entry before the line that is held back.
	began [logs.Streams]logs.JournalPosition
	// done are the entries up to which records of a stream are left out, given that
	// skip says so.
	done [logs.Streams]logs.JournalPosition
	skip [logs.Streams]bool
}

// rules are what leaves entries out by the time at which journald received them. That is a
// clock's, which is set: so they hold for what was there when the log was opened, since for
// what was there when it was opened first, and for nothing that came later.
type rules struct {
	// since and delivered are the times in Unix microseconds before which entries are left
	// out, of those that were there when the log was opened. Of these ends has the number of
	// the newest, per numbering; nil when nothing is left out by its time.
	since, delivered uint64
	ends             map[logs.ID128]uint64
	// seen is the newest entry there was when the log was first opened: there since ends.
	seen logs.Seen
}

// leaveOut reports whether an entry is left out, and why. over is set once nothing is left
// out any more.
func (r *rules) leaveOut(e *place) (why string, is, over bool) {
	if r.ends == nil {
		return "", false, false
	}
	if end, there := r.ends[e.seqnums]; !there || e.Seqnum > end {
		r.ends = nil
		r.passSince()
		return "", false, true
	}
	before := e.Realtime < r.since
	if r.since != 0 && r.seen.Known && r.seen.Time == int64(e.Realtime)*1000 { //nolint:gosec // as it comes: a time
		r.passSince()
	}
	switch {
	case before:
		return assemble.BeforeSince, true, false
	case e.Realtime < r.delivered:
		return assemble.Delivered, true, false
	}
	return "", false, false
}

// passSince ends since.
func (r *rules) passSince() { r.since, r.seen.Past = 0, true }

// part is what one file has of the container.
type part struct {
	file  *file
	state state
	// cursor is at the first entry not read, once the part is known to have any.
	cursor journalfile.Cursor
	// count is the number of entries there were when reading began, and final is set when
	// there will be no more.
	count uint64
	final bool
	// left is set when it is not read on, and warned once trouble with it was logged.
	left, warned bool
	// broken is set when the last entry could not be read, however long it was waited for.
	broken bool
	// head is the entry at the cursor, given that headed says so.
	head   place
	headed bool
	fields map[uint64]field
}

// state is how far a part has come. It only ever goes on to the next.
type state uint8

const (
	// unknown: nothing of the container was found in the file yet.
	unknown state = iota
	// entries: there are some, and the cursor is at the first entry.
	entries
	// started: the cursor was moved to where reading begins.
	started
)

// Open opens the log of a container. One that has logged nothing is no error.
func (j *Journal) Open(o Options) *Log {
	j.refresh()
	l := &Log{journal: j, options: o, host: newHost(o.Host), trust: trust{senders: j.config.Senders}}
	if l.host == nil {
		l.find.match = match(o.ID)
	}
	l.assemble = assemble.New(assemble.Config{
		Rules: o.Rules, MaxLine: o.MaxLine, TimesDiffer: true, Cut: o.Events.LineCut, LeftOut: o.Events.LeftOut, Skipped: o.Events.LineSkipped,
	}, o.Resume)
	l.resume(o.Resume)
	files := j.borrow(l)
	j.mu.Lock()
	l.pending = append(slices.Clone(files), l.pending...)
	j.mu.Unlock()
	if l.rules.since != 0 || l.rules.delivered != 0 || l.replaying() {
		l.rules.ends = ends(files)
		if !l.rules.seen.Known && o.Resume.Latest() == 0 && o.Resume.Pending == 0 {
			l.rules.seen = l.newest(files)
		}
		if l.rules.seen.Empty() {
			// What comes was not there, also for the next start.
			l.rules.since, l.options.Resume.Since = 0, 0
		}
	}
	return l
}

// newest is the newest entry that files have of the container. It is not known where one
// cannot be read.
func (l *Log) newest(files []*file) logs.Seen {
	var cache journalfile.Cache
	var last logs.JournalPosition
	for _, f := range files {
		cache.Reset()
		k, there, err := l.find.in(f, &cache)
		if !there && err == nil {
			continue
		}
		e, err := lastEntry(f, &cache, k, err)
		if l.host != nil && errors.Is(err, errEmpty) {
			continue
		}
		if err != nil {
			return logs.Seen{}
		}
		if p := (place{e, f.SeqnumID}).position(); l.after(p, last) {
			last = p
		}
	}
	return logs.Seen{Known: true, Time: int64(last.Realtime) * 1000} //nolint:gosec // as it comes: a time
}

// errEmpty says that there is no entry.
var errEmpty = fmt.Errorf("%w: there is no entry", journalfile.ErrNotYet)

// lastEntry is the newest entry of what was found in a file.
func lastEntry(f *file, cache *journalfile.Cache, k journalfile.Cursor, err error) (e journalfile.Entry, _ error) {
	if err != nil {
		return e, err
	}
	n, err := f.Count(k.Data())
	if err != nil || n == 0 {
		return e, cmp.Or(err, errEmpty)
	}
	if err := f.Seek(cache, &k, n-1, func(journalfile.Entry) bool { return true }); err != nil {
		return e, err
	}
	return f.Entry(cache, &k)
}

// resume leaves out what was handed over before.
func (l *Log) resume(from logs.Position) {
	if l.rules.seen = from.Seen; !from.Seen.Past || from.Seen.Ahead || from.Journal == [logs.Streams]logs.JournalPosition{} {
		l.rules.since = uint64(max(0, from.Since)) / 1000
	}
	if from.Journal == [logs.Streams]logs.JournalPosition{} {
		// Read through the API before, or never.
		from.Since = 0
		l.rules.delivered = uint64(max(0, assemble.Since(from))) / 1000
		l.assemble.SkipDelivered(assemble.Replayed(from))
		return
	}
	if !from.Seen.Known {
		l.rules.since = 0
	}
	l.at.done, l.at.skip = from.Journal, [logs.Streams]bool{true, true}
	l.at.last = from.Journal[logs.Stdout]
	if l.after(l.at.last, from.Journal[logs.Stderr]) {
		l.at.last = from.Journal[logs.Stderr]
	}
}

// ends returns the numbers of the newest entries of files. A file that cannot be read has
// none that could be left out.
func ends(files []*file) map[logs.ID128]uint64 {
	out := make(map[logs.ID128]uint64)
	for _, f := range files {
		if state, err := f.State(); err == nil {
			out[f.SeqnumID] = max(out[f.SeqnumID], state.Seqnum)
		}
	}
	return out
}

func (l *Log) replaying() bool { return l.assemble.Replaying() != [logs.Streams]bool{} }

// after reports whether a is a later entry than b; anything is later than none.
func (l *Log) after(a, b logs.JournalPosition) bool {
	if b == (logs.JournalPosition{}) {
		return a != b
	}
	return a != (logs.JournalPosition{}) && order(a, b, l.journal.config.Boot) > 0
}

// Position returns the place up to which entries were handed over.
func (l *Log) Position() logs.Position {
	p := logs.Position{
		Since: l.options.Resume.Since, Drained: l.options.Resume.Drained,
		Newest: l.assemble.Newest(), Last: l.assemble.Last(), Pending: l.assemble.Pending(), Rest: l.assemble.Rest(),
	}
	if p.Since != 0 && l.rules.seen.Known {
		p.Seen = l.rules.seen
		p.Seen.Ahead = l.rules.since != 0
	}
	behind := l.assemble.Replaying()
	for s := range logs.Streams {
		p.Journal[s] = l.at.last
		// A stream that is silent keeps its place only until the log is beyond it.
		if l.at.skip[s] && !l.after(l.at.last, l.at.done[s]) {
			p.Journal[s] = l.at.done[s]
		}
		if _, _, held := l.assemble.Held(logs.Stream(s)); held {
			p.Journal[s] = l.at.began[s]
		}
	}
	if behind != [logs.Streams]bool{} {
		// What follows was handed over through the API, and only the marks decide.
		p.Journal = [logs.Streams]logs.JournalPosition{}
	}
	return p
}

// Flush passes on lines whose end has not come: there will be none.
func (l *Log) Flush(emit func(logs.Entry)) { l.assemble.Flush(emit) }

// Grouping reports whether some entries are held back because more lines may belong to
// them, and whether nothing else is.
func (l *Log) Grouping() (some, only bool) { return l.assemble.Grouping() }

// FlushGroups passes on those to which nothing can belong that is stamped now, in Unix
// nanoseconds, or later: all that there is was read.
func (l *Log) FlushGroups(now int64, emit func(logs.Entry)) { l.assemble.FlushGroups(now, emit) }

// HeldBytes returns the size of the lines that are held back.
func (l *Log) HeldBytes() int { return l.assemble.HeldBytes() }

// Held returns what is held back because its end has not come.
func (l *Log) Held() (h logs.Held) {
	for s := range h.Lines {
		if _, time, held := l.assemble.Held(logs.Stream(s)); held {
			h.Lines[s] = time
		}
	}
	return h
}

// Arm makes wake be called once when there is something to read. The caller must
// look again afterwards: what has come before is not reported. It returns false when
// nothing reports changes, and the log has to be polled: also while an entry is
// waited for that may never come.
func (l *Log) Arm(wake func()) bool {
	s := &sleeper{wake: wake, find: l.find, parts: l.reached()}
	j := l.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seen.unwatched || !j.logs[l] || !l.stuck.IsZero() {
		return false
	}
	j.asleep[l] = s
	return true
}

// Stuck reports whether there is an entry that cannot be read yet, as it may be being written:
// it is waited for for a while, and passed over then.
func (l *Log) Stuck() bool { return !l.stuck.IsZero() }

// AtEnd reports whether everything that the journal has of the container was read. An
// entry that cannot be read yet is not waited for.
func (l *Log) AtEnd() bool {
	l.journal.refresh()
	if !l.stuck.IsZero() {
		return time.Since(l.stuck) < patience
	}
	return !l.journal.hasPending(l) && !l.journal.anyMore(l.find, l.reached())
}

// Files returns the number of journal files that are open.
func (l *Log) Files() int { return l.journal.Files() }

// Close lets go of all files.
func (l *Log) Close() {
	j := l.journal
	j.mu.Lock()
	delete(j.logs, l)
	delete(j.asleep, l)
	files := l.pending
	l.pending = nil
	j.mu.Unlock()
	for _, p := range l.parts {
		files = append(files, p.file)
	}
	l.parts = nil
	j.giveBack(files...)
}

var errAbandoned = errors.New("a journal file that was deleted was given up before it was read to its end (hold-bytes)")
