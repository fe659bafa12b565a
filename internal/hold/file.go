package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// File is one file of a log, held by a descriptor, by a link or by both. Who has which of its
// fields is said in Box.
type File struct {
	box *Box
	// file is nil when there is no descriptor.
	file *os.File
	// link is the name of the link in the box's directory, empty when there is
	// none, and number its order, if it is numbered.
	link     string
	number   uint64
	numbered bool
	// copied tells that the link is not to this file, but to one with the same content.
	copied bool
	// The Hold's mu has what follows. counted tells that only we keep the file alive; then
	// its size and the time of its last writing are known.
	counted bool
	bytes   int64
	time    int64
	// done tells that it was read to its end, givenUp that it must go.
	done, givenUp bool
}

// Open opens a linked file again. The descriptor remains the File's: Close or
// Done closes it.
func (f *File) Open() (*os.File, error) {
	h := f.box.hold
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
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
	h.mu.Lock()
	defer h.mu.Unlock()
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
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
	if file, again := f.letGo(done); file != nil {
		_ = file.Close()
		if again { // what the link is to may have other names
			f.count(false)
		}
	}
	f.settle()
}

// letGo gives back the descriptor, which is to be closed; nil when there is none. again says
// that the file is to be counted again.
func (f *File) letGo(done bool) (file *os.File, again bool) {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.done = f.done || done
	file, f.file = f.file, nil
	if again = file != nil && f.copied && f.counted; again {
		f.uncount()
	}
	return file, again
}

// Release removes the link of a file whose content is delivered.
func (f *File) Release() {
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
	f.unlink()
	f.settle()
	f.box.tidy()
}

// Replace puts another file with the same content into the place of f.
func (f *File) Replace(file *os.File, suffix string) *File {
	b := f.box
	b.turn.Lock()
	defer b.turn.Unlock()
	other := &File{box: b, file: file, number: f.number, numbered: f.numbered}
	b.hold.mu.Lock()
	b.files = slices.Insert(b.files, max(0, slices.Index(b.files, f)), other)
	b.hold.mu.Unlock()
	switch name, err := linkName(f.number, suffix, file); {
	case f.link == "":
	case err == nil && name == f.link: // it was linked in f's stead
		b.hold.mu.Lock()
		other.link, f.link = f.link, ""
		b.hold.mu.Unlock()
	default:
		other.makeLink(file, suffix)
	}
	return other
}

// drop removes the link of a file that is given up; its owner closes it.
func (f *File) drop() {
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
	f.unlink()
	f.settle()
	f.box.tidy()
}

// Names returns how many of a file's names are not ours.
func (f *File) Names() uint64 {
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
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
// that a long queue of files is not looked at again and again. The turn is held.
func (f *File) count(live bool) {
	if !f.recount(live) {
		return
	}
	names, st, err := f.stat()
	if err != nil && f.file == nil {
		f.forgetLink()
		f.settle()
		return
	}
	if err != nil || names > 0 || live {
		return
	}
	bytes := f.stored(st)
	h := f.box.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.givenUp {
		return
	}
	f.counted, f.bytes, f.time = true, bytes, st.Mtim.Nano()
	h.bytes += f.bytes
	h.files++
}

// recount takes the file off the count, and reports whether it is to be looked at.
func (f *File) recount(live bool) bool {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	if f.counted && !live {
		return false
	}
	f.uncount()
	return true
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

// uncount takes a file off the count. The Hold's mu is held.
func (f *File) uncount() {
	if f.counted {
		f.counted = false
		f.box.hold.bytes -= f.bytes
		f.box.hold.files--
	}
}

// settle takes a file that nothing holds any more out of its box. The turn is held.
func (f *File) settle() {
	if f.file != nil || f.link != "" {
		return
	}
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.uncount()
	if i := slices.Index(f.box.files, f); i >= 0 {
		f.box.files = slices.Delete(f.box.files, i, i+1)
	}
}

// Unlinked tells whether a file could not be linked, as it had lost its last name: then
// only another with the same content can be.
func (f *File) Unlinked() bool {
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
	return f.numbered && f.link == "" && f.file != nil && f.box.hold.refusal() == nil && f.nameless()
}

// LinkCopy links a file with the same content as one that is Unlinked in its stead.
func (f *File) LinkCopy(file *os.File, suffix string) {
	f.box.turn.Lock()
	defer f.box.turn.Unlock()
	f.makeLink(file, suffix)
	f.box.hold.mu.Lock()
	f.copied = f.link != ""
	f.box.hold.mu.Unlock()
	f.box.describe()
}

// makeLink links the file, or one with the same content, under its number. A file that has
// lost its last name cannot be linked any more, which is no failure. The turn is held.
func (f *File) makeLink(file *os.File, suffix string) {
	h := f.box.hold
	if refused := h.refusal(); refused != nil {
		h.linkMade(refused)
		return
	}
	name, err := linkName(f.number, suffix, file)
	if err == nil {
		err = h.config.Dir.link(f.box.id, name, file)
	}
	if err == nil {
		h.mu.Lock()
		f.link = name
		h.links++
		h.mu.Unlock()
	} else {
		f.box.tidy()
	}
	if errors.Is(err, fs.ErrNotExist) && f.nameless() {
		return
	}
	h.linkMade(err)
}

// refusal is why no links are made at all; nil when they are.
func (h *Hold) refusal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refused
}

// setNumber gives a file its order. The turn is held.
func (f *File) setNumber(number uint64) {
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	f.number, f.numbered = number, true
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
	f.box.hold.mu.Lock()
	defer f.box.hold.mu.Unlock()
	if f.link != "" {
		f.link = ""
		f.box.hold.links--
	}
}
