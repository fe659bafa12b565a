package torture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
)

// witness sees what Docker stores: it opens every file of every log as soon as
// it is there, and reads it when it is complete. It looks often enough that a
// log that is rotated as fast as the writers do it never escapes.
type witness struct {
	// root is the directory with the containers' directories.
	root string
	// pid returns the process ID of lighterman, 0 while there is none.
	pid  func() int
	keep *keeper

	mu      sync.Mutex // guards the fields below
	watched map[string]*ledger
	all     []*ledger
	stop    bool
	// killed is when the engine was killed last.
	killed time.Time
}

// generation is one file of a log.
type generation struct {
	inode uint64
	nano  int64 // when it was written last, as it was opened
	file  *os.File
	born  time.Time
	// missing counts looks in a row that have not found it: one may fall
	// between two steps of a rotation.
	missing int
	// known tells that it was seen before, read that it is in the ledger.
	known, read bool
	// compressed tells that it was seen as a copy only.
	compressed bool
	// destroyed is when it was seen to have no name left, and no whole compressed copy:
	// an engine that was killed as it compressed has overwritten it since. bare counts
	// looks in a row that have seen that.
	destroyed time.Time
	bare      int
	// copied tells that there was a whole copy, or no engine that was killed.
	copied bool
	first  uint64 // hash of the first line, 0 when it is not known yet
}

// head identifies the content by its first record; 0 when there is none yet.
func (g *generation) head() uint64 {
	if g.first == 0 && g.file != nil {
		content := g.content(64 << 10)
		end := bytes.IndexByte(content, '\n')
		if len(content) >= 4 && content[0] == 0 { // frames, not lines
			end = 4 + int(binary.BigEndian.Uint32(content))
		}
		if end > 0 && end <= len(content) {
			g.first = xxhash.Sum64(content[:end])
		} else if len(content) == 64<<10 {
			g.first = xxhash.Sum64(content)
		}
	}
	return g.first
}

// content returns what is in the file, or the first bytes of it.
func (g *generation) content(limit int64) []byte {
	var r io.Reader = io.NewSectionReader(g.file, 0, math.MaxInt64)
	if g.compressed {
		var err error
		if r, err = gzip.NewReader(r); err != nil {
			return nil
		}
	}
	content, _ := io.ReadAll(io.LimitReader(r, limit)) // a broken end is the end
	return content
}

// lookEvery is how often the witness looks. The fastest writers need ten times
// as long to rotate a file away.
const lookEvery = 10 * time.Millisecond

// holds lists the drivers whose log is a file that the witness reads. The name
// is relative to the container's directory; %s is its ID.
var holds = map[string]string{"json-file": "%s-json.log", "local": "local-logs/container.log", "syslog": "container-cached.log"}

func (w *witness) watch(l *ledger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched[l.id] = l
	w.all = append(w.all, l)
}

// run looks until end.
func (w *witness) run() {
	for {
		w.mu.Lock()
		stop, all := w.stop, make([]*ledger, 0, len(w.watched))
		for _, l := range w.watched {
			all = append(all, l)
		}
		w.mu.Unlock()
		if stop {
			return
		}
		w.observe(all)
		for _, l := range all {
			w.look(l)
		}
		time.Sleep(lookEvery)
	}
}

// end makes run return.
func (w *witness) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop = true
}

// finish reads everything to its end, after run has ended.
func (w *witness) finish() {
	for _, l := range w.all {
		if w.watched[l.id] != nil {
			w.look(l)
		}
		for i, g := range l.files {
			w.readFile(l, g, int32(i))
			if g.file != nil {
				_ = g.file.Close()
			}
		}
		if l.driver == "journald" {
			readJournal(l)
		}
		l.seal()
	}
}

// observe notes which logs lighterman holds.
func (w *witness) observe(all []*ledger) {
	pid := w.pid()
	missing := false
	for _, l := range all {
		l.had = closed(l.had, pid)
		missing = missing || l.byFile() && pid != 0 && !held(l.had)
	}
	if !missing {
		return
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	seen := time.Now()
	for _, fd := range fds {
		target, err := os.Readlink(dir + "/" + fd.Name())
		if err != nil {
			continue
		}
		for _, l := range all {
			if l.byFile() && !held(l.had) && strings.Contains(target, l.live()) && w.pid() == pid {
				l.had = append(l.had, interval{from: seen})
			}
		}
	}
}

func held(had []interval) bool { return len(had) > 0 && had[len(had)-1].to.IsZero() }

// closed ends the last interval when there is no lighterman.
func closed(had []interval, pid int) []interval {
	if pid == 0 && held(had) {
		had[len(had)-1].to = time.Now()
	}
	return had
}

// look opens the files that are new, reads those that are complete, and closes
// those that are gone.
func (w *witness) look(l *ledger) {
	if !l.byFile() {
		return
	}
	live := filepath.Join(w.root, l.live())
	present := map[uint64]bool{}
	for _, g := range l.openAll(live) {
		present[g.inode] = true
		if !g.known {
			g.known = true
			l.take(g)
		}
	}
	for i, g := range l.files {
		if g.missing++; present[g.inode] {
			g.missing = 0
		}
		g.lookForCopy(live, w.engineKilled())
		if i < len(l.files)-1 {
			w.readFile(l, g, int32(i))
		}
		if g.read && g.file != nil && g.missing > 2 && g.decided() {
			_ = g.file.Close()
			g.file = nil
		}
	}
	maps.DeleteFunc(l.copies, func(of named, _ bool) bool { return !present[of.inode] })
}

// engineKilled returns when the engine was killed last.
func (w *witness) engineKilled() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.killed
}

// kill notes that the engine is killed now.
func (w *witness) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killed = time.Now()
}

// lookForCopy finds out whether an engine that was killed has destroyed the file.
func (g *generation) lookForCopy(live string, killed time.Time) {
	if g.missing == 0 || g.file == nil || g.decided() {
		return
	}
	var info syscall.Stat_t
	if syscall.Fstat(int(g.file.Fd()), &info) != nil || info.Nlink > 0 {
		g.bare = 0
		return // lighterman's link is one as well
	}
	if g.bare++; g.bare < 3 {
		return // it may be between two names
	}
	before := snapshot(live)
	whole := xxhash.Sum64(g.content(math.MaxInt64))
	for _, path := range logFiles(live) {
		if c := openCopy(path); c != nil {
			same := c.head() == g.head() && xxhash.Sum64(c.content(math.MaxInt64)) == whole
			_ = c.file.Close()
			if same {
				g.copied = true // and that is kept as long as others are
				return
			}
		}
	}
	switch {
	case !slices.Equal(before, snapshot(live)): // a rotation may have hidden it
	case killed.Before(g.born):
		g.copied = true // or rotated away
	default:
		g.destroyed = time.Now()
	}
}

// decided tells that it is known whether the file was destroyed.
func (g *generation) decided() bool { return g.compressed || g.copied || !g.destroyed.IsZero() }

// openCopy opens a compressed file.
func openCopy(path string) *generation {
	if !strings.HasSuffix(path, ".gz") {
		return nil
	}
	return open(path)
}

// byFile tells whether the log is in files that are read directly.
func (l *ledger) byFile() bool { return holds[l.driver] != "" }

// live is the path of the live file, below the containers' directory.
func (l *ledger) live() string {
	return filepath.Join(l.id, strings.ReplaceAll(holds[l.driver], "%s", l.id))
}

// openAll returns the files of a log, oldest first. Rotation renames while we
// look: then we look again, until no name has changed meanwhile. What was opened
// stays open from look to look.
func (l *ledger) openAll(live string) (all []*generation) {
	opened := map[uint64]*generation{}
	for range 1000 {
		all = all[:0]
		before := snapshot(live)
		for _, name := range before {
			g := l.known(name)
			if g == nil && opened[name.inode] == nil {
				if fresh := open(name.path); fresh != nil && opened[fresh.inode] == nil {
					opened[fresh.inode] = fresh
				} else if fresh != nil {
					_ = fresh.file.Close()
				}
			}
			if g == nil {
				g = opened[name.inode]
			}
			if g != nil {
				all = append(all, g)
			}
		}
		if slices.Equal(before, snapshot(live)) {
			break
		}
	}
	for _, g := range opened {
		if !slices.Contains(all, g) {
			_ = g.file.Close()
		}
	}
	return all
}

// named is a name and the file that it stands for. The inode of a deleted file is
// soon used again; when it was made, or written last, tells them apart.
type named struct {
	path  string
	inode uint64
	nano  int64 // of compressed files only, which are complete
}

func snapshot(live string) (out []named) {
	for _, path := range logFiles(live) {
		var info syscall.Stat_t
		if syscall.Stat(path, &info) == nil {
			n := named{path: path, inode: info.Ino}
			if strings.HasSuffix(path, ".gz") {
				n.nano = info.Mtim.Nano()
			}
			out = append(out, n)
		}
	}
	return out
}

// known returns the generation that a name stands for, if there is one.
func (l *ledger) known(name named) *generation {
	if l.copies[named{inode: name.inode, nano: name.nano}] {
		return &generation{inode: name.inode, known: true}
	}
	for _, g := range slices.Backward(l.files) {
		if g.file != nil && g.inode == name.inode && g.compressed == (name.nano != 0) {
			return g
		}
	}
	return nil
}

// take adds a file. One that was compressed is mostly the copy of a file that was
// seen as it was written; but a short life may have been missed.
func (l *ledger) take(g *generation) {
	if g.compressed {
		l.copies[named{inode: g.inode, nano: g.nano}] = true
		head := g.head()
		if head == 0 || slices.ContainsFunc(l.files, func(other *generation) bool { return other.head() == head }) {
			_ = g.file.Close()
			g.file = nil
			return
		}
	}
	l.files = append(l.files, g)
}

func open(path string) *generation {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	var info syscall.Stat_t
	if syscall.Fstat(int(f.Fd()), &info) != nil {
		_ = f.Close()
		return nil
	}
	return &generation{inode: info.Ino, nano: info.Mtim.Nano(), file: f, born: time.Now(), compressed: strings.HasSuffix(path, ".gz")}
}

// logFiles lists the files of a log, oldest first. A compressed one counts only
// when its original is gone: it is complete then.
func logFiles(live string) []string {
	entries, err := os.ReadDir(filepath.Dir(live))
	if err != nil {
		return nil
	}
	numbers := map[int]string{}
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(live), e.Name())
		suffix, ok := strings.CutPrefix(path, live)
		if !ok {
			continue
		}
		plain, compressed := strings.CutSuffix(suffix, ".gz")
		n, err := strconv.Atoi(strings.TrimPrefix(plain, "."))
		if suffix != "" && err != nil || compressed && numbers[n] != "" {
			continue
		}
		numbers[n] = path
	}
	var names []string
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(numbers))) {
		names = append(names, numbers[n])
	}
	return names
}

// readFile reads a file that is complete into the ledger.
func (w *witness) readFile(l *ledger, g *generation, number int32) {
	if g.read || g.file == nil {
		return
	}
	g.read = true
	g.head() // for copies that are seen later
	records := jsonRecords
	if l.driver != "json-file" {
		records = frameRecords
	}
	content := g.content(math.MaxInt64)
	w.keep.file(l, number, content)
	for _, r := range records(content) {
		l.add(r, number)
	}
}

// removed notes that a container is gone. Its last file, which is open, is
// complete.
func (w *witness) removed(l *ledger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.removedAt = time.Now()
}
