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

// besides tells that a slot is that of a compressed file beside one that is not and has
// its number: somebody else has moved a log there. It is one of its own when it holds
// something else.
func (s slot) besides() bool { return len(s) == 1 && isCompressed(s[0]) }

// slotsOf returns the slots of a log, oldest first, the live one last. Beside those that
// there are files in come those that a rotation under way may bring one to.
func slotsOf(live string) ([]slot, error) {
	if live == "" {
		return nil, nil // removed: there is only what is held
	}
	names, err := beneath.Names(filepath.Dir(live))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list rotated log files: %w", err)
	}
	numbers := []int{1}
	var found []int
	moved := 0
	for _, name := range names {
		if number, ok := rotation(filepath.Base(live), name); ok {
			numbers = append(numbers, max(1, number-1), number, number+1)
			found = append(found, number)
			if !isCompressed(name) {
				moved = max(moved, number)
			}
		}
	}
	slices.Sort(numbers)
	twice := repeated(found)
	var out []slot
	for _, number := range slices.Backward(slices.Compact(numbers)) {
		if number == moved {
			// What the engine has compressed is older than what was moved, unless it has
			// rotated since.
			for _, number := range slices.Backward(twice) {
				if !compressedLater(live, number) {
					out = append(out, slotOf(live, number)[1:])
				}
			}
		}
		out = append(out, slotOf(live, number))
		if slices.Contains(twice, number) && compressedLater(live, number) {
			out = append(out, slotOf(live, number)[1:])
		}
	}
	return append(out, slot{live}), nil
}

// compressedLater tells whether the compressed file with a number begins later than the
// other one.
func compressedLater(live string, number int) bool {
	var times [2]int64
	for i, path := range slotOf(live, number) {
		g, err := openGeneration(path, nil)
		if err != nil {
			return false
		}
		g.format = sniffed(g.data)
		first, ok := g.firstRecord()
		_ = g.close()
		if !ok {
			return false
		}
		times[i] = first.Time
	}
	return times[1] > times[0]
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
// does not change any more: its size and when it was written last tell it from
// one that has its inode and its name later. A compressed one grows while it is made, and
// is told by when that began.
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

// remains tells whether n stands for the same rotated file as at an earlier look.
//
// It need not have the same name: when somebody else has taken the live file away, rotation
// gives a higher number to those before all the same.
func (n name) remains(earlier []name) bool { return n.among(earlier) >= 0 }

// among returns the index of what remains was told of; -1 for none.
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
