package compare

import (
	"os"
	"path/filepath"
	"syscall"
)

// meter counts the bytes that are written to one log.
type meter struct {
	path  string
	inode uint64
	size  int64
	// grown is the bytes written since the first look.
	grown int64
	// known tells that the log could be looked at, atLeast that part of its growth
	// may have been missed: it was rotated more than once between two looks, or
	// compressed.
	known, atLeast bool
}

// look takes up what was written since the last look. What happens to a log whose
// file is gone is not known until there is another.
func (m *meter) look() {
	info, err := os.Lstat(m.path)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	inode := inodeOf(info)
	switch {
	case !m.known:
		m.known = true
	case inode == m.inode && info.Size() >= m.size:
		m.grown += info.Size() - m.size
	case inode == m.inode: // truncated
		m.grown += info.Size()
		m.atLeast = true
	default:
		m.grown += info.Size() + m.rest()
	}
	m.inode, m.size = inode, info.Size()
}

// rest is what was written to the file last seen before it was rotated away.
func (m *meter) rest() int64 {
	info, err := os.Lstat(m.path + ".1")
	if err != nil || inodeOf(info) != m.inode {
		m.atLeast = true
		return 0
	}
	return max(0, info.Size()-m.size)
}

func inodeOf(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// stored is the size of a log with all its rotated files, in bytes as they are on
// disk.
func stored(path string) (bytes int64) {
	rotated, _ := filepath.Glob(path + ".*") // IDs have nothing that a pattern takes otherwise
	for _, file := range append(rotated, path) {
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
	}
	return bytes
}
