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

const (
	// settled is how long a rotated file that is read is followed all the same: who has it
	// open may write to it yet.
	settled = 10 * time.Minute
	// making is how long ago a file was written to that may be a copy under way.
	making = 10 * time.Second
)

// look is a look under way.
type look struct {
	*Finder
	*tree
	now time.Time
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
	doubt
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
		Finder: f, tree: newTree(), now: time.Now(), bases: make(map[string]string), named: make(map[string]named),
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
	return l.pending
}

// recall takes what is known from the store.
func (l *look) recall() {
	ids := l.config.Store.IDs()
	left := make(map[string]bool) // these are about to be forgotten
	for _, id := range ids {
		left[plain.WasLeft(id)] = true
	}
	for _, id := range ids {
		path, inode, made, ok := plain.ParseID(id)
		if !ok || left[id] {
			continue
		}
		r, _ := l.config.Store.Get(id)
		k := &known{id: id, path: path, inode: inode, made: made, position: plain.Known(r.Position, r.Spans), later: plain.Later(r.Position, r.Spans)}
		glob, is := l.match(path)
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
	if n, known := f.matches[path]; known {
		return n, n.pattern != ""
	}
	if len(f.matches) > 10_000 {
		clear(f.matches)
	}
	var out named
	for i, s := range f.config.Sections {
		for _, pattern := range s.Paths {
			if out.pattern == "" && s.has(pattern, path) {
				out = named{i, pattern}
			}
		}
	}
	f.matches[path] = out
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
		_, _ = l.read(existing(base)) // so that it is seen when it comes
		if !errors.Is(err, fs.ErrNotExist) {
			l.trouble = cmp.Or(l.trouble, fmt.Errorf("%s: %w", s.Name, err))
		}
		return
	}
	if _, err := l.read(root); err != nil {
		l.trouble = cmp.Or(l.trouble, fmt.Errorf("%s: %s: %w", s.Name, root, err))
	}
	err = l.glob(root, rest, func(name string, d fs.DirEntry) {
		path, actual := filepath.Join(base, name), filepath.Join(root, name)
		if !s.has(pattern, path) {
			return
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if !s.FollowLinks {
				return
			}
			if actual, err = beneath.Resolve(actual); err != nil {
				if !l.saidOnce(path) {
					l.config.Log.Warn("cannot follow a link to a file", "path", path, "error", err)
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
		l.trouble = cmp.Or(l.trouble, fmt.Errorf("%s: %w", s.Name, err))
	}
	for dir, listing := range l.listings {
		if errors.Is(listing.err, errTooMany) {
			l.trouble = cmp.Or(l.trouble, fmt.Errorf("%s: %s: %w", s.Name, dir, listing.err))
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
		entries, _ := l.read(dir) // what cannot be read is not gone (sight.go)
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
		l.unseen[filepath.Dir(f.path)] = err
	}
}

// wait leaves it open what a file is. Until that is known those of its name stay that are gone:
// it may be one of them.
func (l *look) wait(f *found) { l.pending, l.waiting[f.name] = true, true }

// publish makes what was found the set.
func (l *look) publish() {
	there := maps.Clone(l.kept)
	var want []*found
	for _, f := range l.files {
		if f.id == "" {
			continue
		}
		if there[f.id] = true; l.wants(f) {
			want = append(want, f)
		}
	}
	// Those that are collected already stay.
	slices.SortStableFunc(want, func(a, b *found) int {
		return cmp.Or(compareBool(l.records[a.id] == nil, l.records[b.id] == nil), cmp.Compare(a.id, b.id))
	})
	problem := ""
	if l.trouble != nil {
		problem = l.trouble.Error()
	}
	if most := l.config.Most; most > 0 && len(want) > most {
		problem = fmt.Sprintf("%d files are named and %d collected, which is the most: raise max-files, or name fewer", len(want), most)
		want = want[:most]
	}
	if problem != "" && !l.saidOnce("problem") {
		l.config.Log.Warn("not all files of the host are collected", "reason", problem)
	}
	maps.DeleteFunc(l.away, func(id string, _ time.Time) bool {
		_, kept := l.kept[id]
		return !kept && (l.records[id] == nil || l.records[id].here != nil)
	})
	maps.DeleteFunc(l.sought, func(id string, _ time.Time) bool { return l.records[id] == nil || l.records[id].here != nil })
	unnamed := make(map[string]bool) // these are read to their end, and go
	for id, k := range l.records {
		unnamed[id] = l.unnamed(k)
	}
	inodes := l.inodesKnown()
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := make(map[string]*logs.Container, len(want))
	for _, f := range want {
		wanted[f.id] = l.container(f)
	}
	for id, k := range l.records {
		if k.here != nil {
			continue
		}
		hidden := l.hidden(k)
		if there[id] = hidden || l.waiting[k.path] && !unnamed[id] || l.seeks(k); !there[id] {
			continue
		}
		if before := l.wanted[id]; before != nil && (k.sight != away || unnamed[id]) {
			wanted[id] = before
		}
	}
	l.inodes = inodes
	maps.DeleteFunc(l.copies, func(of place, _ *copied) bool { return !l.judged[of] })
	maps.DeleteFunc(l.fresh, func(id string, _ plain.Facts) bool { return l.records[id] != nil || there[id] })
	for _, facts := range l.fresh {
		inodes[facts.Inode] = append(inodes[facts.Inode], facts)
	}
	l.known, l.wanted, l.there, l.sections, l.problem = true, wanted, there, l.globs, problem
	l.dirs = make(map[string]bool, len(l.listings))
	for dir, listing := range l.listings {
		if listing.err == nil || len(listing.entries) > 0 {
			l.dirs[dir] = true
		}
	}
}

// before reports whether a file holds less than up to a position.
func (f *found) before(p logs.Position) bool {
	size := f.facts.Size
	if filepath.Ext(f.path) == gzipSuffix {
		size = int64(plain.PackedSize(f.path)) // what holds more than 4 GiB is read in vain
	}
	return size < p.File.Offsets[0]
}

// moment is how long a file has to be missing until it is gone: it may have been renamed while
// it was looked.
const moment = time.Second

// seeks reports whether a file that was not found may be there all the same, or is a copy that
// was not there yet when its original was truncated.
func (l *look) seeks(k *known) bool {
	long := min(moment, time.Duration(l.settles()))
	if k.copied() && !plain.IsLeft(k.id) && k.position.File.Inode == 0 && l.places[k.id].Inode == 0 {
		long = 2 * time.Duration(l.settles())
	}
	since, known := l.sought[k.id]
	if !known {
		since, l.sought[k.id] = l.now, l.now
	}
	if l.now.Sub(since) < long {
		l.pending = true
		return true
	}
	return false
}

// wants reports whether a file is to be collected.
func (l *look) wants(f *found) bool {
	k := l.records[f.id]
	switch {
	case !f.rotated && f.named, k == nil:
		return true
	case f.rotated && !f.facts.Is(k.inode, k.made) && f.before(k.position):
		return false // all that it has is acknowledged
	case f.facts.Size == k.position.File.Offsets[0]:
	case filepath.Ext(f.path) == gzipSuffix && plain.PackedSize(f.path) == uint32(k.position.File.Offsets[0]): //nolint:gosec // gzip has it modulo 2^32
		return false
	default:
		return true
	}
	return l.now.UnixNano()-f.facts.Written < int64(settled)
}

// container is what a file is to those who collect it; the same as before, if nothing has
// changed. mu is held.
func (l *look) container(f *found) *logs.Container {
	c := &logs.Container{
		ID: f.id, Name: f.name, Driver: logs.HostFileDriver, Running: true, Path: f.path,
		StartedAt: time.Unix(0, max(1, f.facts.Made)), AsOf: l.now,
	}
	c.Problem = l.refusalOf(f)
	before := l.wanted[f.id]
	if before != nil && before.Path == c.Path && before.Problem == c.Problem && before.StartedAt.Equal(c.StartedAt) {
		return before
	}
	return c
}
