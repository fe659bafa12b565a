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
// format each file tells its own.
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

// merge puts held files and those of Docker's directory in order, each once.
// Docker deletes its oldest file first, so a held file that it has no more is
// older than all that it has.
func merge(held, docker []*generation) []*generation {
	out := make([]*generation, 0, len(held)+len(docker))
	for _, h := range held {
		if at := slices.IndexFunc(docker, h.same); at >= 0 && docker[at].held == nil {
			// Ours, which may be uncompressed still.
			_ = docker[at].close()
			docker[at] = h
			continue
		}
		if slices.ContainsFunc(out, h.same) || slices.ContainsFunc(docker, h.same) {
			// Twice, after a crash in the middle of Replace.
			h.held.Release()
			_ = h.close()
			continue
		}
		out = append(out, h)
	}
	return append(out, docker...)
}

// number gives new generations their order.
func (l *Log) number(fresh []*generation) {
	for _, g := range fresh {
		g.order = l.next
		l.next++
	}
}

// hold hands new generations to the box, which links those that are newer than
// all that is linked. mu is held, or nobody else knows the log yet.
func (l *Log) hold(fresh []*generation) {
	last := -1
	for i, g := range fresh {
		if g.held != nil {
			last = i
		}
	}
	for i, g := range fresh {
		switch {
		case g.held != nil:
		case i > last:
			g.held = l.box.Add(g.file, g.suffix())
		default:
			g.held = l.box.AddOpen(g.file)
		}
	}
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

// recount tells the box which file the engine may still write to. mu is held,
// or nobody else knows the log yet.
func (l *Log) recount() {
	var live *hold.File
	if len(l.files) > 0 && l.path != "" {
		// Without its directory the container is gone.
		if _, err := os.Lstat(filepath.Dir(l.path)); err == nil {
			live = l.last().held
		}
	}
	l.box.Recount(live)
}

// Needed returns the order of the oldest file that the present Position needs,
// for Delivered.
func (l *Log) Needed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch oldest := l.oldestAnchor(); {
	case oldest != nil:
		return oldest.order
	case len(l.files) > 0 && l.standsIn():
		return l.previousOrder
	case len(l.files) > 0:
		return l.files[0].order
	}
	return l.next
}

// Linked tells whether Delivered may have something to release.
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
	if g == l.reading {
		g.leave = true
		l.mu.Unlock()
		return
	}
	unread, lost := l.letGo(g)
	l.mu.Unlock()
	if lost {
		l.tell(unread)
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
	slots, err := slotsOf(l.path)
	if err != nil {
		return false
	}
	for _, slot := range slots {
		other, err := openIdentified(slot[len(slot)-1], l.format)
		if err != nil {
			continue
		}
		if !other.compressed || !g.same(other) {
			_ = other.close()
			continue
		}
		before := g.held
		g.held = before.Replace(other.file, gzipSuffix)
		before.Close()
		g.file, g.data, g.id, g.compressed = other.file, other.data, other.id, true
		return true
	}
	return false
}

// tell reports a file that was given up. No lock is held.
func (l *Log) tell(unread int64) {
	l.box.GaveUp(unread)
	if l.gaveUp != nil {
		l.gaveUp(unread)
	}
}
