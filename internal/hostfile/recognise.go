package hostfile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

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
	}
	for _, f := range l.files {
		for _, k := range byInode[f.facts.Inode] {
			own := f.facts.Is(k.inode, k.made)
			if k.here == nil && (own || f.facts.Is(k.position.File.Inode, k.position.File.Made)) {
				k.here, f.id = f, k.id
				break
			}
		}
	}
	// Live ones first: of two that have what is gone, an editor's comes before a backup.
	slices.SortStableFunc(l.files, func(a, b *found) int {
		return cmp.Or(compareBool(a.rotated, b.rotated), cmp.Compare(b.facts.Written, a.facts.Written))
	})
	byPath := make(map[string][]*known)
	for _, k := range l.records {
		byPath[k.path] = append(byPath[k.path], k)
	}
	for _, f := range l.files {
		if f.id == "" && f.facts.Regular() && f.facts.Size > 0 && (f.rotated || missing(byPath[f.name])) {
			l.place(f, byPath[f.name])
		}
		if f.id == "" && !f.rotated && f.named {
			f.id = plain.ID(f.name, f.facts.Inode, f.facts.Made)
		}
	}
	for _, f := range l.files {
		if f.strange {
			l.adopt(f, byPath[f.name])
		}
	}
}

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

// place finds out what an unknown file is to those that are known of its name.
func (l *look) place(f *found, of []*known) {
	made := cmp.Or(f.facts.Made, f.facts.Written)
	if f.rotated && !f.named && made < l.config.Born.UnixNano() && !missing(of) {
		return // was there before us
	}
	if l.refusal(f.path, f.glob.pattern, f.facts) != "" && f.named {
		return
	}
	head, err := plain.Head(f.path)
	if err != nil {
		return
	}
	if f.rotated && slices.ContainsFunc(of, l.unnamed) {
		l.wait(f) // until all of that is read: this may have more of it
		return
	}
	_, twin := l.at[strings.TrimSuffix(f.path, gzipSuffix)]
	short := len(head) < plain.HeadMost && l.now.UnixNano()-f.facts.Written < int64(making)
	switch {
	case f.rotated && (short || twin && strings.HasSuffix(f.path, gzipSuffix)):
		l.wait(f) // it is being made, of what is known perhaps
		return
	case len(head) == 0:
		return
	}
	of = slices.Clone(of)
	slices.SortFunc(of, func(a, b *known) int { // what is gone first
		return cmp.Or(compareBool(a.here != nil, b.here != nil), cmp.Compare(a.id, b.id))
	})
	for _, k := range of {
		if at := slices.IndexFunc(k.later, func(p logs.Position) bool { _, begins, _ := plain.Compare(f.path, p); return begins }); at >= 0 && f.rotated {
			if k.here != nil {
				l.wait(f) // its reader will find that it was truncated, and this copy
				return
			}
			of := k.later[at]
			f.id = plain.CopyID(k.id, of.Plain.Epoch)
			l.inherit(f.id, k.id, k.position.Plain.Epoch, of, of.Plain.Span, f.facts)
			l.pending = true
			return
		}
		_, begins, has := plain.Compare(f.path, k.position)
		switch {
		case !begins:
		case has && k.here == nil:
			k.here, f.id = f, k.id
			return
		case !f.rotated:
		case has:
			return // a copy
		case l.now.UnixNano()-f.facts.Written < int64(making):
			l.wait(f) // a copy under way, perhaps
			return
		}
	}
	f.strange = f.rotated
}

// unnamed reports whether a file is gone and open: it is being read to its end.
func (l *look) unnamed(k *known) bool {
	open := l.config.Open
	at := k.position.File
	return k.here == nil && open != nil && (open(k.inode, k.made) || open(at.Inode, at.Made))
}

// adopt takes a rotated file for a new one that nothing is known to be, when all others have
// been recognised.
func (l *look) adopt(f *found, of []*known) {
	newest := max(f.facts.Made, f.facts.Written)
	if l.now.UnixNano()-newest < int64(cmp.Or(l.config.Settle, making)) {
		l.pending = true // a copy, perhaps, of what its reader has not read or is about to
		return
	}
	if missing(of) {
		l.pending = true // it may be one of those, truncated before it went, until that is read and forgotten
		return
	}
	if f.named || cmp.Or(f.facts.Made, f.facts.Written) >= l.config.Born.UnixNano() {
		f.id = plain.ID(f.name, f.facts.Inode, f.facts.Made)
	}
}
