package tail

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rotated lists the rotated files of a log, newest first: live.1, live.2 or
// live.2.gz, … Where Docker's compression was cut off, both live.N and a
// truncated live.N.gz exist; only the first counts. The live file is not
// among them.
func rotated(live string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(live))
	if err != nil {
		return nil, fmt.Errorf("cannot list rotated log files: %w", err)
	}
	found := make(map[int]string)
	for _, entry := range entries {
		number, compressed, ok := rotation(filepath.Base(live), entry.Name())
		if !ok || (compressed && found[number] != "") {
			continue
		}
		found[number] = filepath.Join(filepath.Dir(live), entry.Name())
	}
	numbers := make([]int, 0, len(found))
	for number := range found {
		numbers = append(numbers, number)
	}
	slices.SortFunc(numbers, cmp.Compare)
	paths := make([]string, 0, len(numbers))
	for _, number := range numbers {
		paths = append(paths, found[number])
	}
	return paths, nil
}

// rotation splits the name of a rotated file. Other names, such as the
// temporary ones that an engine makes when it unpacks a file, are not ok.
func rotation(live, name string) (number int, compressed, ok bool) {
	suffix, ok := strings.CutPrefix(name, live+".")
	if !ok {
		return 0, false, false
	}
	suffix, compressed = strings.CutSuffix(suffix, ".gz")
	number, err := strconv.Atoi(suffix)
	if err != nil || number < 1 || suffix != strconv.Itoa(number) {
		return 0, false, false
	}
	return number, compressed, true
}

// openAll opens all files of a log, oldest first, the live one last. Rotation
// goes on while we look, and would make us skip a file: names are then read
// again until none has changed. What was opened stays open from look to look, so
// that a look is quick (opening takes longer than a rotation, where these come
// one after another) and nothing that was seen is lost to the rotation meanwhile.
//
// It returns the names of the last look, too.
func openAll(live string, in format) (all []*generation, listed []name, err error) {
	seen := newOpened(in)
	settled := false
	for range maxLooks {
		before, err := names(live)
		if err == nil {
			all, err = seen.openNames(before)
		}
		if err != nil {
			seen.closeBut(nil)
			return nil, nil, err
		}
		listed = before
		seen.want(all)
		after, err := names(live)
		if err != nil || slices.Equal(before, after) {
			// Where the directory is gone, what was opened is not.
			settled = err == nil && len(all) > 0 && all[len(all)-1].id == before[len(before)-1].id
			break
		}
	}
	all = seen.complete(all, settled, func() age { return age{} })
	seen.closeBut(all)
	return all, listed, nil
}

// opened are the files that were opened so far. None of their inodes can be used
// again meanwhile.
type opened struct {
	format format
	files  map[identity]*generation
	all    []*generation // in the order of opening
	// wanted are those that a look was for, in the order of the looks.
	wanted []*generation
}

func newOpened(in format) *opened { return &opened{format: in, files: make(map[identity]*generation)} }

// open opens the file that a name stands for, unless it is open.
func (o *opened) open(n name) (*generation, error) {
	if g := o.files[n.id]; g != nil {
		return g, nil
	}
	g, err := openIdentified(n.path, o.format)
	if err != nil {
		return nil, err
	}
	if known := o.files[g.id]; known != nil { // renamed meanwhile
		_ = g.close()
		return known, nil
	}
	o.take(g)
	return g, nil
}

// want notes what a look was for. Whatever becomes of its name, it is kept.
func (o *opened) want(all []*generation) {
	for _, g := range all {
		if !slices.Contains(o.wanted, g) {
			o.wanted = append(o.wanted, g)
		}
	}
}

// complete adds to what the last look has, which is in order, the files that earlier
// looks were for and that are newer than after. Rotation has deleted these since, and
// it deletes the oldest first, so they come before the others if the last look was
// settled: it saw all there was. No name orders them any more, so their age does, and
// where it was not settled that alone says where they belong. after is asked only when
// there are such files.
func (o *opened) complete(last []*generation, settled bool, after func() age) []*generation {
	for _, g := range last {
		// A compressed one was perhaps opened while it was made.
		_ = g.identifyContent()
		if z, ok := g.data.(*gzipContent); ok {
			z.release()
		}
	}
	ages := make(map[*generation]age)
	var gone []*generation
	for _, g := range o.wanted {
		isSame := func(other *generation) bool { return g.same(other) } // compressed meanwhile
		if slices.Contains(last, g) || g.identifyContent() != nil || slices.ContainsFunc(last, isSame) || slices.ContainsFunc(gone, isSame) {
			continue
		}
		if at, filled := g.age(); filled && at.compare(after()) > 0 {
			ages[g] = at
			gone = append(gone, g)
		}
	}
	slices.SortStableFunc(gone, func(a, b *generation) int { return ages[a].compare(ages[b]) })
	if settled {
		return append(gone, last...)
	}
	for _, g := range gone {
		at := slices.IndexFunc(last, func(other *generation) bool {
			theirs, filled := other.age()
			return filled && theirs.compare(ages[g]) > 0
		})
		if at < 0 {
			at = len(last)
		}
		last = slices.Insert(last, at, g)
	}
	return last
}

func (o *opened) take(g *generation) {
	o.files[g.id] = g
	o.all = append(o.all, g)
}

// closeBut closes all but those.
func (o *opened) closeBut(those []*generation) {
	for _, g := range o.all {
		if !slices.Contains(those, g) {
			_ = g.close()
		}
	}
}

// maxLooks bounds the attempts to see a log between two rotations.
const maxLooks = 50

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

// names lists the files of a log, oldest first.
func names(live string) (out []name, err error) {
	if live == "" {
		return nil, nil // removed: there is only what is held
	}
	paths, err := rotated(live)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(paths)
	for _, path := range append(paths, live) {
		out = append(out, nameOf(path, live))
	}
	return out, nil
}

func nameOf(path, live string) name {
	n := name{path: path}
	if info, err := os.Lstat(path); err == nil {
		n.id = identify(info)
		if path != live && !isCompressed(path) {
			n.size, n.nano = info.Size(), info.ModTime().UnixNano()
		}
	}
	return n
}

// openNames returns the files of names, each once.
func (o *opened) openNames(all []name) (out []*generation, err error) {
	for _, n := range all {
		g, err := o.open(n)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		if len(out) > 0 && out[len(out)-1].same(g) {
			continue // renamed meanwhile: the same file twice
		}
		out = append(out, g)
	}
	return out, nil
}

func openIdentified(path string, in format) (*generation, error) {
	g, err := openGeneration(path, in)
	if err != nil {
		return nil, err
	}
	return identified(g)
}

// identified computes the fingerprint of a generation just opened.
func identified(g *generation) (*generation, error) {
	if err := g.identifyContent(); err != nil {
		_ = g.close()
		return nil, err
	}
	if z, ok := g.data.(*gzipContent); ok {
		z.release()
	}
	return g, nil
}

func closeAll(all []*generation) {
	for _, g := range all {
		_ = g.close()
	}
}
