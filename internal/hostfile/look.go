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
	// pending: something is to be looked at again soon; waiting are the names of that.
	pending bool
	waiting map[string]bool
	problem error
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
}

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
	// id is empty while nobody knows it.
	id string
}

// Look looks once, and reports whether it should look again soon.
func (f *Finder) Look() (again bool) {
	l := &look{
		Finder: f, tree: newTree(), now: time.Now(), bases: make(map[string]string), named: make(map[string]named),
		live: make(map[string]string), globs: make(map[string]named), kept: make(map[string]bool), records: make(map[string]*known), at: make(map[string]*found), waiting: make(map[string]bool),
	}
	l.recall()
	for i, s := range f.config.Sections {
		for _, pattern := range s.Paths {
			l.expand(i, s, pattern)
		}
	}
	l.gather()
	l.recognise()
	l.publish()
	return l.pending
}

// recall takes what is known from the store.
func (l *look) recall() {
	for _, id := range l.config.Store.IDs() {
		path, inode, made, ok := plain.ParseID(id)
		if !ok {
			continue
		}
		glob, is := l.match(path)
		if !is { // the configuration is another: what is known stays as long as the file does
			facts, err := plain.Look(path)
			l.kept[id] = err == nil && facts.Is(inode, made)
			continue
		}
		l.globs[path] = glob
		r, _ := l.config.Store.Get(id)
		l.records[id] = &known{id: id, path: path, inode: inode, made: made, position: plain.Known(r.Position, r.Spans), later: plain.Later(r.Position, r.Spans)}
		if real, ok := l.real(path); ok {
			l.live[real] = path
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
			l.problem = cmp.Or(l.problem, fmt.Errorf("%s: %w", s.Name, err))
		}
		return
	}
	_, _ = l.read(root)
	err = l.glob(root, rest, func(name string, d fs.DirEntry) {
		path, real := filepath.Join(base, name), filepath.Join(root, name)
		if !s.has(pattern, path) {
			return
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if !s.FollowLinks {
				return
			}
			if real, err = beneath.Resolve(real); err != nil {
				if !l.saidOnce(path) {
					l.config.Log.Warn("cannot follow a link to a file", "path", path, "error", err)
				}
				return
			}
		}
		if _, twice := l.named[real]; !twice {
			l.named[real] = named{section, pattern}
			l.globs[path] = named{section, pattern}
			l.live[real] = path
		}
	})
	if err != nil {
		l.problem = cmp.Or(l.problem, fmt.Errorf("%s: %w", s.Name, err))
	}
	for dir, listing := range l.listings {
		if errors.Is(listing.err, errTooMany) {
			l.problem = cmp.Or(l.problem, fmt.Errorf("%s: %s: %w", s.Name, dir, listing.err))
		}
	}
}

// gather looks at all files that are named, or that rotation has made of these.
func (l *look) gather() {
	dirs := make(map[string]bool)
	for real := range l.live {
		dirs[filepath.Dir(real)] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		entries, _ := l.read(dir) // what cannot be read has nothing in it
		for _, e := range entries {
			l.consider(filepath.Join(dir, e.Name()), e)
		}
	}
	// A link leads to files of other directories.
	for real, glob := range l.named {
		if !dirs[filepath.Dir(real)] {
			l.add(&found{path: real, name: l.live[real], glob: glob, named: true})
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
	if f.facts, err = plain.Look(f.path); err == nil {
		l.files, l.at[f.path] = append(l.files, f), f
	}
}

// siblings are the rotated files beside one, the newest first.
func siblings(t *tree, path string) (out []string) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	entries, _ := t.read(dir)
	times := make(map[string]int64)
	for _, e := range entries {
		if e.Type().IsRegular() && slices.Contains(stems(e.Name()), base) {
			sibling := filepath.Join(dir, e.Name())
			if facts, err := plain.Look(sibling); err == nil {
				out, times[sibling] = append(out, sibling), facts.Written
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(times[b], times[a]) })
	return out
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
	if l.problem != nil {
		problem = l.problem.Error()
	}
	if most := l.config.Most; most > 0 && len(want) > most {
		problem = fmt.Sprintf("%d files are named and %d collected, which is the most: raise max-files, or name fewer", len(want), most)
		want = want[:most]
	}
	if problem != "" && !l.saidOnce("problem") {
		l.config.Log.Warn("not all files of the host are collected", "reason", problem)
	}
	unnamed := make(map[string]bool) // these are read to their end, and go
	for id, k := range l.records {
		unnamed[id] = l.unnamed(k)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := make(map[string]*logs.Container, len(want))
	for _, f := range want {
		wanted[f.id] = l.container(f)
	}
	for id, k := range l.records {
		if k.here == nil && l.waiting[k.path] && !unnamed[id] {
			there[id] = true
			if before := l.wanted[id]; before != nil {
				wanted[id] = before
			}
		}
	}
	l.known, l.wanted, l.there, l.sections, l.Finder.problem = true, wanted, there, l.globs, problem
	l.Finder.dirs = make(map[string]bool, len(l.listings))
	for dir, listing := range l.listings {
		if listing.err == nil {
			l.Finder.dirs[dir] = true
		}
	}
}

// wants reports whether a file is to be collected.
func (l *look) wants(f *found) bool {
	k := l.records[f.id]
	switch {
	case !f.rotated && f.named, k == nil:
		return true
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
	if f.named {
		c.Problem = l.refusal(f.path, f.glob.pattern, f.facts)
	}
	before := l.wanted[f.id]
	if before != nil && before.Path == c.Path && before.Problem == c.Problem {
		return before
	}
	return c
}
