package plain

import (
	"sync/atomic"
	"syscall"
)

// Budget is how many files may be open, of all logs together.
type Budget struct {
	// Below is the number from which on descriptors are not for files; 0 for none. Keep is how
	// many files stay open that are read and may be written to again soon.
	Below, Keep int

	open atomic.Int64
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
	b.open.Add(1)
	return nil
}

func (b *Budget) give() {
	if b != nil {
		b.open.Add(-1)
	}
}

// short reports whether files are closed as soon as they are read.
func (b *Budget) short() bool { return b != nil && b.Keep > 0 && int(b.open.Load()) > b.Keep }
