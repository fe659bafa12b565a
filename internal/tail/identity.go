package tail

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/beneath"
)

// identity names a file for as long as it is held open. An inode number may be
// used again once its file is gone, so across restarts it counts only together
// with the fingerprint.
type identity struct {
	device, inode uint64
}

func identify(info os.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{uint64(st.Dev), st.Ino} //nolint:unconvert // Dev is narrower on some architectures
}

// open opens a log file. It refuses what Docker never makes there: a symbolic link,
// wherever on the way, which could point anywhere, and anything but a regular file, which
// could block.
func open(path string) (*os.File, os.FileInfo, error) {
	f, info, err := beneath.OpenRegular(path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open log file: %w", err)
	}
	return f, info, nil
}

// fingerprintMax bounds how much of a file is read to recognise it, in bytes.
// It is more than Docker's longest record without attrs, whose time, at its
// end, makes it unique.
const fingerprintMax = 128 << 10

// fingerprint hashes the beginning of a file with its first record. It returns 0
// while that is not complete.
func fingerprint(r io.ReaderAt, f format) (uint64, error) {
	head := make([]byte, 4<<10)
	for {
		n, err := r.ReadAt(head, 0)
		if sum := fingerprintOf(head[:n], f); sum != 0 {
			return sum, nil
		}
		if err == io.EOF || (err == nil && n == fingerprintMax) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("cannot read the beginning of a log file: %w", err)
		}
		head = make([]byte, min(4*len(head), fingerprintMax))
	}
}

// fingerprintOf is fingerprint for a file whose beginning is at hand.
func fingerprintOf(head []byte, f format) uint64 {
	head = head[:min(len(head), fingerprintMax)]
	if end := f.first(head); end > 0 {
		return xxhash.Sum64(head[:end])
	}
	if len(head) == fingerprintMax {
		return xxhash.Sum64(head)
	}
	return 0
}
