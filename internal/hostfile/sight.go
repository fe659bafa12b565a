package hostfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/plain"
)

// sight says whether a file would have been seen in its directory.
type sight int

const (
	// seen: the directory was read whole, so that what has no name there is gone.
	seen sight = iota
	// blind: the directory, or something in it, could not be looked at.
	blind
	// away: the directory is not there, or another one is: a file system is not mounted, perhaps.
	away
)

// absent is how long what is known of a file stays while its directory is away.
const absent = 7 * 24 * time.Hour

// sights finds out which of the known files would have been seen.
func (l *look) sights() {
	type where struct {
		dir    string
		device uint64
	}
	devices := make(map[where]bool) // where files of a file system lie
	for _, f := range l.files {
		devices[where{filepath.Dir(f.path), f.facts.Device}] = true
	}
	for _, k := range l.records {
		var dir string
		if k.sight, dir = l.sightOf(k); k.sight == away && devices[where{dir, k.position.File.Device}] {
			k.sight = seen
		}
	}
}

// way is where a directory of the configuration leads to.
type way struct {
	dir    string
	device uint64
	err    error
}

// wayTo goes it, once in a look.
func (l *look) wayTo(given string) way {
	if w, known := l.doubt.ways[given]; known {
		return w
	}
	var w way
	if w.dir, w.err = beneath.Resolve(given); w.err == nil {
		_, w.err = l.tree.read(w.dir)
	}
	if w.err == nil {
		var facts plain.Facts
		facts, w.err = plain.Look(w.dir)
		w.device = facts.Device
	}
	l.doubt.ways[given] = w
	return w
}

// sightOf looks at the directory of a file, and returns which one that is.
func (l *look) sightOf(k *known) (of sight, dir string) {
	given := filepath.Dir(k.path)
	w := l.wayTo(given)
	err := cmp.Or(w.err, l.doubt.unseen[w.dir])
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return away, w.dir
	case err != nil:
		l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("cannot look at all of %s, whose files are taken to be there: %w", given, err))
		return blind, w.dir
	case k.position.File.Device != 0 && k.position.File.Device != w.device:
		return away, w.dir
	}
	return seen, w.dir
}

// hidden reports whether a file that was not seen is not to be taken for gone.
func (l *look) hidden(k *known) bool {
	if k.sight != away {
		delete(l.finder.memory.away, k.id)
		return k.sight == blind
	}
	since, known := l.finder.memory.away[k.id]
	if !known {
		since, l.finder.memory.away[k.id] = l.now, l.now
	}
	return l.now.Sub(since) < absent
}

// remains reports whether a file that nothing names any more is there, as far as can be said.
func (l *look) remains(k *known) bool {
	facts, err := plain.Look(k.path)
	if err == nil && facts.Is(k.inode, k.made) {
		return true
	}
	k.sight, _ = l.sightOf(k)
	return l.hidden(k)
}

// scarce reports whether an error speaks of the machine and not of a file.
func scarce(err error) bool {
	for _, what := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EAGAIN, unix.EINTR} {
		if errors.Is(err, what) {
			return true
		}
	}
	return false
}
