package plain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
)

// Facts are what the file system says of a file.
type Facts struct {
	// Path is where it was.
	Path          string
	Device, Inode uint64
	// Made and Written are in Unix nanoseconds; Made is 0 when it is not known.
	Made, Written int64
	Size          int64
	Mode, Owner   uint32
	// Links is how many names it has.
	Links uint32
}

// Regular reports whether it is a regular file.
func (f Facts) Regular() bool { return f.Mode&unix.S_IFMT == unix.S_IFREG }

// Is reports whether both are of one file: devices have other numbers after a start of the
// host, and an inode is used again.
func (f Facts) Is(inode uint64, made int64) bool {
	return f.Inode == inode && (f.Made == made || f.Made == 0 || made == 0)
}

// Look returns the facts of what has a name. Links are not followed at its end.
func Look(path string) (Facts, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	if err != nil {
		return Facts{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	f := factsOf(&st)
	f.Path = path
	return f, nil
}

func factsOf(st *unix.Statx_t) Facts {
	nano := func(at unix.StatxTimestamp) int64 { return at.Sec*1e9 + int64(at.Nsec) }
	f := Facts{
		Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino, Written: nano(st.Mtime),
		Size: int64(st.Size), Mode: uint32(st.Mode), Owner: st.Uid, Links: st.Nlink, //nolint:gosec // no file is larger
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		f.Made = nano(st.Btime)
	}
	return f
}

const (
	// HeadMost is how much of a file's beginning it is recognised by, and tailMost how much
	// of what lies before the offset, in bytes.
	HeadMost = 512
	tailMost = 64
)

// file is an open one.
type file struct {
	*os.File
	facts Facts
	// data reads the content, uncompressed.
	data       io.ReaderAt
	compressed bool
}

func openFile(path string) (*file, error) {
	f, _, err := beneath.OpenRegular(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open file: %w", err)
	}
	out := &file{File: f, data: f}
	if out.facts, err = out.look(); err != nil {
		_ = f.Close()
		return nil, err
	}
	var magic [2]byte
	if n, _ := f.ReadAt(magic[:], 0); n == 2 && magic == [2]byte{0x1f, 0x8b} {
		out.compressed, out.data = true, newGzipped(f)
	}
	return out, nil
}

func (f *file) look() (Facts, error) {
	var st unix.Statx_t
	defer runtime.KeepAlive(f.File)
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return Facts{}, &os.PathError{Op: "statx", Path: f.Name(), Err: err}
	}
	out := factsOf(&st)
	out.Path = f.Name()
	return out, nil
}

// readAt returns less than len(buf) only at the end of the content, as it is now.
func (f *file) readAt(buf []byte, at int64) (int, error) {
	n, err := f.data.ReadAt(buf, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// dataFrom returns where the content goes on from a hole that the file system knows of; 0
// where it knows of none.
func (f *file) dataFrom(at int64) int64 {
	defer runtime.KeepAlive(f.File)
	data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
	if err != nil {
		return 0
	}
	return data
}

// begins reports whether the content begins as a position says. part has it so where there is
// less of it than that, and this is alike.
func (f *file) begins(p logs.Position, part bool) ([]byte, bool) {
	head := make([]byte, min(max(p.Plain.Head, 0), HeadMost))
	n, err := f.readAt(head, 0)
	head = head[:n]
	switch {
	case err != nil:
		return head, false
	case int64(n) == p.Plain.Head:
		return head, xxhash.Sum64(head) == p.File.Fingerprint
	}
	own := stepsOf(head)
	return head, part && own != "" && strings.HasPrefix(p.Plain.Steps, own)
}

// leastStep is the shortest beginning that is hashed by itself; the next are twice as long.
const leastStep = 32

// stepsOf returns hashes of parts of a beginning.
func stepsOf(head []byte) string {
	var out []byte
	for n := leastStep; n <= len(head) && n < HeadMost; n *= 2 {
		out = binary.LittleEndian.AppendUint32(out, uint32(xxhash.Sum64(head[:n]))) //nolint:gosec // half of it is enough
	}
	return string(out)
}

// Known is a position that says how its file begins also where that was not acknowledged, as
// far as spans say it.
func Known(p logs.Position, spans []logs.Span) logs.Position {
	for _, s := range spans {
		if p.Plain.Head == 0 && s.Epoch == p.Plain.Epoch && s.From == 0 && s.Time != 0 {
			p.Plain.Head, p.File.Fingerprint, p.Plain.Steps = min(s.To, HeadMost), s.Head, s.Steps
		}
	}
	return p
}

// continues reports whether what lies before an offset is what a position says, if it does.
func (f *file) continues(p logs.Position) bool {
	at := p.File.Offsets[0]
	if at < 0 {
		return false
	}
	tail := make([]byte, min(at, tailMost))
	n, err := f.readAt(tail, at-int64(len(tail)))
	return err == nil && n == len(tail) && (p.Plain.Tail == 0 || xxhash.Sum64(tail) == p.Plain.Tail)
}

// Later are the beginnings that spans speak of and a position does not: those of a file that was
// truncated since.
func Later(p logs.Position, spans []logs.Span) (out []logs.Position) {
	for _, s := range spans {
		if s.Epoch > p.Plain.Epoch && s.From == 0 && s.Time != 0 {
			out = append(out, Known(logs.Position{Plain: logs.PlainPosition{Epoch: s.Epoch, Span: s.Number}}, []logs.Span{s}))
		}
	}
	return out
}

// Compare reports whether the file at a path begins as the one that a position speaks of, and
// whether it has the content up to there: it is the file, or a copy, compressed perhaps. part
// has it begin so where it has less than is known, and this is alike.
func Compare(path string, p logs.Position, part bool) (facts Facts, begins, has bool) {
	if p.Plain.Head == 0 {
		return Facts{}, false, false
	}
	f, err := openFile(path)
	if err != nil {
		return Facts{}, false, false
	}
	defer func() { _ = f.Close() }()
	_, begins = f.begins(p, part)
	return f.facts, begins, begins && f.continues(p)
}

// Alike reports whether the second of two files begins with what the first holds, as far as can
// be told by its beginning and its end.
func Alike(path, longer string) bool {
	a, err := openFile(path)
	if err != nil {
		return false
	}
	defer func() { _ = a.Close() }()
	b, err := openFile(longer)
	if err != nil {
		return false
	}
	defer func() { _ = b.Close() }()
	size := a.facts.Size
	if a.compressed {
		size = int64(packedSize(a))
	}
	const most = 4 << 10
	for _, at := range []int64{0, max(0, size-most)} {
		texts := [2][]byte{}
		for i, f := range []*file{a, b} {
			texts[i] = make([]byte, min(most, size))
			if n, err := f.readAt(texts[i], at); err != nil || n < len(texts[i]) {
				return false
			}
		}
		if !bytes.Equal(texts[0], texts[1]) {
			return false
		}
	}
	return true
}

// Head returns the beginning of what the file at a path holds.
func Head(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, HeadMost)
	n, err := f.readAt(head, 0)
	return head[:n], err
}

// End returns the position behind all whole lines of the file at a path.
func End(path string) (logs.Position, error) {
	f, err := openFile(path)
	if err != nil {
		return logs.Position{}, err
	}
	defer func() { _ = f.Close() }()
	if f.compressed {
		return logs.Position{}, errors.New("it is compressed")
	}
	end, err := lastFeed(f, f.facts.Size)
	if err != nil {
		return logs.Position{}, err
	}
	return f.placeAt(end)
}

// PlaceAt returns the ID of the file at a path, and the position of an offset in it. Within a
// line that is its beginning. The way to its directory may lead over links, as that of a glob.
func PlaceAt(path string, offset int64) (id string, p logs.Position, err error) {
	dir, err := beneath.Resolve(filepath.Dir(path))
	if err != nil {
		return "", p, fmt.Errorf("cannot open file: %w", err)
	}
	f, err := openFile(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return "", p, err
	}
	defer func() { _ = f.Close() }()
	switch {
	case f.compressed:
		return "", p, errors.New("it is compressed")
	case offset > f.facts.Size:
		return "", p, fmt.Errorf("it has %d bytes, and byte %d is behind that: it was rotated or truncated", f.facts.Size, offset)
	}
	begin, err := lastFeed(f, offset)
	if err == nil {
		p, err = f.placeAt(begin)
	}
	return ID(path, f.facts.Inode, f.facts.Made), p, err
}

// Whole returns the position behind all that the file at a path holds, compressed or not.
func Whole(path string) (logs.Position, error) {
	f, err := openFile(path)
	if err != nil {
		return logs.Position{}, err
	}
	defer func() { _ = f.Close() }()
	if f.compressed {
		return f.placeAt(int64(packedSize(f)))
	}
	return f.placeAt(f.facts.Size)
}

// placeAt returns the position of an offset.
func (f *file) placeAt(end int64) (logs.Position, error) {
	c := content{head: make([]byte, min(end, HeadMost)), tail: make([]byte, min(end, tailMost))}
	for text, at := range map[*[]byte]int64{&c.head: 0, &c.tail: end - int64(len(c.tail))} {
		if n, err := f.readAt(*text, at); err != nil || n < len(*text) {
			return logs.Position{}, errors.Join(err, errors.New("it has changed meanwhile"))
		}
	}
	var p logs.Position
	c.position(&p, f.facts, end)
	return p, nil
}

// lastFeed returns the offset behind the last line feed before end; 0 where there is none,
// and end where it is too far away to look for.
func lastFeed(f *file, end int64) (int64, error) {
	const most = 4 << 20
	chunk := make([]byte, 64<<10)
	for at := end; at > 0; {
		if end-at > most {
			return end, nil
		}
		part := chunk[:min(int64(len(chunk)), at)]
		if n, err := f.readAt(part, at-int64(len(part))); err != nil || n < len(part) {
			return 0, errors.Join(err, errors.New("it has changed meanwhile"))
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return at - int64(len(part)) + int64(i) + 1, nil
		}
		at -= int64(len(part))
	}
	return 0, nil
}

// content is what is known of what a file holds: how it begins, and what lies before the
// offset.
type content struct{ head, tail []byte }

// read notes what lies at an offset. What lies before is known.
func (c *content) read(text []byte, at int64) {
	if missing := HeadMost - len(c.head); missing > 0 && int64(len(c.head)) == at {
		c.head = append(c.head, text[:min(missing, len(text))]...)
	}
	if len(text) >= tailMost {
		c.tail = append(c.tail[:0], text[len(text)-tailMost:]...)
		return
	}
	c.tail = append(c.tail, text...)
	if over := len(c.tail) - tailMost; over > 0 {
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

// position writes it into a position at an offset, where tail ends.
func (c *content) position(p *logs.Position, facts Facts, at int64) {
	p.File = logs.FilePosition{Device: facts.Device, Inode: facts.Inode, Made: facts.Made, Fingerprint: xxhash.Sum64(c.head)}
	for s := range p.File.Offsets {
		p.File.Offsets[s] = at
	}
	p.Plain.Head, p.Plain.Steps = int64(len(c.head)), stepsOf(c.head)
	if len(c.head) == 0 {
		p.File.Fingerprint = 0
	}
	p.Plain.Tail = xxhash.Sum64(c.tail)
}

// PackedSize is the size of what a compressed file holds, modulo 2^32, as its end says; 0 where
// that is not known.
func PackedSize(path string) uint32 {
	f, err := openFile(path)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	return packedSize(f)
}

func packedSize(f *file) uint32 {
	var trailer [4]byte
	if n, err := f.ReadAt(trailer[:], f.facts.Size-int64(len(trailer))); n < len(trailer) || err != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(trailer[:])
}
