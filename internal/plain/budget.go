package plain

import (
	"sync"
	"syscall"
)

// Budget is how many files may be open, of all logs together, and which are.
type Budget struct {
	// Below is the number from which on descriptors are not for files; 0 for none. Keep is how
	// many files stay open that are read and may be written to again soon.
	Below, Keep int

	mu   sync.Mutex // guards open
	open map[place]int
}

// place is where the file system has a file.
type place struct {
	inode uint64
	made  int64
}

// take counts a file that was opened, or closes it where there is no room.
func (b *Budget) take(f *file) error {
	if b == nil {
		return nil
	}
	if b.Below > 0 && int(f.Fd()) >= b.Below {
		_ = f.Close()
		return syscall.EMFILE
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = make(map[place]int)
	}
	b.open[place{f.facts.Inode, f.facts.Made}]++
	return nil
}

func (b *Budget) give(f *file) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := place{f.facts.Inode, f.facts.Made}
	if b.open[at]--; b.open[at] <= 0 {
		delete(b.open, at)
	}
}

// short reports whether files are closed as soon as they are read.
func (b *Budget) short() bool {
	if b == nil || b.Keep <= 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open) > b.Keep
}

// Has reports whether a file is open.
func (b *Budget) Has(inode uint64, made int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open[place{inode, made}] > 0
}
