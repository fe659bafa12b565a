package tail

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
)

// identity names a file for as long as it is held open. An inode number may be
// used again once its file is gone, so across restarts it counts only together
// with the fingerprint.
type identity struct {
	device, inode uint64
}

// origin is which file a generation is, also for another process or after its compression.
type origin struct {
	id identity
	// made is when the file was made, in Unix nanoseconds; 0 when that is not known.
	made int64
	// fingerprint is 0 while the first record is not complete.
	fingerprint uint64
}

// position is the beginning of the file.
func (o *origin) position() logs.FilePosition {
	return logs.FilePosition{Device: o.id.device, Inode: o.id.inode, Made: o.made, Fingerprint: o.fingerprint}
}

// place is an offset in the file.
func (o *origin) place(offset int64) logs.Place {
	return logs.Place{Device: o.id.device, Inode: o.id.inode, Fingerprint: o.fingerprint, Offset: offset}
}

// isFile reports whether two open generations are one file.
func (o *origin) isFile(other *generation) bool { return o.id == other.id }

// matches reports whether a file has the content of the file a position speaks of. A
// file that was compressed or moved to another place is recognised by it.
// Where nothing was known of the content nothing matches: the inode alone may
// have been used again.
func (o *origin) matches(p logs.FilePosition) bool {
	return p.Fingerprint != 0 && o.fingerprint == p.Fingerprint
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

// is reports whether g is the very file that a position speaks of.
func (g *generation) is(p logs.FilePosition) bool {
	return g.matches(p) && g.isAt(p)
}

// isAt reports whether g has the inode that a position speaks of, and was made when that
// was: an inode is used again, by the next file of the same log perhaps, which may begin
// with the same record.
func (g *generation) isAt(p logs.FilePosition) bool {
	if g.id != (identity{p.Device, p.Inode}) {
		return false
	}
	if p.Made == 0 || g.made == 0 {
		return !g.compressed
	}
	return p.Made == g.made
}
