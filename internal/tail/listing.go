package tail

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/beneath"
)

// slot is where a file of a log may be: the live one at its path, a rotated one at
// live.N or, compressed, live.N.gz. Where Docker's compression is under way, or was cut off,
// there are both, the latter truncated; only the first counts.
type slot []string

// besides reports whether a slot is that of a compressed file beside one that is not and has
// its number: somebody else has moved a log there. It is one of its own when it holds
// something else.
func (s slot) besides() bool { return len(s) == 1 && isCompressed(s[0]) }

// rotated is what there is of a log's rotated files, by their numbers.
type rotated struct {
	live string
	// numbers are those that there are files with, and that a rotation under way may bring
	// one to, the lowest first.
	numbers []int
	// twice are those of which there is a compressed file beside another.
	twice []int
	// moved is the highest of one that is not compressed.
	moved int
}

// rotatedOf lists the rotated files of a log.
func rotatedOf(live string) (r rotated, err error) {
	r.live = live
	if live == "" {
		return r, nil // removed: there is only what is held
	}
	names, err := beneath.Names(filepath.Dir(live))
	if errors.Is(err, os.ErrNotExist) {
		return rotated{}, nil
	}
	if err != nil {
		return r, fmt.Errorf("cannot list rotated log files: %w", err)
	}
	r.numbers = []int{1}
	var found []int
	for _, name := range names {
		if number, ok := rotation(filepath.Base(live), name); ok {
			r.numbers = append(r.numbers, max(1, number-1), number, number+1)
			found = append(found, number)
			if !isCompressed(name) {
				r.moved = max(r.moved, number)
			}
		}
	}
	slices.Sort(r.numbers)
	r.numbers, r.twice = slices.Compact(r.numbers), repeated(found)
	return r, nil
}

// slots returns the slots of a log, oldest first, the live one last. later reports whether the
// compressed file with a number begins later than the one beside it; where it is nil those
// beside others are left out.
func (r rotated) slots(later func(live string, number int) bool) (out []slot) {
	if r.live == "" {
		return nil
	}
	for _, number := range slices.Backward(r.numbers) {
		if later == nil {
			out = append(out, slotOf(r.live, number))
			continue
		}
		if number == r.moved {
			// What the engine has compressed is older than what was moved, unless it has
			// rotated since.
			for _, number := range slices.Backward(r.twice) {
				if !later(r.live, number) {
					out = append(out, slotOf(r.live, number)[1:])
				}
			}
		}
		out = append(out, slotOf(r.live, number))
		if slices.Contains(r.twice, number) && later(r.live, number) {
			out = append(out, slotOf(r.live, number)[1:])
		}
	}
	return append(out, slot{r.live})
}

// repeated returns those of some numbers that are there twice, in order.
func repeated(numbers []int) (out []int) {
	slices.Sort(numbers)
	for i, number := range numbers {
		if i > 0 && number == numbers[i-1] {
			out = append(out, number)
		}
	}
	return out
}

// slotOf returns the slot of a rotated file.
func slotOf(live string, number int) slot {
	path := live + "." + strconv.Itoa(number)
	return slot{path, path + gzipSuffix}
}

// rotation returns the number of a rotated file. Other names, such as the
// temporary ones that an engine makes when it unpacks a file, are not ok.
func rotation(live, name string) (number int, ok bool) {
	suffix, ok := strings.CutPrefix(name, live+".")
	if !ok {
		return 0, false
	}
	suffix = strings.TrimSuffix(suffix, gzipSuffix)
	number, err := strconv.Atoi(suffix)
	if err != nil || number < 1 || number > math.MaxInt32 || suffix != strconv.Itoa(number) {
		return 0, false
	}
	return number, true
}

// name is a name in the directory and the file that it stands for. A rotated file
// does not change any more: its size and when it was written last distinguish it from
// one that has its inode and its name later. A compressed one grows while it is made, and
// is known by when that began.
type name struct {
	path       string
	id         identity
	size, nano int64 // 0 of the live file, and of a compressed one
	made       int64 // of a compressed one; 0 where the file system does not say
	// order is that of the file among those of the log, when it is ranked: also of one
	// that was never to be read.
	order  int
	ranked bool
}

// remains reports whether n stands for the same rotated file as at an earlier look.
//
// It need not have the same name: when somebody else has taken the live file away, rotation
// gives a higher number to those before all the same.
func (n name) remains(earlier []name) bool { return n.among(earlier) >= 0 }

// among returns the index of what remains speaks of; -1 for none.
func (n name) among(earlier []name) int {
	if n.nano == 0 && n.made == 0 {
		return -1
	}
	return slices.IndexFunc(earlier, func(e name) bool {
		return e.id == n.id && e.size == n.size && e.nano == n.nano && e.made == n.made
	})
}

// nameOf returns what a path stands for now.
func nameOf(path, live string) name {
	info, err := os.Lstat(path)
	if err != nil {
		return name{path: path}
	}
	return newName(path, live, info)
}

func newName(path, live string, info os.FileInfo) name {
	n := name{path: path, id: identify(info)}
	switch {
	case path == live:
	case isCompressed(path):
		n.made = madeAt(path, n.id)
	default:
		n.size, n.nano = info.Size(), info.ModTime().UnixNano()
	}
	return n
}

func openIdentified(path string, in format) (*generation, error) {
	g, err := openGeneration(path, in)
	if err != nil {
		return nil, err
	}
	return identified(g)
}

// identified recognises a generation just opened.
func identified(g *generation) (*generation, error) {
	if err := g.recognise(); err != nil {
		_ = g.close()
		return nil, err
	}
	return g, nil
}

func closeAll(all []*generation) {
	for _, g := range all {
		_ = g.close()
	}
}
