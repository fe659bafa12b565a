package tail

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/lighterman/lighterman/internal/beneath"
)

// OpenFile is a file of a log that is open.
type OpenFile struct {
	Inode uint64
	// Size is its size as it is stored, and Read how much of its content was read; both in
	// bytes.
	Size, Read int64
	Compressed bool
	// Deleted reports whether it has no name any more, but ours.
	Deleted bool
}

// OpenFiles returns the files held open, oldest first.
func (l *Log) OpenFiles() (out []OpenFile) {
	beside := neighbours(l.path)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.files {
		f := OpenFile{Inode: g.id.inode, Read: g.offset, Compressed: g.compressed}
		info, err := g.file.Stat()
		if err != nil {
			continue // it is being closed
		}
		f.Size = info.Size()
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			// Of the other names of one that is linked in hold-dir those of further outputs are
			// ours, too, and none of them is beside the log.
			linked := g.held != nil && g.held.Name() != ""
			f.Deleted = sys.Nlink == 0 || linked && !slices.ContainsFunc(beside, func(other os.FileInfo) bool { return os.SameFile(info, other) })
		}
		out = append(out, f)
	}
	return out
}

// neighbours are the files beside a log, and it itself.
func neighbours(live string) []os.FileInfo {
	if live == "" {
		return nil
	}
	dir, err := beneath.OpenDir(filepath.Dir(live))
	if err != nil {
		return nil // it is gone with all that was in it
	}
	defer func() { _ = dir.Close() }()
	out, _ := dir.Readdir(-1) // what cannot be looked at is gone
	return out
}
