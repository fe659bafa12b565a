package checkpoint

import (
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
	f, err := openOwn(filepath.Join(dir, bornName), os.O_RDONLY|os.O_CREATE)
	if err != nil {
		return time.Now()
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}
