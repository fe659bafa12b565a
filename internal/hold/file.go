package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// File is one file of a log, held by a descriptor, by a link or by both. Its
// fields are guarded by the Hold's mu.
type File struct {
	box *Box
	// file is nil when there is no descriptor.
	file *os.File
	// link is the name of the link in the box's directory, empty when there is
	// none, and number its order, if it is numbered.
	link     string
	number   uint64
	numbered bool
	// counted tells that only we keep the file alive; then its size and the
	// time of its last writing are known.
	counted bool
	bytes   int64
	time    int64
	// copied tells that the link is not to this file, but to one with the same content.
	copied bool
	// done tells that it was read to its end, givenUp that it must go.
	done, givenUp bool
}

// Open opens a linked file again. The descriptor remains the File's: Close or
// Done closes it.
func (f *File) Open() (*os.File, error) {
	h := f.box.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.link == "" {
		return nil, fmt.Errorf("cannot open a held file: %w", fs.ErrNotExist)
	}
	file, err := h.config.Dir.open(f.box.id, f.link)
	if errors.Is(err, fs.ErrNotExist) {
		f.forgetLink()
		f.settle()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open a held file: %w", err)
	}
	f.file, f.done = file, false
	return file, nil
}

// Name returns the name of the link, empty when there is none.
func (f *File) Name() string {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	return f.link
}

// Twin tells whether two linked files have one number: they hold the same, and a crash has
// left both.
func (f *File) Twin(other *File) bool {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	return f.box == other.box && f.link != "" && other.link != "" && f.number == other.number
}

// Follows tells whether two linked files were linked one after the other: otherwise there
// were some between that could not be linked, or were given up.
func (f *File) Follows(other *File) bool {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	return f.link == "" || other.link == "" || f.number <= other.number+1
}

// Close closes the descriptor. A link stays.
func (f *File) Close() { f.close(false) }

// Done is Close for a file that was read to its end: it is not lost without
// its link unless we crash.
func (f *File) Done() { f.close(true) }

func (f *File) close(done bool) {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.done = f.done || done
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
		if f.copied && f.counted { // what the link is to may have other names
			f.uncount()
			f.count(false)
		}
	}
	f.settle()
}

// Release removes the link of a file whose content is delivered.
func (f *File) Release() {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.unlink()
	f.settle()
	f.box.tidy()
}

// Replace puts another file with the same content into the place of f.
func (f *File) Replace(file *os.File, suffix string) *File {
	b := f.box
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	other := &File{box: b, file: file, number: f.number, numbered: f.numbered}
	if i := slices.Index(b.files, f); i >= 0 {
		b.files = slices.Insert(b.files, i, other)
	} else {
		b.files = slices.Insert(b.files, 0, other)
	}
	switch name, err := linkName(f.number, suffix, file); {
	case f.link == "":
	case err == nil && name == f.link: // it was linked in f's stead
		other.link, f.link = f.link, ""
	default:
		other.makeLink(file, suffix)
	}
	return other
}

// drop removes the link of a file that is given up; its owner closes it.
func (f *File) drop() {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.unlink()
	f.settle()
	f.box.tidy()
}

// Names returns how many of a file's names are not ours.
func (f *File) Names() uint64 {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	names, _, _ := f.stat()
	return names
}

func (f *File) stat() (names uint64, st unix.Stat_t, err error) {
	switch {
	case f.file != nil:
		err = unix.Fstat(int(f.file.Fd()), &st)
	case f.link != "":
		st, err = f.box.hold.config.Dir.stat(f.box.id, f.link)
	default:
		err = fs.ErrNotExist
	}
	names = uint64(st.Nlink) //nolint:unconvert // it is narrower on some architectures
	if f.link != "" && names > 0 {
		names--
	}
	return names, st, err
}

// count finds out whether only we keep the file alive. The live file does not
// count: the engine has it open. Any other that counts once stays as it is, so
// that a long queue of files is not looked at again and again.
func (f *File) count(live bool) {
	if f.counted && !live {
		return
	}
	f.uncount()
	names, st, err := f.stat()
	if err != nil && f.file == nil {
		f.forgetLink()
		f.settle()
		return
	}
	if err != nil || names > 0 || live || f.givenUp {
		return
	}
	f.counted, f.bytes, f.time = true, f.stored(st), st.Mtim.Nano()
	f.box.hold.bytes += f.bytes
	f.box.hold.files++
}

// maxParts bounds how often a file is asked for its holes.
const maxParts = 64

// stored is how many bytes a file has on disk, holes left out: a log that was emptied while
// the engine wrote has one as large as all that was ever written to it.
func (f *File) stored(st unix.Stat_t) int64 {
	if f.file == nil {
		return min(st.Size, st.Blocks*512) // the unit that stat has everywhere
	}
	fd := int(f.file.Fd())
	stored, at := int64(0), int64(0)
	for range maxParts {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return stored
		}
		if err != nil {
			break
		}
		end, err := unix.Seek(fd, data, unix.SEEK_HOLE)
		if err != nil {
			break
		}
		stored += end - data
		at = end
	}
	return stored + max(0, st.Size-at)
}

func (f *File) uncount() {
	if f.counted {
		f.counted = false
		f.box.hold.bytes -= f.bytes
		f.box.hold.files--
	}
}

// settle takes a file that nothing holds any more out of its box.
func (f *File) settle() {
	if f.file != nil || f.link != "" {
		return
	}
	f.uncount()
	if i := slices.Index(f.box.files, f); i >= 0 {
		f.box.files = slices.Delete(f.box.files, i, i+1)
	}
}

// Unlinked tells whether a file could not be linked, as it had lost its last name: then
// only another with the same content can be.
func (f *File) Unlinked() bool {
	h := f.box.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	return f.numbered && f.link == "" && f.file != nil && h.refused == nil && f.nameless()
}

// LinkCopy links a file with the same content as one that is Unlinked in its stead.
func (f *File) LinkCopy(file *os.File, suffix string) {
	h := f.box.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	f.makeLink(file, suffix)
	f.copied = f.link != ""
	f.box.describe()
}

// makeLink links the file, or one with the same content, under its number. A file that has
// lost its last name cannot be linked any more, which is no failure.
func (f *File) makeLink(file *os.File, suffix string) {
	h := f.box.hold
	if h.refused != nil {
		h.linkMade(h.refused)
		return
	}
	name, err := linkName(f.number, suffix, file)
	if err == nil {
		err = h.config.Dir.link(f.box.id, name, file)
	}
	if err == nil {
		f.link = name
		h.links++
	} else {
		f.box.tidy()
	}
	if errors.Is(err, fs.ErrNotExist) && f.nameless() {
		return
	}
	h.linkMade(err)
}

// nameless tells that the file has no name left.
func (f *File) nameless() bool {
	names, _, err := f.stat()
	return err == nil && names == 0
}

func (f *File) unlink() {
	if f.link == "" {
		return
	}
	h := f.box.hold
	if err := h.config.Dir.unlink(f.box.id, f.link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.config.Log.Warn("cannot remove a link in hold-dir", "container", f.box.id, "link", f.link, "error", err)
	}
	f.forgetLink()
}

func (f *File) forgetLink() {
	if f.link != "" {
		f.link = ""
		f.box.hold.links--
	}
}
