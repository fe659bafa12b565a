package hostfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// making is how long ago a file was written to that may be a copy under way.
const making = 10 * time.Second

// look is a look under way.
type look struct {
	finder *Finder
	tree   *tree
	now    time.Time
	// bases are where directories of the configuration lead to.
	bases map[string]string
	// named are the files that globs name, by where they are, and live those that are
	// collected, or were, under that path: the rotated ones are theirs.
	named map[string]named
	live  map[string]string
	// globs say what names a path, and kept are the files that nothing names any more.
	globs map[string]named
	kept  map[string]bool
	// records are the files that the store knows, by ID.
	records map[string]*known
	files   []*found
	// at is which files there are, by their paths.
	at map[string]*found
	// current are those that are not rotated, by their names.
	current map[string]*found
	doubt   doubt
	// judged are the files for which copies has something.
	judged map[place]bool
	// begun are the IDs that files got which are new.
	begun map[string]bool
}

// doubt is what a look leaves open.
type doubt struct {
	// pending: something is to be looked at again soon; waiting are the names of that.
	pending bool
	waiting map[string]bool
	trouble error
	// ways are where directories lead to, and unseen the directories of which not all could be looked at.
	ways   map[string]way
	unseen map[string]error
}

// known is what the store has of a file.
type known struct {
	id, path string
	inode    uint64
	made     int64
	position logs.Position
	// later are how it began after it was truncated, as far as that is not acknowledged.
	later []logs.Position
	// here is the file, where it was seen.
	here *found
	// sight says whether the file would have been seen.
	sight sight
}

// copied reports whether it is what a file held before it was truncated.
func (k *known) copied() bool { return k.inode == 0 }

// found is a file that was seen.
type found struct {
	// path is where it is, name the path that it has, or had before rotation, in the
	// configuration's words.
	path, name string
	facts      plain.Facts
	// glob is what has named it; the zero value where that is nothing.
	glob  named
	named bool
	// rotated: it has the name of a rotated file.
	rotated bool
	// strange: it is not one of those that are known, nor a copy.
	strange bool
	// busy: what it holds cannot be read at present, which says nothing of it.
	busy bool
	// id is empty while nobody knows it.
	id string
}

// Look looks once, and reports whether it should look again soon.
func (f *Finder) Look() (again bool) {
	l := &look{
		finder: f, tree: newTree(), now: time.Now(), bases: make(map[string]string), named: make(map[string]named),
		live: make(map[string]string), globs: make(map[string]named), kept: make(map[string]bool), records: make(map[string]*known), at: make(map[string]*found), current: make(map[string]*found), doubt: doubt{waiting: make(map[string]bool), ways: make(map[string]way), unseen: make(map[string]error)}, judged: make(map[place]bool),
	}
	l.recall()
	for i, s := range f.config.Sections {
		for _, pattern := range s.Paths {
			l.expand(i, s, pattern)
		}
	}
	l.gather()
	l.sights()
	l.recognise()
	l.publish()
	return l.doubt.pending
}

// recall takes what is known from the store.
func (l *look) recall() {
	ids := l.finder.config.Store.IDs()
	left := make(map[string]bool) // these are about to be forgotten
	for _, id := range ids {
		left[plain.WasLeft(id)] = true
	}
	for _, id := range ids {
		path, inode, made, ok := plain.ParseID(id)
		if !ok || left[id] {
			continue
		}
		r, _ := l.finder.config.Store.Get(id)
		k := &known{id: id, path: path, inode: inode, made: made, position: plain.Known(r.Position, r.Spans), later: plain.Later(r.Position, r.Spans)}
		glob, is := l.finder.match(path)
		if !is { // the configuration is another: what is known stays as long as the file does
			l.kept[id] = l.remains(k)
			continue
		}
		l.globs[path] = glob
		l.records[id] = k
		if actual, ok := l.real(path); ok {
			l.live[actual] = path
		}
	}
}

// match returns what names a path, if something does.
func (f *Finder) match(path string) (named, bool) {
	if n, known := f.memory.matches[path]; known {
		return n, n.pattern != ""
	}
	if len(f.memory.matches) > 10_000 {
		clear(f.memory.matches)
	}
	var out named
	for i, s := range f.config.Sections {
		for _, pattern := range s.Paths {
			if out.pattern == "" && s.has(pattern, path) {
				out = named{i, pattern}
			}
		}
	}
	f.memory.matches[path] = out
	return out, out.pattern != ""
}

// has reports whether a pattern of a section names a path.
func (s *Section) has(pattern, path string) bool {
	excluded := slices.ContainsFunc(s.Exclude, func(other string) bool { return doublestar.MatchUnvalidated(other, path) })
	return !excluded && doublestar.MatchUnvalidated(filepath.Clean(pattern), path)
}

// real is where a path of the configuration leads to; not ok where that is no way to go.
func (l *look) real(path string) (string, bool) {
	dir := filepath.Dir(path)
	base, done := l.bases[dir]
	if !done {
		base, _ = beneath.Resolve(dir)
		l.bases[dir] = base
	}
	return filepath.Join(base, filepath.Base(path)), base != ""
}

// expand finds what a glob names.
func (l *look) expand(section int, s Section, pattern string) {
	base, rest := split(pattern)
	root, err := beneath.Resolve(base)
	if err != nil {
		_, _ = l.tree.read(existing(base)) // so that it is seen when it comes
		if !errors.Is(err, fs.ErrNotExist) {
			l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("%s: %w", s.Name, err))
		}
		return
	}
	if _, err := l.tree.read(root); err != nil {
		l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("%s: %s: %w", s.Name, root, err))
	}
	err = l.tree.glob(root, rest, func(name string, d fs.DirEntry) {
		path, actual := filepath.Join(base, name), filepath.Join(root, name)
		if !s.has(pattern, path) {
			return
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if !s.FollowLinks {
				return
			}
			if actual, err = beneath.Resolve(actual); err != nil {
				if !l.finder.saidOnce(path) {
					l.finder.config.Log.Warn("cannot follow a link to a file", "path", path, "error", err)
				}
				return
			}
		}
		if _, twice := l.named[actual]; !twice {
			l.named[actual] = named{section, pattern}
			l.globs[path] = named{section, pattern}
			l.live[actual] = path
		}
	})
	if err != nil {
		l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("%s: %w", s.Name, err))
	}
	for dir, listing := range l.tree.listings {
		if errors.Is(listing.err, errTooMany) {
			l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("%s: %s: %w", s.Name, dir, listing.err))
		}
	}
}

// gather looks at all files that are named, or that rotation has made of these.
func (l *look) gather() {
	dirs := make(map[string]bool)
	for actual := range l.live {
		dirs[filepath.Dir(actual)] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		entries, _ := l.tree.read(dir) // what cannot be read is not gone (sight.go)
		for _, e := range entries {
			l.consider(filepath.Join(dir, e.Name()), e)
		}
	}
	// A link leads to files of other directories.
	for actual, glob := range l.named {
		if !dirs[filepath.Dir(actual)] {
			l.add(&found{path: actual, name: l.live[actual], glob: glob, named: true})
		}
	}
}

func (l *look) consider(path string, e fs.DirEntry) {
	if !e.Type().IsRegular() && e.Type() != 0 {
		return
	}
	glob, named := l.named[path]
	for _, stem := range stems(filepath.Base(path)) {
		before := filepath.Join(filepath.Dir(path), stem)
		if name, is := l.live[before]; is && before != path {
			l.add(&found{path: path, name: name, glob: glob, named: named, rotated: true})
			return
		}
	}
	name, is := l.live[path]
	if named || is {
		l.add(&found{path: path, name: name, glob: glob, named: named})
	}
}

func (l *look) add(f *found) {
	var err error
	switch f.facts, err = plain.Look(f.path); {
	case err == nil:
		l.files, l.at[f.path] = append(l.files, f), f
	case !errors.Is(err, fs.ErrNotExist):
		l.doubt.unseen[filepath.Dir(f.path)] = err
	}
}

// wait leaves it open what a file is. Until that is known those of its name stay that are gone:
// it may be one of them.
func (l *look) wait(f *found) { l.doubt.pending, l.doubt.waiting[f.name] = true, true }
