package hostfile

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/plain"
)

// rotated is what rotation has made in a directory, by what it was called before.
type rotated struct {
	names map[string][]string
	read  time.Time
	cost  time.Duration
}

// costly is how long reading a directory takes that is not read again at once: a thousand files
// may be truncated in it at one time, each of whose readers asks for its copy. A copy that is
// missed for it is found by the next look.
const costly = time.Millisecond

// rotatedIn returns what rotation has made in a directory.
func (f *Finder) rotatedIn(dir string) map[string][]string {
	f.mu.Lock()
	r := f.between.rotated[dir]
	f.mu.Unlock()
	began := time.Now()
	if r.cost >= costly && began.Sub(r.read) < calmShare*r.cost {
		return r.names
	}
	r.names = make(map[string][]string)
	entries, _ := newTree().read(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			for _, stem := range stems(e.Name()) {
				r.names[stem] = append(r.names[stem], e.Name())
			}
		}
	}
	r.read = time.Now()
	r.cost = r.read.Sub(began)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.between.rotated) > 1000 {
		clear(f.between.rotated)
	}
	if r.cost >= costly {
		f.between.rotated[dir] = r
	}
	return r.names
}

// siblings are the rotated files beside one, the newest first.
func (f *Finder) siblings(path string) (out []string) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	times := make(map[string]int64)
	for _, name := range f.rotatedIn(dir)[base] {
		sibling := filepath.Join(dir, name)
		if facts, err := plain.Look(sibling); err == nil {
			out, times[sibling] = append(out, sibling), facts.Written
		}
	}
	out = slices.DeleteFunc(out, func(path string) bool { // what is not whole yet
		before, packed := strings.CutSuffix(path, gzipSuffix)
		_, twin := times[before]
		return packed && twin
	})
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(times[b], times[a]) })
	return out
}

// inodesKnown are the files that the store knows, by inode.
func (l *look) inodesKnown() map[uint64][]plain.Facts {
	out := make(map[uint64][]plain.Facts, len(l.records))
	for _, k := range l.records {
		at := k.position.File
		path, _ := l.real(k.path)
		for _, facts := range []plain.Facts{
			{Inode: k.inode, Made: k.made, Device: at.Device, Path: path},
			{Inode: at.Inode, Made: at.Made, Device: at.Device, Path: path}, l.finder.memory.places[k.id],
		} {
			if facts.Inode != 0 {
				out[facts.Inode] = append(out[facts.Inode], facts)
			}
		}
	}
	return out
}
