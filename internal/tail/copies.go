package tail

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// logrotate's copytruncate copies a log, under any name, and then empties it. What was not
// read by then is in the copy, and is read there: it is recognised by what is in it, in the
// log's own directory.

const (
	// maxNames bounds the names that are looked at in a directory, and maxCopies the files
	// that are opened, the newest first: anybody may have put anything there.
	maxNames  = 4096
	maxCopies = 64
)

// candidate is a file that may be a copy.
type candidate struct {
	path string
	nano int64
}

// candidates returns what may be a copy, the newest first.
func candidates(live string) (out []candidate) {
	dir, err := os.Open(filepath.Dir(live))
	if err != nil {
		return nil // where there is no directory there is no copy
	}
	defer func() { _ = dir.Close() }()
	entries, _ := dir.ReadDir(maxNames)
	for _, entry := range entries {
		if entry.Name() == filepath.Base(live) || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err == nil && info.Size() > 0 {
			out = append(out, candidate{filepath.Join(filepath.Dir(live), entry.Name()), info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmp.Compare(b.nano, a.nano) })
	return out[:min(len(out), maxCopies)]
}

// copies opens the file that holds what is right, and those that were copied after it,
// oldest first; none if there is no such file. One that has more is alike, and comes before
// others that are right; edited is set when it is not. known are files that are no copies.
func copies(live string, in format, known []*generation, right, alike func(*generation) bool) (out []*generation, edited bool) {
	if live == "" {
		return nil, false
	}
	all := candidates(live)
	first, made := choose(all, in, alike)
	if first == nil {
		if first, made = choose(all, in, right); first == nil {
			return nil, false
		}
	}
	edited = !right(first)
	begins, _ := first.firstRecord()
	later := copiedSince(all, in, append(slices.Clip(known), first), made, func(g *generation) bool {
		r, isLog := g.firstRecord()
		before := g.written() == made && r.Time < begins.Time // at once, by a coarse clock
		return isLog && !before && !right(g) && !alike(g)
	})
	return append([]*generation{first}, later...), edited
}

// copiedSince opens the logs that were written to from a time on and that are fit, oldest
// first, each once and none that is known.
func copiedSince(all []candidate, in format, known []*generation, made int64, fit func(*generation) bool) (out []*generation) {
	for _, c := range all {
		if c.nano < made {
			break
		}
		g, err := openCopy(c.path, in)
		if err != nil {
			continue
		}
		if g.fingerprint != 0 && !slices.ContainsFunc(known, g.isCopy) && !slices.ContainsFunc(out, g.isCopy) && fit(g) {
			out = append(out, g)
			continue
		}
		_ = g.close()
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b *generation) int { // two may have been made at once, by a coarse clock
		one, _ := a.firstRecord()
		two, _ := b.firstRecord()
		return cmp.Compare(one.Time, two.Time)
	})
	return out
}

// isCopy reports whether two files are one, or begin with the same record. The first line
// alone does not show that, as it may be an empty one.
func (g *generation) isCopy(other *generation) bool {
	if g.id == other.id || g.fingerprint == 0 || g.fingerprint != other.fingerprint {
		return g.id == other.id
	}
	one, whole := g.firstRecord()
	two, ok := other.firstRecord()
	return !whole || !ok || one.Time == two.Time
}

// strange opens the copies of a log that was truncated more than once while it was not
// read, the first time without a copy: they begin with what nobody has seen, and all in
// them is newer than what was handed over.
func strange(live string, in format, known []*generation, handedOver int64) []*generation {
	if live == "" || handedOver == 0 {
		return nil
	}
	return copiedSince(candidates(live), in, known, 0, func(g *generation) bool {
		first, ok := g.firstRecord()
		return ok && first.Time > handedOver
	})
}

// strangers is strange for a log that is followed. Docker's own names are its own files'
// unless it has made none since they were looked at, and its files are known.
func (l *Log) strangers(g *generation) (out []*generation) {
	known := l.others(g)
	found := strange(l.path, g.format, known, latest(l.assemble.Newest()))
	info, err := os.Lstat(l.path)
	still := err == nil && identify(info) == g.id
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range found {
		_, rotated := rotation(filepath.Base(l.path), filepath.Base(c.file.Name()))
		listed := slices.ContainsFunc(l.listed, func(n name) bool { return n.id == c.id })
		left := slices.ContainsFunc(l.left, func(m mark) bool { return m.fingerprint == c.fingerprint })
		if listed || left || rotated && !still {
			_ = c.close()
			continue
		}
		out = append(out, c)
	}
	return out
}

// latest is the time of the newest entry handed over; 0 for none.
func latest(newest [logs.Streams]logs.HighWaterMark) int64 {
	return max(newest[logs.Stdout].Time, newest[logs.Stderr].Time)
}

// choose opens the newest copy that is right. One that is not compressed comes first: the
// other may just be made from it.
func choose(all []candidate, in format, right func(*generation) bool) (chosen *generation, made int64) {
	for _, c := range all {
		g, err := openCopy(c.path, in)
		switch {
		case err != nil:
			continue
		case g.fingerprint == 0, chosen != nil && g.compressed, !right(g):
			_ = g.close()
			continue
		case chosen != nil:
			_ = chosen.close()
		}
		if chosen, made = g, c.nano; !g.compressed {
			break
		}
	}
	return chosen, made
}

// openCopy opens a file that may be a copy. What compresses it may call it anything.
func openCopy(path string, in format) (*generation, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	magic := make([]byte, len(gzipMagic))
	_, _ = f.ReadAt(magic, 0) // what cannot be read has none
	return identified(newGeneration(f, info, bytes.Equal(magic, gzipMagic), in))
}

// hasMore reports whether c begins as a file that was read and ends with what is newer than
// all that was handed over of its stream. It may have been changed before the place where
// that was left: cut, and written on.
func hasMore(c *generation, fingerprint uint64, newest [logs.Streams]logs.HighWaterMark) bool {
	if c.fingerprint != fingerprint {
		return false
	}
	last, ok := c.lastOf(int64(c.size()))
	return ok && last.Time > newest[last.Stream].Time
}

// goOn puts what was copied of g before it, to be read on where g was left, and reports
// whether that was found. A copy that was changed before that place is read from its
// start. mu is not held.
func (l *Log) goOn(g *generation, fingerprint uint64) bool {
	if fingerprint == 0 || g.compressed {
		return false
	}
	newest := l.assemble.Newest()
	found, edited := copies(l.path, g.format, l.others(g),
		func(c *generation) bool { return c.fingerprint == fingerprint && g.guard.isIn(c, g.offset) },
		func(c *generation) bool { return hasMore(c, fingerprint, newest) })
	if len(found) == 0 {
		return false
	}
	first := found[0]
	if !edited {
		first.offset, first.skip, first.inRecord = g.offset, g.skip, g.inRecord
		first.guard.find(&first.fileContent, &first.cursor)
	}
	if !l.putBefore(g, found) {
		return false
	}
	if edited {
		l.truncated(first, true)
		l.assemble.Rewind()
		if l.begun || !l.replaying() {
			l.assemble.Again()
		}
	}
	l.events.Truncated(true, 0)
	if l.log != nil {
		l.log.Info("log file was truncated; what was not read of it is read from its copy", "copy", filepath.Base(first.file.Name()))
	}
	return true
}

// putBefore puts copies before g, the first in its place, and reports whether g is there. mu
// is not held.
func (l *Log) putBefore(g *generation, found []*generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.files, g)
	if at < 0 || l.closed || len(found) == 0 {
		closeAll(found)
		return false
	}
	found[0].order = g.order
	if l.read == g {
		l.read = found[0]
	}
	for _, c := range found {
		c.held, c.phase = l.box.AddOpen(c.file), over // the engine does not write to it
	}
	l.files = slices.Insert(l.files, at, found...)
	l.number(l.files[at+1:])
	l.recount()
	return true
}

// others are the files that are known and are no copies of g.
func (l *Log) others(g *generation) []*generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.DeleteFunc(slices.Clone(l.files), func(o *generation) bool { return o == g })
	// What is in g now, if it was copied by then, is read there.
	return append(out, g.asNow())
}

// copied is goOn for a log that is being opened: the file that a position speaks of is not
// there any more, as it was. Of a copy that is edited the marks show what is new.
func (l *Log) copied(from logs.Position) (found, edited bool) {
	if from.File.Fingerprint == 0 || l.path == "" {
		return false, false
	}
	opened, edited := copies(l.path, l.format, l.files, func(c *generation) bool {
		return c.matches(from.File) && new(guard).isIn(c, from.File.Start()) && !c.rewritten(from)
	}, func(c *generation) bool { return hasMore(c, from.File.Fingerprint, from.Newest) })
	if len(opened) == 0 {
		return false, false
	}
	at := l.madeBefore(opened[0], from.File)
	for _, g := range l.files[:at] {
		l.finish(g)
	}
	for _, c := range opened {
		c.phase = over // the engine does not write to it
	}
	l.files = append(opened, l.files[at:]...)
	l.number(l.files)
	l.events.Truncated(true, 0)
	return true, edited
}

// madeBefore returns the index of the first file that was written to after a copy was made.
func (l *Log) madeBefore(c *generation, p logs.FilePosition) int {
	made := c.written()
	for i, g := range l.files {
		if g.id == (identity{p.Device, p.Inode}) || g.written() > made {
			return i
		}
	}
	return max(0, len(l.files)-1)
}

// lostFrom is copied where nothing begins as the file did.
func (l *Log) lostFrom(from logs.Position) {
	l.lose(from.File.Start(), 0)
	found := strange(l.path, l.format, l.files, latest(from.Newest))
	if len(found) == 0 {
		return
	}
	for _, c := range found {
		c.phase = over // the engine does not write to it
	}
	l.files = slices.Insert(l.files, l.madeBefore(found[0], from.File), found...)
	l.number(l.files)
	l.limit(from)
}

// isTruncated reports whether a position's file is there and is not what it was.
func isTruncated(files []*generation, p logs.FilePosition) bool {
	return p.Fingerprint != 0 && slices.ContainsFunc(files, func(g *generation) bool {
		return !g.compressed && g.isAt(p) && g.fingerprint != p.Fingerprint
	})
}

// keepLines is the cure.
const keepLines = "let Docker rotate its logs (max-size, max-file), or let logrotate keep its copy beside the log"

// lose reports that a file was truncated and no copy was found, when it had been read up to
// an offset: so many bytes at least were not read.
func (l *Log) lose(read, bytes int64) {
	l.events.Truncated(false, bytes)
	switch {
	case l.log == nil:
	case bytes > 0:
		l.log.Warn("log file was truncated before it was read, and no copy of it is in its directory: lines are lost", "bytes", bytes, "read", read, "cure", keepLines)
	default:
		l.log.Warn("log file was truncated, and no copy of it is in its directory: if more was written to it than was read, that is lost", "read", read, "cure", keepLines)
	}
}

// Glance looks at a log for which there is no room: it may be long until it is read. If it
// is truncated meanwhile, its copy is opened, which logrotate may compress or delete soon.
func (l *Log) Glance() {
	l.Lag() // which notes how large it is
	l.mu.Lock()
	var g *generation
	if !l.closed && len(l.files) > 0 {
		g = l.last()
	}
	held := len(l.files) > 1
	shrunk, known := false, uint64(0)
	if g != nil && !g.compressed {
		size, ok := g.length()
		shrunk = ok && size < max(g.guard.most, g.offset)
		if g.fingerprint == 0 && !shrunk {
			_ = g.identifyContent() // what cannot be read is met when it is read
		}
		known = g.fingerprint
	}
	l.mu.Unlock()
	if shrunk && !g.beginsWith(known) && l.goOn(g, known) {
		l.reset(g)
		held = true
	}
	if !held {
		return
	}
	l.mu.Lock()
	if !l.closed {
		l.recount()
	}
	l.mu.Unlock()
	l.box.Enforce()
}
