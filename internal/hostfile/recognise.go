package hostfile

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// recognise finds out which file is which.
func (l *look) recognise() {
	byInode := make(map[uint64][]*known)
	for _, id := range slices.Sorted(maps.Keys(l.records)) {
		k := l.records[id]
		byInode[k.inode] = append(byInode[k.inode], k)
		if other := k.position.File.Inode; other != k.inode && other != 0 {
			byInode[other] = append(byInode[other], k)
		}
		if at, seen := l.finder.memory.places[id]; seen {
			byInode[at.Inode] = append(byInode[at.Inode], k)
		}
	}
	for _, named := range []bool{true, false} { // those that have their own names first
		for _, f := range l.files {
			for _, k := range byInode[f.facts.Inode] {
				if f.id == "" && k.here == nil && (!named || f.name == k.path && !f.rotated) && l.isOf(f, k) {
					k.here, f.id = f, k.id
				}
			}
		}
	}
	// Live ones first: of two that have what is gone, an editor's comes before a backup.
	slices.SortStableFunc(l.files, func(a, b *found) int {
		return cmp.Or(compareBool(a.rotated, b.rotated), cmp.Compare(b.facts.Written, a.facts.Written))
	})
	for _, f := range l.files {
		if !f.rotated {
			l.current[f.name] = f
		}
	}
	byPath := make(map[string][]*known)
	for _, k := range l.records {
		byPath[k.path] = append(byPath[k.path], k)
	}
	names := make(map[place]bool) // of several names of a file the first one counts
	for _, f := range l.files {
		if f.id != "" {
			names[placeOf(f)] = true
		}
	}
	for _, f := range l.files {
		if f.id == "" && f.facts.Links > 1 && names[placeOf(f)] {
			continue
		}
		if f.id == "" && f.facts.Regular() && f.facts.Size > 0 && (f.rotated || missing(byPath[f.name])) {
			l.place(f, byPath[f.name])
		}
		if f.id == "" && !f.rotated && f.named && !f.busy {
			l.begin(f)
		}
		if f.id != "" {
			names[placeOf(f)] = true
		}
	}
	for _, f := range l.files {
		if f.strange {
			l.adopt(f, byPath[f.name])
		}
	}
}

// place is where the file system has a file, whatever its names are.
type place struct{ device, inode uint64 }

func placeOf(f *found) place { return place{f.facts.Device, f.facts.Inode} }

// isOf reports whether a file is one that is known, by what the file system says.
func (l *look) isOf(f *found, k *known) bool {
	at, seen := l.finder.memory.places[k.id]
	near := filepath.Dir(f.name) == filepath.Dir(k.path)
	return k.inode != 0 && sameFile(f.facts, k.inode, k.made, k.position.File.Device, near) ||
		sameFile(f.facts, k.position.File.Inode, k.position.File.Made, k.position.File.Device, near) ||
		seen && sameFile(f.facts, at.Inode, at.Made, at.Device, near)
}

// sameFile is Facts.Is. Where the file system does not tell when a file was made, another one may
// have a file of that inode: then it has to be near, in the same directory, or on the device,
// which has another number after a start of the host.
func sameFile(f plain.Facts, inode uint64, made int64, device uint64, near bool) bool {
	return f.Is(inode, made) && (f.Made != 0 && made != 0 || near || f.Device == device)
}

// begin has a file be a new one; two files are never one.
func (l *look) begin(f *found) {
	id := plain.ID(f.name, f.facts.Inode, f.facts.Made)
	if k := l.records[id]; k != nil && k.here != nil || l.begun[id] {
		l.doubt.trouble = cmp.Or(l.doubt.trouble, fmt.Errorf("%s cannot be told from another file of its name", f.path))
		return
	}
	if f.id = id; l.begun == nil {
		l.begun = make(map[string]bool)
	}
	l.begun[id] = true
}

// settles is how long nobody has to have written to a file that may be a copy under way, in
// nanoseconds.
func (l *look) settles() int64 { return int64(cmp.Or(l.finder.config.Settle, making)) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func missing(of []*known) bool {
	return slices.ContainsFunc(of, func(k *known) bool { return k.here == nil })
}

// expected reports whether one is missing that may come to light in a directory that is seen.
func expected(of []*known) bool {
	return slices.ContainsFunc(of, func(k *known) bool { return k.here == nil && k.sight == seen })
}

// place finds out what an unknown file is to those that are known of its name.
func (l *look) place(f *found, of []*known) {
	made := cmp.Or(f.facts.Made, f.facts.Written)
	if f.rotated && !f.named && made < l.finder.config.Born.UnixNano() && !missing(of) {
		return // was there before us
	}
	if l.refusalOf(f) != "" || l.stillCopy(f) {
		return
	}
	head, err := plain.Head(f.path)
	if err != nil {
		if f.busy = scarce(err); f.busy {
			l.wait(f)
			l.doubt.trouble = cmp.Or(l.doubt.trouble, err)
		}
		return
	}
	if f.rotated && slices.ContainsFunc(of, l.unnamed) {
		l.wait(f) // until all of that is read: this may have more of it
		return
	}
	twin := l.twin(f)
	short := len(head) < plain.HeadMost && l.now.UnixNano()-f.facts.Written < l.settles()
	switch {
	case f.rotated && (short || twin != nil && l.compressing(f)):
		l.wait(f) // it is being made, of what is known perhaps
		return
	case len(head) == 0:
		return
	}
	for _, other := range []*found{l.current[f.name], twin} {
		if f.rotated && other != nil && copyOf(f, other) {
			l.isCopy(f, other)
			return // a copy, of what was read or is to be
		}
	}
	of = slices.Clone(of)
	var part []*known
	slices.SortFunc(of, func(a, b *known) int { // what is gone first
		return cmp.Or(compareBool(a.here != nil, b.here != nil), cmp.Compare(a.id, b.id))
	})
	for _, k := range of {
		if at := slices.IndexFunc(k.later, func(p logs.Position) bool { _, begins, _ := plain.Compare(f.path, p, true); return begins }); at >= 0 && f.rotated {
			if k.here != nil {
				l.wait(f) // its reader will find that it was truncated, and this copy
				return
			}
			of := k.later[at]
			f.id = plain.CopyID(k.id, of.Plain.Epoch)
			l.finder.inheritCopy(f.id, k.id, of, of.Plain.Span, f.facts)
			l.doubt.pending = true
			return
		}
		if l.records[plain.CopyID(k.id, k.position.Plain.Epoch)] != nil {
			continue // the copy has that
		}
		_, begins, has := plain.Compare(f.path, k.position, f.rotated)
		switch {
		case !begins:
		case has && k.here == nil:
			l.take(f, k)
			return
		case !f.rotated:
		case has:
			l.isCopy(f, k.here)
			return // a copy
		default:
			part = append(part, k)
		}
	}
	f.strange = f.rotated && !slices.ContainsFunc(part, func(k *known) bool {
		return twin != nil && k.here == twin // gzip has left it unfinished
	})
	for _, k := range part {
		if !f.strange {
			return
		}
		f.strange = !l.partOf(f, k)
	}
}

// take has a file be one that is known, by what it holds.
func (l *look) take(f *found, k *known) {
	k.here, f.id = f, k.id
	if at := l.finder.memory.places[k.id]; at.Inode != f.facts.Inode {
		l.finder.config.Log.Debug("file has what another one had", "path", f.path, "file", k.id)
	}
	if len(l.finder.memory.places) > 10_000 {
		clear(l.finder.memory.places)
	}
	l.finder.memory.places[k.id] = f.facts
}

// partOf reports whether a rotated file that begins like one that is known, and has not all of
// it, is a copy of that all the same: it is being made, or was when the last lines that were read
// had not been written.
func (l *look) partOf(f *found, k *known) bool {
	switch {
	case l.now.UnixNano()-f.facts.Written < l.settles():
		l.wait(f)
	case k.here != nil && !l.holds(k):
		l.wait(f) // its reader will find that it was truncated, and this copy
	case k.here == nil && f.before(k.position):
		l.take(f, k)
	default:
		return false
	}
	return true
}

// copyOf reports whether a file is a copy of another one, which may have grown since.
func copyOf(f, of *found) bool {
	return f.facts.Made >= of.facts.Made && plain.Alike(f.path, of.path)
}

// holds reports whether a file that is there has what was read of it.
func (l *look) holds(k *known) bool {
	_, _, has := plain.Compare(k.here.path, k.position, false)
	return has
}

// unnamed reports whether a file is gone and open: it is being read to its end.
func (l *look) unnamed(k *known) bool {
	open := l.finder.config.Open
	at := k.position.File
	return k.here == nil && open != nil && (open(k.inode, k.made) || open(at.Inode, at.Made))
}

// adopt takes a rotated file for a new one that nothing is known to be, when all others have
// been recognised.
func (l *look) adopt(f *found, of []*known) {
	newest := max(f.facts.Made, f.facts.Written)
	if l.now.UnixNano()-newest < l.settles() {
		l.doubt.pending = true // a copy, perhaps, of what its reader has not read or is about to
		return
	}
	if expected(of) {
		l.doubt.pending = true // it may be one of those, truncated before it went, until that is read and forgotten
		return
	}
	if f.named || cmp.Or(f.facts.Made, f.facts.Written) >= l.finder.config.Born.UnixNano() {
		l.begin(f)
		l.finder.config.Log.Debug("rotated file is taken for a new one", "path", f.path, "file", f.id)
	}
}
