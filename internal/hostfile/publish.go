package hostfile

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// settled is how long a rotated file that is read is followed all the same: who has it
// open may write to it yet.
const settled = 10 * time.Minute

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
	if l.doubt.trouble != nil {
		problem = l.doubt.trouble.Error()
	}
	if most := l.finder.config.Most; most > 0 && len(want) > most {
		problem = fmt.Sprintf("%d files are named and %d collected, which is the most: raise max-files, or name fewer", len(want), most)
		want = want[:most]
	}
	if problem != "" && !l.finder.saidOnce("problem") {
		l.finder.config.Log.Warn("not all files of the host are collected", "reason", problem)
	}
	maps.DeleteFunc(l.finder.memory.away, func(id string, _ time.Time) bool {
		_, kept := l.kept[id]
		return !kept && (l.records[id] == nil || l.records[id].here != nil)
	})
	maps.DeleteFunc(l.finder.memory.sought, func(id string, _ time.Time) bool { return l.records[id] == nil || l.records[id].here != nil })
	unnamed := make(map[string]bool) // these are read to their end, and go
	for id, k := range l.records {
		unnamed[id] = l.unnamed(k)
	}
	inodes := l.inodesKnown()
	l.finder.mu.Lock()
	defer l.finder.mu.Unlock()
	wanted := make(map[string]*logs.Container, len(want))
	for _, f := range want {
		wanted[f.id] = l.container(f)
	}
	for id, k := range l.records {
		if k.here != nil {
			continue
		}
		hidden := l.hidden(k)
		if there[id] = hidden || l.doubt.waiting[k.path] && !unnamed[id] || l.seeks(k); !there[id] {
			continue
		}
		if before := l.finder.wanted[id]; before != nil && (k.sight != away || unnamed[id]) {
			wanted[id] = before
		}
	}
	l.finder.between.inodes = inodes
	maps.DeleteFunc(l.finder.memory.copies, func(of place, _ *copied) bool { return !l.judged[of] })
	maps.DeleteFunc(l.finder.between.fresh, func(id string, _ plain.Facts) bool { return l.records[id] != nil || there[id] })
	for _, facts := range l.finder.between.fresh {
		inodes[facts.Inode] = append(inodes[facts.Inode], facts)
	}
	l.finder.known, l.finder.wanted, l.finder.there, l.finder.sections, l.finder.problem = true, wanted, there, l.globs, problem
	l.finder.dirs = make(map[string]bool, len(l.tree.listings))
	for dir, listing := range l.tree.listings {
		if listing.err == nil || len(listing.entries) > 0 {
			l.finder.dirs[dir] = true
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
	if k.copied() && !plain.IsLeft(k.id) && k.position.File.Inode == 0 && l.finder.memory.places[k.id].Inode == 0 {
		long = 2 * time.Duration(l.settles())
	}
	since, known := l.finder.memory.sought[k.id]
	if !known {
		since, l.finder.memory.sought[k.id] = l.now, l.now
	}
	if l.now.Sub(since) < long {
		l.doubt.pending = true
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
	before := l.finder.wanted[f.id]
	if before != nil && before.Path == c.Path && before.Problem == c.Problem && before.StartedAt.Equal(c.StartedAt) {
		return before
	}
	return c
}
