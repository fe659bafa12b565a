package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNoneThere says that a directory is another's.
var ErrNoneThere = errors.New("has none of the engine's containers")

// Reach says why nothing of these containers can be found below a data root, or nothing.
// One that is found will do: whether its log can be read is another question.
func Reach(root string, ids []string) error {
	containers, err := containersOf(root)
	if err != nil {
		return err
	}
	err = nil
	for _, id := range ids {
		_, failed := os.Lstat(filepath.Join(containers, id))
		switch {
		case failed == nil:
			return nil
		case !errors.Is(failed, fs.ErrNotExist):
			err = failed
		}
	}
	if err == nil && len(ids) > 0 {
		err = fmt.Errorf("%s %w: it is another engine's, or an empty directory in place of a mount", containers, ErrNoneThere)
	}
	return err
}
