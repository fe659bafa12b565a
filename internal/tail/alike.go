package tail

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
)

// Files of one log may be alike from the first byte to the last: all parts of a long line
// have one time, and with a small max-size a file holds nothing else. So what is in a file
// does not distinguish it from its neighbours. What does is its inode together with the time it
// was made, and where it was compressed its place among the others: the engine compresses
// a file after the last record was written to it, removes it then, and only after that
// rotates the next.

// times are those that the file system keeps of a file, in Unix nanoseconds: when it was
// made, 0 where it does not say, when its content was written last, and when anything of
// it changed, as when it was removed.
type times struct{ made, written, changed int64 }

func timesOf(f *os.File) times {
	var st unix.Statx_t
	defer runtime.KeepAlive(f)
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME|unix.STATX_MTIME|unix.STATX_CTIME, &st); err != nil {
		return times{} // an old kernel
	}
	return timesIn(&st)
}

func timesIn(st *unix.Statx_t) (t times) {
	nano := func(at unix.StatxTimestamp) int64 { return at.Sec*1e9 + int64(at.Nsec) }
	t.written, t.changed = nano(st.Mtime), nano(st.Ctime)
	if st.Mask&unix.STATX_BTIME != 0 {
		t.made = nano(st.Btime)
	}
	return t
}

// madeAt returns when the file with a name was made; 0 when that is not known, or the name
// is another file's by now.
func madeAt(path string, id identity) int64 {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st)
	if err != nil || st.Ino != id.inode {
		return 0
	}
	return timesIn(&st).made
}

// compressedAs returns the index of the file that the engine has made of g, which it has
// removed since, when it compressed it; -1 where there is none. files are in order.
//
// Where several hold the same, or where it is strict, only the times decide: it was made
// after g was written, and was there when g was removed, and those made of newer files
// were not. A clock that was set back meanwhile hides it; then both are read.
func (g *generation) compressedAs(files []*generation, strict bool) int {
	at, found := -1, 0
	if g.compressed || g.identifyContent() != nil {
		return -1
	}
	for i, c := range files {
		if c.compressed && g.same(c) {
			at = i
			found++
		}
	}
	if found == 0 || found == 1 && !strict && !g.beginsInLine() {
		return at
	}
	gone := g.gone
	if gone == (times{}) {
		gone = timesOf(g.file)
	}
	best := -1
	for i, c := range files {
		if !c.compressed || !g.same(c) {
			continue
		}
		t := timesOf(c.file)
		if t.made == 0 {
			t.made = t.written
		}
		switch {
		case gone == (times{}):
			return i // nobody knows: nothing is lost where it is the oldest
		case t.made < gone.written, t.made > gone.changed:
		case t.made == gone.changed && best >= 0: // the clock is too coarse to decide: likewise
		default:
			best = i
		}
	}
	return best
}

// find returns the index of the file that a position speaks of, or -1. It is sure when it
// is the very file, or no other can have the same beginning. Otherwise it is the oldest
// that may be it, or an older one, where that may be newer.
func find(files []*generation, p logs.FilePosition) (at int, sure bool) {
	at = -1
	matches := 0
	for i, g := range files {
		if !g.matches(p) {
			continue
		}
		if g.isAt(p) {
			return i, true
		}
		if matches++; at < 0 {
			at = i
		}
	}
	if at < 0 {
		return at, false
	}
	if !files[at].beginsInLine() {
		return at, matches == 1
	}
	// The file that is looked for may be gone, and this be one that came after it: then
	// so may those before it that begin no earlier.
	for first, ok := files[at].firstRecord(); ok && at > 0; at-- {
		if before, ok := files[at-1].firstRecord(); ok && before.Time < first.Time {
			break
		}
	}
	return at, false
}
