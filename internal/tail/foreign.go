package tail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// What somebody other than the engine has renamed or deleted while nobody looked has no
// place among the engine's names, but the engine writes on to it.

// merge puts held files and those of Docker's directory in order, each once.
// Docker deletes its oldest file first, so a held file that it has no more is
// older than all that it has; but not than one that was linked before. apart is where
// those begin of which none is held, 0 where some are: there files may be missing.
func merge(held, docker []*generation, live string, names []name) (all []*generation, apart int) {
	var out []*generation
	after := 0 // in docker: the place behind the last one that is held
	older := olderThan(held, docker, live, names)
	for i, h := range held {
		if at := h.among(docker, after); at >= 0 {
			// Ours, which may be uncompressed still.
			_ = docker[at].close()
			docker[at] = h
			after = at + 1
			continue
		}
		at, taken := 0, false
		if i >= older {
			at, taken = takenAway(h, docker, live, names)
		}
		switch {
		case i > 0 && h.held.Twin(held[i-1].held), slices.ContainsFunc(held[:i], h.isFile), slices.ContainsFunc(docker, h.isFile):
			// Twice, after a crash in the middle of Replace, or as it has just been linked
			// again: by a clock that was set back it was newer than the newest.
			h.held.Release()
			_ = h.close()
		case after > 0:
			docker = slices.Insert(docker, after, h)
			after++
		case taken:
			h.named = at == before(docker, live)
			docker = slices.Insert(docker, at, h)
			after = at + 1
		default:
			out = append(out, h)
		}
	}
	if after == 0 {
		apart = len(out)
	}
	return append(out, docker...), apart
}

// olderThan returns how many of the held files are older than all that Docker has, as one
// after them is. It spares looking at each of them beside all of Docker's: there may be
// hundreds of both, and rotation goes on meanwhile.
func olderThan(held, docker []*generation, live string, names []name) int {
	first := slices.IndexFunc(held, func(h *generation) bool { return h.among(docker, 0) >= 0 })
	if first < 0 {
		first = len(held)
	}
	for i, h := range slices.Backward(held[:first]) {
		if _, taken := takenAway(h, docker, live, names); !taken {
			return i
		}
	}
	return 0
}

// among returns the index of a held file among those that Docker has, which are in order,
// from one on; -1 if it has it no more.
func (g *generation) among(docker []*generation, from int) int {
	if at := slices.IndexFunc(docker, g.isFile); at >= 0 && docker[at].held == nil {
		return at
	}
	if at := g.compressedAs(docker[from:], false); at >= 0 && docker[from+at].held == nil {
		return from + at
	}
	return -1
}

// before returns the place of the live file, which may not be there.
func before(docker []*generation, live string) int {
	id := nameOf(live, live).id
	if at := slices.IndexFunc(docker, func(g *generation) bool { return g.id == id }); at >= 0 {
		return at
	}
	return len(docker)
}

// takenAway reports whether a file was the live one when somebody other than Docker took its
// name away, and its place then: where rotation has left a hole, since what had the name
// next was nothing, empty or a copy. Times alone would not do, as clocks are set back.
func takenAway(h *generation, docker []*generation, live string, names []name) (at int, taken bool) {
	begins, ok := h.firstRecord()
	if !ok || h.compressed {
		return 0, false
	}
	for at := len(docker); at > 0; at-- {
		hole := at == len(docker) && at == before(docker, live)
		if at < len(docker) {
			next := docker[at]
			first, ok := next.firstRecord()
			switch {
			case next.empty(), ok && first.Time >= begins.Time && h.mayHaveTime(first.Time):
				hole = true
			case ok && first.Time < begins.Time:
				return 0, false
			default:
				hole = numberOf(docker[at-1], names, live) > numberOf(next, names, live)+1
			}
		}
		if !hole {
			continue
		}
		if older, ok := docker[at-1].firstRecord(); ok && older.Time < begins.Time {
			return at, true
		}
	}
	return 0, false
}

// numberOf returns the number that a file was rotated to, 0 for the live one.
func numberOf(g *generation, names []name, live string) int {
	for _, n := range names {
		if n.id == g.id {
			number, _ := rotation(filepath.Base(live), filepath.Base(n.path))
			return number
		}
	}
	return 0
}

// addMoved adds the file that the engine writes to where it was renamed within its
// directory to a name that rotation does not give: the one that a position speaks of, or
// one that was written to after what has the live name now, which is empty, was made.
func addMoved(files []*generation, live string, in format, from logs.FilePosition, names []name) []*generation {
	if live == "" || slices.ContainsFunc(files, func(g *generation) bool { return g.is(from) }) {
		return files
	}
	entries, err := os.ReadDir(filepath.Dir(live))
	if err != nil {
		return files // what is wrong with it was found before
	}
	at := before(files, live)
	var newest int64
	for _, g := range files {
		if info, err := g.file.Stat(); err == nil {
			newest = max(newest, info.ModTime().UnixNano())
		}
	}
	lost := at == len(files) || files[at].empty()
	var found *generation
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !isMoved(live, entry.Name()) {
			continue
		}
		if slices.ContainsFunc(files, func(g *generation) bool { return g.id == identify(info) }) {
			continue
		}
		known := from.Fingerprint != 0 && identify(info) == identity{from.Device, from.Inode}
		if !known && (!lost || info.Size() == 0 || info.ModTime().UnixNano() <= newest) {
			continue
		}
		g, err := openIdentified(filepath.Join(filepath.Dir(live), entry.Name()), in)
		if err != nil {
			continue
		}
		_, whole := g.firstRecord()
		if known && !g.matches(from) || !whole {
			_ = g.close()
			continue
		}
		if found != nil {
			_ = found.close()
		}
		found, newest = g, info.ModTime().UnixNano()
		if known {
			break
		}
	}
	if found != nil {
		if where, taken := takenAway(found, files, live, names); taken {
			at = where
		}
		found.named = at == before(files, live)
		files = slices.Insert(files, at, found)
	}
	return files
}

// isMoved reports whether a name looks like one that an operator, or logrotate, gives to a
// log that lay at live.
func isMoved(live, name string) bool {
	base := filepath.Base(live)
	if _, rotated := rotation(base, name); rotated || name == base {
		return false
	}
	return strings.HasPrefix(name, base) && !isCompressed(name) && !strings.HasSuffix(name, ".tmp")
}
