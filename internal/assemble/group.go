package assemble

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// Group says which lines of a stream make one entry, as those of a stack trace do. What
// it says of lines that come again must be the same, so it has neither a memory nor a
// clock: an entry ends by the timestamps that Docker gave.
type Group struct {
	// Begins reports whether a line begins an entry. It is given what it has returned for
	// the line before it in the same entry, 0 for the first line of one. Of a line longer
	// than logs.PartSize it is given the beginning, without line feed.
	Begins func(state uint8, line []byte) (next uint8, begins bool)
	// Gap is the longest time between two lines of an entry, in nanoseconds.
	Gap int64
	// Lines is how many lines an entry has at most; 0 for any number.
	Lines int
}

// beginning is the text of a record without line feed.
func beginning(r *logs.Record) []byte {
	if n := len(r.Text); n > 0 && r.Text[n-1] == '\n' {
		return r.Text[:n-1]
	}
	return r.Text
}

// joins reports whether a record begins a line that goes on with a group, and notes it.
func (a *Assembler) joins(l *line, r *logs.Record) bool {
	g, text := l.group, beginning(r)
	replay := l.replay
	if replay == nil {
		replay = a.resume[r.Stream]
	}
	switch {
	case g == nil, g.Lines > 0 && l.progress.lines >= g.Lines:
		return false
	case r.Time < l.progress.newest || r.Time-l.progress.newest > g.Gap:
		return false
	case a.config.MaxLine > 0 && l.progress.size+1+len(text) > a.config.MaxLine:
		return false
	case replay != nil && l.time <= replay.until && r.Time > replay.until:
		// The entry that was handed over last ended there.
		return false
	case replay != nil && r.Time == replay.time && l.time != r.Time:
		// Reading was resumed in the middle of a group, maybe, and where groups are full
		// they would then end elsewhere. Here one began when this was read first.
		return false
	}
	next, begins := g.Begins(l.progress.state, text)
	if begins {
		return false
	}
	l.progress.state = next
	return true
}

// lineFeed puts the line that begins with r behind those of a group.
func (l *line) lineFeed(r *logs.Record, most int) {
	l.keep([]byte{'\n'}, most)
	l.progress.size++
	l.progress.begun, l.progress.id, l.progress.ended = r.Time, r.Line, false
}

// Grouping reports whether some entries are held back because more lines may belong to
// them, and whether nothing else is.
func (a *Assembler) Grouping() (some, only bool) {
	only = true
	for s := range a.lines {
		if l := &a.lines[s]; l.held && !l.cut {
			some, only = some || l.progress.ended, only && l.progress.ended
		}
	}
	return some, some && only
}

// FlushGroups passes on the entries that are held back only because more lines may belong
// to them, if none of what comes later can, given that all that was stamped before now, in
// Unix nanoseconds, has been read.
func (a *Assembler) FlushGroups(now int64, emit func(logs.Entry)) {
	for s := range a.lines {
		if l := &a.lines[s]; l.held && l.progress.ended && now-l.progress.newest > l.group.Gap {
			a.finish(logs.Stream(s), emit)
		}
	}
}

// recentRecords is how many records are remembered. What the engine repeats when a log is
// rotated are stretches of some ten.
const recentRecords = 1024

// repeated reports whether a record of a stream whose lines are joined has come before, where
// records may.
func (a *Assembler) repeated(held *line, r *logs.Record) bool {
	if !held.held {
		held.group = a.config.Group(r.Stream, r.Time)
	}
	return a.config.DropRepeats && held.group != nil && a.recent[r.Stream].again(r)
}

// recent are the newest records of a stream. Where the engine sends some of them again, they
// must not be taken for more lines of an entry.
type recent struct {
	newest int64
	of     []stamped
	next   int
	// repeats: the record before this was one of them. ended: it ended a line.
	repeats, ended bool
}

// stamped is a record by its time and the hash of its text.
type stamped struct {
	time int64
	hash uint64
}

// again reports whether a record is one of them, and remembers it. Parts of a line have one
// time and may have one text: one that follows another is only taken for one that comes
// again where that does.
func (n *recent) again(r *logs.Record) bool {
	own := stamped{r.Time, xxhash.Sum64(r.Text)}
	whole := len(r.Text) > 0 && r.Text[len(r.Text)-1] == '\n'
	n.repeats = r.Time <= n.newest && (r.Time < n.newest || whole || n.ended || n.repeats) && slices.Contains(n.of, own)
	if n.ended = whole; n.repeats {
		return true
	}
	n.newest = max(n.newest, r.Time)
	if len(n.of) < recentRecords {
		n.of = append(n.of, own)
		return false
	}
	n.of[n.next] = own
	n.next = (n.next + 1) % recentRecords
	return false
}
