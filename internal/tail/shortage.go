package tail

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/lighterman/lighterman/internal/logs"
)

// A log may have more files than there are descriptors. The oldest are opened then, and the
// next when those have been read: a look ends early, and the one after goes on behind it.

// Room is the number from which on descriptors are not for logs; 0 for none. The kernel
// gives the lowest that is free, so a higher one shows that all below are in use.
type Room struct {
	// Opened is for the files of a log that is opened, Rotated for what rotation makes
	// of one that is open.
	Opened, Rotated int
}

var errNoRoom error = syscall.EMFILE

// NoDescriptor reports whether an error is for want of a descriptor.
func NoDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// fits reports whether a file's descriptor is one that logs may have.
func fits(f *os.File, below int) bool { return below <= 0 || int(f.Fd()) < below }

// Short reports whether there are files that are not open for want of descriptors.
func (l *Log) Short() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.short
}

// frugal returns a snapshot whose looks end where there are no descriptors left, and leave some
// to others. What is past is not opened.
func (s *snapshot) frugal(past []name) *snapshot {
	most := max(len(s.opened)/2, 2)
	s.closeBut(nil)
	known := make([]*generation, 0, len(s.files))
	for _, g := range s.files {
		if !slices.Contains(s.opened, g) {
			known = append(known, g)
		}
	}
	out := newSnapshot(s.live, s.format, known)
	out.below, out.most, out.past = s.below, most, past
	return out
}

// beforePosition returns the names of the files that are older than the one that a position
// speaks of; none where it is not known which that is.
func beforePosition(live string, in format, from logs.FilePosition) []name {
	if from.Fingerprint == 0 {
		return nil
	}
	var names, past []name
	matches := 0
	for _, n := range namesOf(live, in) {
		g, err := openIdentified(n.path, in)
		if err != nil {
			continue
		}
		is, matching := g.is(from), g.matches(from)
		alike := matching && !is && g.beginsInLine()
		_ = g.close()
		switch {
		case is:
			return names
		case alike:
			matches = 2 // which of them nobody knows
		case matching:
			matches, past = matches+1, slices.Clone(names)
		}
		names = append(names, n)
	}
	if matches != 1 {
		return nil
	}
	return past
}

// namesOf returns the names that a log's files have now, oldest first.
func namesOf(live string, in format) (out []name) {
	numbers, err := rotatedOf(live)
	if err != nil {
		return nil
	}
	for _, slot := range numbers.slots(compressedLater) {
		if slot.besides() && !apartNow(slot[0], in) {
			continue
		}
		for _, path := range slot {
			if n := nameOf(path, live); n.id != (identity{}) {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

// apartNow reports whether a compressed file that is beside another holds something else. It
// opens one after the other, as descriptors are short.
func apartNow(path string, in format) bool {
	var sums [2]uint64
	for i, path := range []string{path, strings.TrimSuffix(path, gzipSuffix)} {
		g, err := openIdentified(path, in)
		if err != nil {
			return false
		}
		sums[i] = g.fingerprint
		_ = g.close()
	}
	return sums[0] != 0 && sums[1] != 0 && sums[0] != sums[1]
}

// beforeLast returns the names of the files that are older than the last one known.
func (l *Log) beforeLast() []name {
	if len(l.files) > 0 {
		names := namesOf(l.path, l.format)
		if at := slices.IndexFunc(names, func(n name) bool { return n.id == l.last().id }); at >= 0 {
			return append(names[:at:at], l.listed...)
		}
	}
	return l.listed
}

// Unread looks at the path of a log that is not open: about how much there is to read behind
// a position, whether there is anything, and whether the file read last was rotated.
func Unread(path string, from logs.FilePosition) (bytes int64, changed, rotated bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false, false // between two steps of a rotation, or removed: that is reported
	}
	id := identify(info)
	same := id == identity{from.Device, from.Inode}
	if made := madeAt(path, id); same && from.Made != 0 && made != 0 {
		same = made == from.Made // an inode is used again
	}
	if !same {
		return info.Size(), info.Size() > 0 || from.Inode != 0, from.Inode != 0
	}
	end := slices.Max(from.Offsets[:])
	return max(0, info.Size()-end), info.Size() != end, false
}
