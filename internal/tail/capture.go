package tail

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
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

// capture tells also whether other files than before may be held by us alone.
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
		return false, nil
	}
	fresh, passed, err := l.successor()
	if fresh == nil && err == nil {
		fresh, err = l.unknown(passed)
	}
	l.number(fresh)
	l.hold(fresh)
	l.files = append(l.files, fresh...)
	l.recount()
	return true, err
}

func (l *Log) last() *generation { return l.files[len(l.files)-1] }

// successor opens the live file if it is the only one newer than the last one known:
// when that is the first rotated file after it was opened, there was no rotation
// in between. It costs a few system calls, so that one rotation after another can be
// followed; otherwise all names have to be looked at, and it returns what it has opened
// as passed: that may be deleted by then.
func (l *Log) successor() (fresh []*generation, passed *generation, err error) {
	if len(l.files) == 0 {
		return nil, nil, nil
	}
	live, err := openIdentified(l.path, l.format)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	first := nameOf(l.path+".1", l.path)
	last := l.last()
	if live.id == last.id {
		return nil, nil, live.close()
	}
	if last.compressed || first.id != last.id {
		return nil, live, nil
	}
	// What was named before is older all the more.
	l.listed = append(slices.DeleteFunc(l.listed, func(n name) bool { return n.path == first.path }), first)
	return []*generation{live}, nil, nil
}

// unknown opens the files newer than the last one known, oldest first; passed, if it is
// not nil, was opened before. As in openAll, a rotation meanwhile makes us look again.
func (l *Log) unknown(passed *generation) (fresh []*generation, err error) {
	seen := newOpened(l.format)
	settled := false
	if passed != nil {
		seen.take(passed)
		seen.want([]*generation{passed})
	}
	for range maxLooks {
		before, err := names(l.path)
		if err == nil {
			fresh, err = l.newer(seen, before)
		}
		if err != nil {
			seen.closeBut(nil)
			return nil, err
		}
		seen.want(fresh)
		after, err := names(l.path)
		if err != nil || slices.Equal(before, after) {
			l.listed = before
			// Where the directory is gone, what was opened is not.
			settled = err == nil && len(fresh) > 0 && fresh[len(fresh)-1].id == before[len(before)-1].id
			break
		}
	}
	// A look in the middle of a rotation may have missed the last one known, and taken
	// older ones for new.
	fresh = seen.complete(fresh, settled, sync.OnceValue(func() (known age) {
		if len(l.files) > 0 {
			known, _ = l.last().age()
		}
		return known
	}))
	seen.closeBut(fresh)
	return fresh, nil
}

// newer opens the files newer than the last one known, from names, which are
// in order, oldest first.
func (l *Log) newer(seen *opened, all []name) ([]*generation, error) {
	var fresh []*generation // newest first until the end
	for _, n := range slices.Backward(all) {
		g, err := seen.open(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.knows(g) || (n.id == g.id && n.remains(l.listed)) {
			break
		}
		if len(fresh) > 0 && fresh[len(fresh)-1].same(g) {
			continue
		}
		fresh = append(fresh, g)
	}
	slices.Reverse(fresh)
	return fresh, nil
}

// knows tells whether g is the last file known. That one is told from its
// compressed copy by what it holds now: it may have been truncated since it was
// looked at.
func (l *Log) knows(g *generation) bool {
	if len(l.files) == 0 {
		return false
	}
	last := l.last()
	if g.compressed == last.compressed {
		return g.id == last.id
	}
	if last.compressed {
		return last.same(g)
	}
	sum, err := fingerprint(last.data, l.format)
	return err == nil && sum != 0 && sum == g.fingerprint && (g.size() == last.size() || g.cutFrom(last))
}
