package tail

import (
	"math"
	"os"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// Two rules leave out lines by their time: since, and the marks where the place alone
// does not show what was handed over. Clocks are set, so they hold for what was in the log
// when it was opened and for nothing that was written while it was watched: they end at a
// place, which the position keeps.

// bound is where the rules that go by time end.
type bound struct {
	// order is that of the file, and offset the place in it.
	order  int
	offset int64
	// origin is the file's, also when it is closed. While that is still to be opened, order is
	// unopened, and it may be known only when it was made.
	origin
	// active is set when reading is before it.
	active bool
	// since is the time before which lines are left out; 0 for none, or when what it
	// concerned is gone.
	since int64
	// seen is the last record that the log had when it was first opened, for the other
	// routes. Where it is ahead since ends there: one of them has opened the log.
	seen logs.Seen
}

// limit finds the bound of a log that is being opened, whose files are numbered, and makes
// since hold before it.
func (l *Log) limit(from logs.Position) {
	at, known := openedAt(l.files, from.Opened)
	switch {
	case known:
		l.bound = bound{offset: from.Opened.Offset, since: from.Since}
	case len(l.files) == 0:
		return // what will be there is new
	case l.short:
		l.limitLater(from)
		return
	default:
		at = len(l.files) - 1
		size, ok := l.files[at].length()
		if !ok {
			size = math.MaxInt64
		}
		l.bound = bound{offset: size}
		if from.Opened == (logs.Place{}) && !from.Seen.Empty() {
			l.bound.since = from.Since
		}
	}
	g, b := l.files[at], &l.bound
	b.order, b.origin, b.active = g.order, g.origin, true
	if b.seen = from.Seen; !b.seen.Known && !known && b.since != 0 {
		b.seen = lastSeen(l.files)
	}
	if from.File == (logs.FilePosition{}) || from.Seen.Ahead || !from.Seen.Past && from.Opened == (logs.Place{}) {
		b.seen.Ahead = from.Seen.Known
	}
	if b.seen.Ahead || !from.Seen.Past {
		l.assemble.LeaveOut(b.since)
	}
}

// lastSeen is the last record of a log's files.
func lastSeen(files []*generation) logs.Seen {
	for _, g := range slices.Backward(files) {
		if r, ok := g.lastRecord(); ok {
			return logs.Seen{Known: true, Time: r.Time, Hash: xxhash.Sum64(r.Text)}
		}
		if !g.empty() {
			return logs.Seen{} // it would have to be read
		}
	}
	return logs.Seen{Known: true}
}

// awaited reports whether a record is the last of those that since is for.
func (b *bound) awaited(r *logs.Record) bool { return (!b.seen.Past || b.seen.Ahead) && b.seen.Is(r) }

// passSince notes that everything was read that since is for.
func (l *Log) passSince() {
	if l.bound.seen.Ahead {
		l.assemble.LeaveOut(0)
	}
	l.bound.seen.Past, l.bound.seen.Ahead = true, false
}

// unopened is the order of a file that is still to be opened.
const unopened = math.MaxInt

// limitLater is limit where the file with the bound is not open, for want of descriptors.
func (l *Log) limitLater(from logs.Position) {
	live := nameOf(l.path, l.path)
	l.bound = bound{order: unopened, origin: origin{id: live.id, made: madeAt(l.path, live.id)}, since: from.Since, active: true}
	if info, err := os.Lstat(l.path); err == nil {
		l.bound.offset = info.Size()
	}
	if p := from.Opened; p != (logs.Place{}) {
		l.bound.id, l.bound.fingerprint, l.bound.offset = identity{p.Device, p.Inode}, p.Fingerprint, p.Offset
	}
	l.assemble.LeaveOut(l.bound.since)
}

// reach looks whether a file is the one with the bound, or newer, as that one is gone.
func (l *Log) reach(g *generation) {
	switch b := &l.bound; {
	case g.id == b.id, b.fingerprint != 0 && l.fingerprint(g) == b.fingerprint:
		b.order = g.order
	case b.made != 0 && g.made > b.made:
		b.order, b.offset = g.order, 0
	}
}

// limitTo makes the rules hold for what is in a file now, which came from others than the
// engine.
func (l *Log) limitTo(g *generation) {
	size, ok := g.length()
	if !ok {
		size = math.MaxInt64
	}
	l.bound = bound{order: g.order, offset: size, origin: origin{id: g.id, fingerprint: l.fingerprint(g)}, since: l.bound.since, active: true, seen: l.bound.seen}
	l.assemble.LeaveOut(l.bound.since)
}

// openedAt returns the index of the file that a place is in. One that was empty has only
// its inode.
func openedAt(files []*generation, p logs.Place) (at int, known bool) {
	if p == (logs.Place{}) {
		return 0, false
	}
	for i, g := range files {
		same := !g.compressed && g.id == identity{p.Device, p.Inode}
		if p.Fingerprint == 0 && same || p.Fingerprint != 0 && g.fingerprint == p.Fingerprint {
			at, known = i, true
			if same {
				break
			}
		}
	}
	return at, known
}

// rulesEnd returns the offset in a file from which on nothing is left out by its time.
func (l *Log) rulesEnd(g *generation) int64 {
	if l.bound.order == unopened {
		l.reach(g)
	}
	switch b := &l.bound; {
	case g.order > b.order && b.since != 0:
		l.succeeded(g)
		return l.rulesEnd(g)
	case !b.active || g.order < b.order:
		return math.MaxInt64
	case g.order == b.order:
		return b.offset
	}
	return 0
}

// succeeded notes that the file with the bound was left for g. When somebody has replaced
// the file, what since concerned is in the new one.
func (l *Log) succeeded(g *generation) {
	if sum := l.fingerprint(g); sum == 0 || sum != l.bound.fingerprint {
		l.bound.since = 0
		return
	}
	l.bound.order, l.bound.id, l.bound.active = g.order, g.id, true
	l.assemble.LeaveOut(l.bound.since)
}

// endRules ends the rules: what is read from here on was written while the log was watched.
// Where half of a record was there the marks still hold for it.
func (l *Log) endRules(half bool) {
	if half {
		l.assemble.LeaveOut(0)
		return
	}
	if l.skipped > 0 && l.bound.active && l.log != nil {
		l.log.Debug("nothing more is left out by its time", "left_out", l.skipped)
	}
	l.bound.active = false
	l.passSince()
	l.assemble.Live()
}

// beginsWith reports whether a file begins with a record that is known: what was there is there
// again, edited.
func (g *generation) beginsWith(known uint64) bool {
	sum, err := fingerprint(g.data, g.format)
	return err == nil && sum == known && sum != 0
}

// truncated moves the bound when a file begins again.
func (l *Log) truncated(g *generation, edited bool) {
	switch {
	case g.order != l.bound.order:
		return
	case !edited:
		l.bound.offset, l.bound.since = 0, 0
		l.endRules(false)
		return
	}
	if size, ok := g.length(); ok {
		l.bound.offset = min(l.bound.offset, size)
	}
	l.bound.active = true
	l.assemble.LeaveOut(l.bound.since)
}

// opened is the place where the rules end, as the position keeps it: also for lines that
// a new start would leave out, though nothing is left out now. mu is held.
func (l *Log) opened(replays bool) logs.Place {
	b := &l.bound
	switch {
	case b.since != 0, b.active && l.replaying():
		l.findBound()
		return b.place(b.offset)
	case len(l.files) == 0:
	case replays, l.files[0].fingerprint == 0:
		return l.files[0].place(l.files[0].furthest())
	}
	return logs.Place{}
}

// findBound learns the fingerprint of the file with the bound, which may have been empty. mu
// is held.
func (l *Log) findBound() {
	for _, g := range l.files {
		if g.order == l.bound.order && g.fingerprint != 0 {
			l.bound.fingerprint = g.fingerprint
		}
	}
}

func (l *Log) replaying() bool { return l.assemble.Replaying() != [logs.Streams]bool{} }
