package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// bornName is an empty file whose modification time is the first start with
// this state directory. It is never written again.
const bornName = "born"

// born returns when the directory was first used. Where that cannot be
// kept, because the disk is full, it is now.
func born(dir string) time.Time {
	path := filepath.Join(dir, bornName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.WriteFile(path, nil, 0o600); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}

// Born returns the time of the first start with this state directory.
func (s *Store) Born() time.Time { return s.born }
