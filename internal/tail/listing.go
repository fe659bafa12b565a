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

// openAll opens all files of a log, oldest first, the live one last. Files
// that vanish meanwhile are left out: rotation goes on while we look.
func openAll(live string) ([]*generation, error) {
	paths, err := rotated(live)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(paths)
	var all []*generation
	for _, path := range append(paths, live) {
		g, err := openIdentified(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			closeAll(all)
			return nil, err
		}
		if len(all) > 0 && all[len(all)-1].same(g) {
			// Renamed between listing and opening: the same file twice.
			_ = g.close()
			continue
		}
		all = append(all, g)
	}
	return all, nil
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
	return g, nil
}

func closeAll(all []*generation) {
	for _, g := range all {
		_ = g.close()
	}
}
