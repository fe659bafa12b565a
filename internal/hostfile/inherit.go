package hostfile

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// Begin returns where a file is begun that was never seen before.
func (f *Finder) Begin(c *logs.Container) logs.Position {
	facts, err := plain.Look(c.Path)
	if err != nil || f.config.Floor == 0 || c.Problem != "" {
		return logs.Position{}
	}
	since := f.config.Floor
	if facts.Written >= since && (since < f.config.Born.UnixNano() || facts.Made == 0 || facts.Made >= since) {
		return logs.Position{}
	}
	at, err := plain.End(c.Path)
	if err != nil {
		return logs.Position{}
	}
	return at
}

// Copied is told that a file at a path was truncated that had been read up to a position, and
// looks for the copy that has what it held; size is that of the copy, 0 where it is compressed.
// That goes on where the store has the file, which may be before: what is on its way to the sink
// is sent again, with the same times. first is the number of the first span since the truncation
// before.
//
// The copy has a record from now on, whether it is found or not: it may just be compressed, or
// renamed. Look finds it then. It may be called from any goroutine.
func (f *Finder) Copied(id, path string, at logs.Position, first uint64) (size int64, found bool) {
	r, known := f.config.Store.Get(id)
	if !known || at.Plain.Head == 0 {
		return 0, false
	}
	defer f.Stir()
	heir := plain.CopyID(id, at.Plain.Epoch)
	if _, done := f.config.Store.Get(heir); done {
		return 0, true // before a restart
	}
	if first, _, _, ok := plain.ParseID(id); ok { // it may have been rotated since
		path = filepath.Join(filepath.Dir(path), filepath.Base(first))
	}
	facts, found := f.copyOf(path, at, heirPosition(r, at, first))
	f.inheritCopy(heir, id, at, first, facts)
	if filepath.Ext(facts.Path) != gzipSuffix {
		size = facts.Size
	}
	return size, found
}

// copyOf finds the copy beside a file at a path that had been read up to a position: one that
// has all of that, or, as it was made before the last lines were written, what is not
// acknowledged.
func (f *Finder) copyOf(path string, read, acknowledged logs.Position) (facts plain.Facts, found bool) {
	siblings := f.siblings(path)
	for _, at := range []logs.Position{read, acknowledged} {
		for _, sibling := range siblings {
			facts, _, has := plain.Compare(sibling, at, true)
			if has && cmp.Or(facts.Made, facts.Written) >= f.config.Born.UnixNano() && !f.knows(facts) {
				return facts, true
			}
		}
	}
	return plain.Facts{}, false
}

// Left is told of a file that is gone and delivered, before it is forgotten: a compressed copy
// of it that came meanwhile must not be taken for new. What is known of the file stays under
// another ID until looks have found such a copy, or none. It may be called from any goroutine.
func (f *Finder) Left(id string) {
	r, known := f.config.Store.Get(id)
	if _, _, _, ok := plain.ParseID(id); !ok || !known || r.Position.Plain.Head == 0 {
		return
	}
	if plain.IsLeft(id) && r.Position.File.Inode == 0 {
		return // nothing was read since
	}
	if _, has := f.config.Store.Get(plain.CopyID(id, r.Position.Plain.Epoch)); has {
		return // a copy has it already
	}
	f.config.Log.Debug("file is gone", "file", id, "offset", r.Position.File.Offsets[0])
	f.inherit(plain.LeftID(id), id, plain.Facts{}, func(c *checkpoint.Record) {
		c.Position.File.Device, c.Position.File.Inode, c.Position.File.Made = 0, 0, 0
	})
	f.Stir()
}

// knows reports whether the store has a file of these facts.
func (f *Finder) knows(facts plain.Facts) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.between.inodes[facts.Inode], func(of plain.Facts) bool {
		return sameFile(facts, of.Inode, of.Made, of.Device, filepath.Dir(of.Path) == filepath.Dir(facts.Path))
	})
}

// inherit makes a record of another one, that of a file of these facts; their zero value where
// it is not known which. The file is there from now on, although no look has seen it.
func (f *Finder) inherit(heir, id string, facts plain.Facts, change func(*checkpoint.Record)) {
	f.mu.Lock()
	f.between.fresh[heir] = facts
	f.between.inodes[facts.Inode] = append(f.between.inodes[facts.Inode], facts)
	f.mu.Unlock()
	f.config.Store.Inherit(heir, id, change)
}

// inheritCopy makes the record of a copy, which is the file of these facts; their zero value where
// it was not found.
func (f *Finder) inheritCopy(heir, id string, at logs.Position, first uint64, facts plain.Facts) {
	f.inherit(heir, id, facts, func(c *checkpoint.Record) {
		c.Position = heirPosition(*c, at, first)
		c.Spans = slices.DeleteFunc(c.Spans, func(s logs.Span) bool { return s.Epoch != at.Plain.Epoch })
		c.Position.File.Device, c.Position.File.Inode, c.Position.File.Made = facts.Device, facts.Inode, facts.Made
	})
}

// heirPosition is where a copy of a file is begun that has a record and had been read up to a
// position.
func heirPosition(r checkpoint.Record, at logs.Position, first uint64) logs.Position {
	p := r.Position
	if p.Plain.Epoch != at.Plain.Epoch { // nothing of it is acknowledged
		p = logs.Position{Last: p.Last, File: at.File, Plain: at.Plain}
		p.File.Offsets, p.Plain.Tail, p.Plain.Span = [logs.Streams]int64{}, 0, first
	}
	return plain.Known(p, r.Spans)
}
