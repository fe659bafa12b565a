package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/internal/hold"
)

// finished is a file read to its end that is still linked.
type finished struct {
	held  *hold.File
	order int
}

// openHeld opens the files that are linked from before, oldest first. Without a
// format each file shows its own.
func openHeld(box *hold.Box, in format) (out []*generation, err error) {
	for _, held := range box.Linked() {
		file, err := held.Open()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			closeAll(out)
			return nil, err
		}
		info, err := file.Stat()
		if err != nil {
			held.Close()
			closeAll(out)
			return nil, err
		}
		g := newGeneration(file, info, isCompressed(held.Name()), in)
		g.held = held
		if in == nil {
			g.format = sniffed(g.data)
		}
		if g, err = identified(g); err != nil {
			closeAll(out)
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// linkFirst links what came after all that is linked, before that is looked at: there may
// be much of it, and what is rotated away meanwhile has no name left to be linked by. It
// leaves alone what it is not sure of.
func linkFirst(box *hold.Box, files []*generation, keepsOne bool) {
	linked := box.Linked()
	if len(linked) == 0 || len(files) == 0 {
		return
	}
	newest := linked[len(linked)-1]
	file, err := newest.Open()
	if err != nil {
		return
	}
	defer newest.Close()
	last := &generation{fileContent: newContent(file, isCompressed(newest.Name()), nil), held: newest}
	made := timesOf(file).made
	if info, err := file.Stat(); err == nil {
		last.id = identify(info)
	}
	for i, g := range files {
		if made == 0 || g.made <= made {
			continue
		}
		if slices.ContainsFunc(files[i:], func(g *generation) bool { return g.compressed }) {
			return
		}
		if !slices.ContainsFunc(files, last.isFile) && between(last, files[i:], keepsOne) {
			// Should we be killed before it is reported, the next start still sees the gap.
			box.Skip()
		}
		for _, g := range files[i:] {
			g.held = box.Add(g.file, g.suffix())
		}
		return
	}
}

// number gives new generations their order.
func (s *shared) number(fresh []*generation) {
	for _, g := range fresh {
		g.order = s.next
		s.next++
	}
}

// hold hands new generations to the box, which links them. Those that are older than some
// that it has come before these. mu is held, or nobody else knows the log yet.
func (l *Log) hold(fresh []*generation) {
	last := -1
	for i, g := range fresh {
		if g.held != nil {
			last = i
		}
	}
	for _, g := range fresh[last+1:] {
		g.held = l.box.Add(g.file, g.suffix())
	}
	for i := last - 1; i >= 0; i-- {
		switch g := fresh[i]; {
		case g.held != nil:
		case g.phase == over: // the copy that somebody has made
			g.held = l.box.AddOpen(g.file)
		default:
			g.held = l.box.Insert(g.file, g.suffix(), fresh[i+1].held)
		}
	}
	l.linkCopies(fresh)
}

// linkCopies links what the engine has made of files that it has removed, as it had
// compressed them, between our opening and our linking: should we be killed, they may be
// gone too before the next start.
func (l *Log) linkCopies(fresh []*generation) {
	fresh = slices.DeleteFunc(slices.Clone(fresh), func(g *generation) bool {
		return g.compressed || !g.held.Unlinked() || g.identifyContent() != nil || g.fingerprint == 0
	})
	if len(fresh) == 0 {
		return
	}
	all := compressedNow(l.path, l.format, fresh)
	defer func() { closeAll(all) }()
	for _, g := range fresh {
		if at := g.compressedAs(all, false); at >= 0 {
			g.held.LinkCopy(all[at].file, gzipSuffix)
		}
	}
}

// compressedNow opens those compressed files of a log, oldest first, that some may have been
// compressed to. The others are closed at once: there may be more than descriptors.
func compressedNow(live string, in format, some []*generation) (out []*generation) {
	numbers, err := rotatedOf(live)
	if err != nil {
		return nil
	}
	for _, slot := range numbers.slots(nil) {
		path := slot[len(slot)-1]
		if !isCompressed(path) {
			continue
		}
		c, err := openIdentified(path, in)
		if err != nil {
			continue
		}
		if !slices.ContainsFunc(some, func(g *generation) bool { return g.same(c) }) {
			_ = c.close()
			continue
		}
		out = append(out, c)
	}
	return out
}

// finish closes a file that was read to its end. mu is held, or nobody else
// knows the log yet.
func (l *Log) finish(g *generation) {
	l.left = append(l.left[max(0, len(l.left)-maxLeft):], g.mark())
	if g.held == nil {
		_ = g.close() // never to be read
		return
	}
	g.held.Done()
	if g.held.Name() != "" {
		l.finished = append(l.finished, finished{g.held, g.order})
	}
}

// recount lets the box know which file the engine may still write to. mu is held,
// or nobody else knows the log yet.
func (l *Log) recount() {
	var live *hold.File
	if len(l.files) > 0 && l.path != "" {
		// Without its directory the container is gone.
		if _, err := os.Lstat(filepath.Dir(l.path)); err == nil {
			live = l.writer().held
		}
	}
	l.box.Recount(live)
}

// Linked reports whether Delivered may have something to release.
func (l *Log) Linked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.finished) > 0
}

// Delivered notes that all of the files before the one that is needed is
// delivered. release removes their links, and is nil when there are none. It is
// to be called when the position is on disk: an older one may speak of them.
// Both may be called after Close.
func (l *Log) Delivered(needed int) (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0 // in order
	for n < len(l.finished) && l.finished[n].order < needed {
		n++
	}
	if n == 0 {
		return nil
	}
	done := l.finished[:n:n]
	l.finished = l.finished[n:]
	return func() {
		for _, f := range done {
			f.held.Release()
		}
	}
}

// GiveUp implements hold.Owner.
func (l *Log) GiveUp(held *hold.File) {
	l.mu.Lock()
	at := slices.IndexFunc(l.files, func(g *generation) bool { return g.held == held })
	if at < 0 {
		l.mu.Unlock()
		return // read to its end meanwhile
	}
	g := l.files[at]
	if l.use.needs(g) {
		g.leave, g.gone = true, timesOf(g.file)
		l.mu.Unlock()
		return
	}
	unread, lost := l.letGo(g)
	l.mu.Unlock()
	if lost {
		l.countGivenUp(unread)
	}
}

// letGo closes a generation that nobody reads, unless Docker has the same
// content compressed: that is read instead, and costs nothing while Docker has
// it. mu is held.
func (l *Log) letGo(g *generation) (unread int64, lost bool) {
	g.leave = false
	if l.exchange(g) {
		return 0, false
	}
	at := slices.Index(l.files, g)
	unread = g.lag()
	l.files = slices.Delete(l.files, at, at+1)
	l.gap = l.gap || at == 0
	g.held.Close()
	return unread, true
}

// exchange replaces the file of a generation by the compressed one.
func (l *Log) exchange(g *generation) bool {
	if g.compressed || g.identifyContent() != nil || g.fingerprint == 0 {
		return false
	}
	all := compressedNow(l.path, l.format, []*generation{g})
	at := g.compressedAs(all, false)
	for i, other := range all {
		if i != at {
			_ = other.close()
		}
	}
	if at < 0 {
		return false
	}
	other, before := all[at], g.held
	g.held = before.Replace(other.file, gzipSuffix)
	before.Close()
	g.fileContent, g.id, g.made = other.fileContent, other.id, other.made
	return true
}

// countGivenUp counts a file that was given up. No lock is held.
func (l *Log) countGivenUp(unread int64) {
	l.box.GaveUp(unread)
	if l.gaveUp != nil {
		l.gaveUp(unread)
	}
}
