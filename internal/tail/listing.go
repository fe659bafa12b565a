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
// again until none has changed.
func openAll(live string) (all []*generation, err error) {
	for range maxLooks {
		closeAll(all)
		before, err := names(live)
		if err != nil {
			return nil, err
		}
		if all, err = openNames(before); err != nil {
			return nil, err
		}
		after, err := names(live)
		if err != nil || slices.Equal(before, after) {
			return all, nil //nolint:nilerr // the directory is gone, what was opened is not
		}
	}
	return all, nil
}

// maxLooks bounds the attempts to see a log between two rotations.
const maxLooks = 20

// name is a name in the directory and the file that it stands for.
type name struct {
	path string
	id   identity
}

// names lists the files of a log, oldest first.
func names(live string) (out []name, err error) {
	paths, err := rotated(live)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(paths)
	for _, path := range append(paths, live) {
		n := name{path: path}
		if info, err := os.Lstat(path); err == nil {
			n.id = identify(info)
		}
		out = append(out, n)
	}
	return out, nil
}

func openNames(all []name) (out []*generation, err error) {
	for _, n := range all {
		g, err := openIdentified(n.path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			closeAll(out)
			return nil, err
		}
		if len(out) > 0 && out[len(out)-1].same(g) {
			// Renamed meanwhile: the same file twice.
			_ = g.close()
			continue
		}
		out = append(out, g)
	}
	return out, nil
}

func openIdentified(path string) (*generation, error) {
	g, err := openGeneration(path)
	if err != nil {
		return nil, err
	}
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
