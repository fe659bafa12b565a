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
)

// slot is where a file of a log may be: the live one at its path, a rotated one at
// live.N or, compressed, live.N.gz. Where Docker's compression was cut off there are both,
// the latter truncated; only the first counts.
type slot []string

// slotsOf returns the slots of a log, oldest first, the live one last. Beside those that
// there are files in come those that a rotation under way may bring one to.
func slotsOf(live string) ([]slot, error) {
	if live == "" {
		return nil, nil // removed: there is only what is held
	}
	entries, err := os.ReadDir(filepath.Dir(live))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list rotated log files: %w", err)
	}
	numbers := []int{1}
	for _, entry := range entries {
		if number, ok := rotation(filepath.Base(live), entry.Name()); ok {
			numbers = append(numbers, max(1, number-1), number, number+1)
		}
	}
	slices.Sort(numbers)
	var out []slot
	for _, number := range slices.Backward(slices.Compact(numbers)) {
		out = append(out, slotOf(live, number))
	}
	return append(out, slot{live}), nil
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
// one that has its inode and its name later.
type name struct {
	path       string
	id         identity
	size, nano int64 // 0 of the live file, and of a compressed one
}

// remains tells whether n stands for the same rotated file as at an earlier look.
// Of a compressed file that cannot be said: it grows while it is made, and a few
// rotations later another may have both its name and its inode.
func (n name) remains(earlier []name) bool {
	return n.nano != 0 && slices.Contains(earlier, n)
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
	if path != live && !isCompressed(path) {
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
