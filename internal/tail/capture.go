package tail

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
)

// Capture looks for files that rotation has made since the last look and opens
// them, before rotation takes them away again. It is called when the directory
// has changed; it does not block on anything but the file system.
func (l *Log) Capture() error {
	changed, err := l.capture()
	if changed {
		l.box.Enforce()
	}
	return err
}

// capture reports also whether other files than before may be held by us alone.
func (l *Log) capture() (changed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.path == "" {
		return false, nil
	}
	info, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		l.recount()
		return true, nil // between two steps of a rotation, or removed
	}
	if err == nil && len(l.files) > 0 && identify(info) == l.last().id {
		l.short = false
		return false, nil
	}
	if err == nil {
		at := slices.IndexFunc(l.files, func(g *generation) bool { return g.id == identify(info) })
		if at >= 0 && l.putBack(at) {
			l.recount()
			return true, nil
		}
	}
	fresh, err := l.successor()
	looked := fresh == nil && err == nil
	l.short = false
	if looked {
		fresh, l.short, err = l.unknown()
	}
	l.short = l.short || NoDescriptor(err)
	if len(fresh) > 0 {
		fresh[len(fresh)-1].named = true
	}
	l.number(fresh)
	l.hold(fresh)
	l.files = append(l.files, fresh...)
	if looked {
		l.rank()
	}
	l.recount()
	return true, err
}

func (s *shared) last() *generation { return s.files[len(s.files)-1] }

// successor opens the live file if it is the only one newer than the last one known:
// when that is the first rotated file before and after it was opened, there was no
// rotation in between. It costs a few system calls, so that one rotation after another
// can be followed; otherwise all names have to be looked at.
func (l *Log) successor() ([]*generation, error) {
	if len(l.files) == 0 || l.last().compressed {
		return nil, nil
	}
	path := slotOf(l.path, 1)[0]
	if nameOf(path, l.path).id != l.last().id {
		return nil, nil
	}
	live, err := openGeneration(l.path, l.format)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first := nameOf(path, l.path)
	if first.id != l.last().id || live.id == first.id {
		return nil, live.close()
	}
	if !fits(live.file, l.room.Rotated) {
		_ = live.close()
		return nil, errNoRoom
	}
	if live, err = identified(live); err != nil {
		return nil, err
	}
	// What was named before is older all the more.
	first.order, first.ranked = l.last().order, true
	l.listed = append(slices.DeleteFunc(l.listed, func(n name) bool { return n.path == path }), first)
	return []*generation{live}, nil
}

// unknown opens the files newer than the last one known, oldest first; cut is set when
// there are more of them.
func (l *Log) unknown() (fresh []*generation, cut bool, err error) {
	s := newSnapshot(l.path, l.format, l.files)
	s.below, s.past = l.room.Rotated, l.listed
	defer func() { s.closeBut(fresh) }()
	err = s.settle()
	if NoDescriptor(err) {
		s = s.frugal(l.beforeLast())
		err = s.settle()
	}
	if err != nil {
		return nil, false, err
	}
	newer, err := l.newer(s)
	if err != nil {
		return nil, false, err
	}
	l.listed = s.names()
	return s.unique(newer), s.cut, nil
}

// newer returns what was seen that is newer than the last file known, oldest first.
func (l *Log) newer(s *snapshot) ([]*generation, error) {
	found, older := s.ordered(), false
	for at, g := range slices.Backward(found) {
		if slices.Contains(l.files, g) || g.file == nil || s.remained(g, l.listed) {
			found, older = found[at+1:], len(l.files) == 0 || g != l.last()
			break
		}
		if err := g.recognise(); err != nil {
			return nil, err
		}
	}
	if n := l.counted(s, found); n > 0 {
		return found[n:], nil
	}
	// The last one known may have been compressed. Where somebody else has taken that one
	// away it is an older one that is met, be it one that was read and closed.
	for i, known := range slices.Backward(l.files) {
		if at := l.copyOf(known, found, i == len(l.files)-1); at >= 0 {
			return found[at+1:], nil
		}
	}
	for at, g := range slices.Backward(found) {
		if l.hasLeft(g) {
			return found[at+1:], nil
		}
	}
	if !older { // else somebody else has deleted the last one: rotation begins with the oldest
		l.lookForMissed(found)
	}
	return found, nil
}

// lookForMissed notes when files have come and gone since the last look. The reader reports
// it, as what is between has to be read: here others wait. mu is held.
func (l *Log) lookForMissed(found []*generation) {
	if len(l.files) == 0 || len(found) == 0 || found[len(found)-1].compressed {
		return
	}
	if l.stray.what != nil || !between(l.last(), found, keepsOne(l.path, l.listed)) {
		return
	}
	l.events.RotatedAway()
	l.missing = append([]*generation{l.last()}, found...)
}

// between reports whether there were files between one that is gone and those that are there,
// which are in order. The engine removes a file only when it makes one that comes later than
// the next, unless it keeps but one: so what was made after it had gone does not follow it.
// Where files are compressed that does not show, and there may have been some.
func between(gone *generation, there []*generation, keepsOne bool) bool {
	if len(there) == 0 || gone.held != nil && gone.held.Names() > 0 {
		return false // or somebody else has moved it
	}
	if gone.compressed || slices.ContainsFunc(there, func(g *generation) bool { return g.compressed }) {
		return true
	}
	// The clock is coarse, and both are done at once.
	return !keepsOne && there[0].made >= timesOf(gone.file).changed
}

// keepsOne reports whether there is, and was, no rotated file of a log: the engine keeps but
// the live one. Between two steps of a rotation there may be none of several either.
func keepsOne(live string, listed []name) bool {
	if slices.ContainsFunc(listed, func(n name) bool { return n.path != live }) {
		return false
	}
	return !slices.ContainsFunc(slotOf(live, 1), func(path string) bool { return nameOf(path, live).id != (identity{}) })
}

// rank gives the names looked at last the order of their files. A look misses no file
// between two that it sees, so one known is enough.
func (s *shared) rank() {
	order, known := 0, false
	for i, n := range slices.Backward(s.listed) {
		order--
		if at := slices.IndexFunc(s.files, func(g *generation) bool { return g.id == n.id }); at >= 0 {
			order, known = s.files[at].order, true
		}
		if known {
			s.listed[i].order, s.listed[i].ranked = order, true
		}
	}
}

// counted returns how many of the files found, which follow one that was there at an earlier
// look, are known: as many as were known to follow it, if the last of them holds what the
// last one known holds. That needs no clock, and no difference between the files.
func (s *shared) counted(seen *snapshot, found []*generation) int {
	if len(found) == 0 || len(s.files) == 0 || s.last().compressed {
		return 0
	}
	before, ok := seen.before(found[0], s.listed)
	if !ok {
		return 0
	}
	n := s.last().order - before
	if n <= 0 || n > len(found) {
		return 0
	}
	now := s.last().asNow()
	if g := found[n-1]; now.fingerprint != 0 && g.compressed && g.fingerprint == now.fingerprint && (g.size() == now.size() || g.cutFrom(now)) {
		return n
	}
	return 0
}

// since returns how many files that were known by then may have been compressed since the
// last look.
func (s *shared) since() int {
	out := 0
	for _, n := range slices.Backward(s.listed) {
		switch {
		case !n.ranked:
			return math.MaxInt
		case n.made != 0 || isCompressed(n.path):
			return max(0, s.last().order-n.order)
		}
		out = max(out, s.last().order-n.order+1)
	}
	if out == 0 {
		return math.MaxInt
	}
	return out
}

// copyOf returns the index of what the engine has made of a file that is still to be read
// when it compressed it; -1 where there is none. The last one known is recognised by what it
// holds now, as it may have been truncated since it was looked at, and its copy may have
// been cut by a crash.
func (s *shared) copyOf(known *generation, found []*generation, last bool) int {
	if known.compressed || known.identifyContent() != nil {
		return -1
	}
	if !last {
		return known.compressedAs(found, true)
	}
	found = found[:min(len(found), s.since())]
	now := known.asNow()
	switch {
	case now.fingerprint != 0:
	case known.empty(): // somebody else has made it: the engine fills a file before it rotates it
		return slices.IndexFunc(found, (*generation).ofNothing)
	default:
		return -1
	}
	if at := now.compressedAs(found, true); at >= 0 {
		return at
	}
	return slices.IndexFunc(found, func(g *generation) bool {
		return g.compressed && g.fingerprint == now.fingerprint && g.size() != now.size() && g.cutFrom(now)
	})
}

// hasLeft reports whether g is the compressed copy of a file read before. Where the last one
// known is gone it is the next older that is met, which was compressed before that one was
// rotated.
func (s *shared) hasLeft(g *generation) bool {
	if !g.compressed || g.fingerprint == 0 || !slices.Contains(s.left, g.mark()) {
		return false
	}
	return len(s.files) == 0 || g.made == 0 || g.made < timesOf(s.last().file).changed
}

// maxLeft is how many files that were read are remembered: as many as there may be of a
// log in its directory.
const maxLeft = 100
