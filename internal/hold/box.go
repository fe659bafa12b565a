package hold

import (
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Owner reads the files of a box.
type Owner interface {
	// GiveUp makes the owner let go of a file, at once or when the read under
	// way has ended. What was not read is reported with Box.GaveUp.
	GiveUp(f *File)
}

// Box is what is held of one container's log.
type Box struct {
	hold *Hold
	id   string
	// turn is held by who changes what there is of this container in the directory, while
	// that is done: links, their order and what is known of both must agree. It stops
	// nobody else than this container's log, whose own lock is held as well.
	//
	// files, next and about, and what files say of themselves, are written with turn and the
	// Hold's mu held: either is enough to read them. kept belongs to turn, all else to mu.
	turn sync.Mutex
	log  *slog.Logger
	// files are all files that are open or linked, oldest first.
	files []*File
	// next is the number of the next link.
	next  uint64
	owner Owner
	// about is what Describe was told, and kept that it is beside the links.
	about []byte
	kept  bool
	// left tells that nothing more will be read.
	left bool
	// said is when it was said last that files are given up; since then
	// silent of them were, of unread bytes.
	said   time.Time
	silent int
	unread int64
}

// Attach makes o the owner. log says which container it is.
func (b *Box) Attach(o Owner, log *slog.Logger) {
	b.turn.Lock() // what is being removed is not the new owner's
	defer b.turn.Unlock()
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	b.owner, b.left = o, false
	if log != nil {
		b.log = log
	}
}

// Detach ends an ownership. What is linked stays.
func (b *Box) Detach(o Owner) {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	if b.owner == o {
		b.owner = nil
	}
	if len(b.files) == 0 && b.owner == nil {
		delete(b.hold.boxes, b.id)
	}
}

// Linked returns the files that are linked, oldest first.
func (b *Box) Linked() (out []*File) {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	for _, f := range b.files {
		if f.link != "" && f.file == nil {
			out = append(out, f)
		}
	}
	return out
}

// Add takes over the descriptor of a file that is newer than all others, and
// links it. suffix ends the name of the link.
func (b *Box) Add(file *os.File, suffix string) *File {
	h := b.hold
	b.turn.Lock()
	defer b.turn.Unlock()
	f := b.take(file, len(b.files))
	if h.config.Dir != nil {
		f.setNumber(b.next)
		b.skip()
		f.makeLink(file, suffix)
		b.describe()
	}
	return f
}

// Skip leaves out a number: there were files between that are gone.
func (b *Box) Skip() {
	b.turn.Lock()
	defer b.turn.Unlock()
	b.skip()
}

// skip takes a number. The turn is held.
func (b *Box) skip() {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	b.next++
}

// AddOpen takes over a descriptor without a link: of a file that is not the engine's.
func (b *Box) AddOpen(file *os.File) *File {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.take(file, len(b.files))
}

// take adds a file to the box at a place. The turn is held.
func (b *Box) take(file *os.File, at int) *File {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	f := &File{box: b, file: file}
	b.files = slices.Insert(b.files, at, f)
	// A box that was dropped meanwhile is one of the Hold's again.
	b.hold.boxes[b.id] = b
	return f
}

// Insert is Add for a file that comes right before another one. It is linked where the
// number before that one's is free, as that of a file is which could not be linked, or where
// numbers were left out: else it would come in the wrong place at the next start.
func (b *Box) Insert(file *os.File, suffix string, before *File) *File {
	h := b.hold
	b.turn.Lock()
	defer b.turn.Unlock()
	at := slices.Index(b.files, before)
	if at < 0 {
		at = len(b.files)
	}
	f := b.take(file, at)
	if h.config.Dir == nil || !before.numbered || before.number == 0 {
		return f
	}
	number := before.number - 1
	if slices.ContainsFunc(b.files, func(other *File) bool { return other.numbered && other.number == number }) {
		return f
	}
	f.setNumber(number)
	f.makeLink(file, suffix)
	b.describe()
	return f
}

// Recount looks which files only we keep alive. live, if it is not nil, is the
// file that the engine writes to, with or without a name.
func (b *Box) Recount(live *File) {
	b.turn.Lock()
	defer b.turn.Unlock()
	for _, f := range slices.Clone(b.files) {
		f.count(f == live)
	}
}

// GaveUp reports a file that was given up before so many bytes were read.
func (b *Box) GaveUp(unread int64) {
	h := b.hold
	if h.config.Metrics != nil {
		h.config.Metrics.GaveUp(unread)
	}
	h.mu.Lock()
	b.silent++
	b.unread += unread
	files, bytes, log := b.silent, b.unread, b.log
	say := time.Since(b.said) >= sayAgain
	if say {
		b.said, b.silent, b.unread = time.Now(), 0, 0
	}
	h.mu.Unlock()
	if say {
		log.Warn("gave up deleted log files before they were read: raise hold-bytes",
			"files", files, "bytes", bytes)
	}
}

// linked tells whether there are links.
func (b *Box) linked() bool {
	return slices.ContainsFunc(b.files, func(f *File) bool { return f.link != "" })
}

// first returns the oldest file that counts, or nil.
func (b *Box) first() *File {
	for _, f := range b.files {
		if f.counted {
			return f
		}
	}
	return nil
}

// isLeft reports whether nothing more will be read.
func (b *Box) isLeft() bool {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	return b.left
}

// end lets go of a box without files that nobody owns.
func (b *Box) end() {
	b.hold.mu.Lock()
	defer b.hold.mu.Unlock()
	if len(b.files) == 0 && b.owner == nil {
		delete(b.hold.boxes, b.id)
	}
}

// tidy removes the directory of a box without links. The turn is held.
func (b *Box) tidy() {
	if b.hold.config.Dir != nil && !b.linked() {
		b.hold.config.Dir.remove(b.id)
		b.kept = false
	}
}

// Enforce is Hold.Enforce.
func (b *Box) Enforce() { b.hold.Enforce() }
