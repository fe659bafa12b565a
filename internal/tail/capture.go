package tail

import (
	"errors"
	"io/fs"
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
	fresh, err := l.successor()
	if fresh == nil && err == nil {
		fresh, err = l.unknown()
	}
	l.number(fresh)
	l.hold(fresh)
	l.files = append(l.files, fresh...)
	l.recount()
	return true, err
}

func (l *Log) last() *generation { return l.files[len(l.files)-1] }

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
	if live, err = identified(live); err != nil {
		return nil, err
	}
	// What was named before is older all the more.
	l.listed = append(slices.DeleteFunc(l.listed, func(n name) bool { return n.path == path }), first)
	return []*generation{live}, nil
}

// unknown opens the files newer than the last one known, oldest first.
func (l *Log) unknown() (fresh []*generation, err error) {
	s := newLooks(l.path, l.format, l.files)
	defer func() { s.closeBut(fresh) }()
	if err := s.settle(); err != nil {
		return nil, err
	}
	newer, err := l.newer(s)
	if err != nil {
		return nil, err
	}
	l.listed = s.names()
	return s.unique(newer), nil
}

// newer returns what was seen that is newer than the last file known, oldest first.
func (l *Log) newer(s *looks) ([]*generation, error) {
	found := s.ordered()
	for at, g := range slices.Backward(found) {
		if slices.Contains(l.files, g) || s.remained(g, l.listed) {
			return found[at+1:], nil
		}
		if err := g.recognise(); err != nil {
			return nil, err
		}
		if l.knows(g) || l.hasLeft(g) {
			return found[at+1:], nil
		}
	}
	return found, nil
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

// hasLeft tells whether g is the compressed copy of a file read before. Where the last one
// known is gone it is the next older that is met.
func (l *Log) hasLeft(g *generation) bool {
	return g.compressed && g.fingerprint != 0 && slices.Contains(l.left, g.mark())
}

// maxLeft is how many files that were read are remembered: as many as there may be of a
// log in its directory.
const maxLeft = 100
