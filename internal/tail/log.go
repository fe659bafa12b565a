package tail

import (
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// Config says how a log is followed.
type Config struct {
	// Path is the live file, as seen from here; empty when the container was
	// removed and only held files are left.
	Path string
	// Format is how records lie in the files. Where Path is empty it is looked up
	// in what is held.
	Format logs.FileFormat
	// Box holds the files of the log; nil for one of the log's own, without
	// bound and links.
	Box *hold.Box
	// Log says which container it is; it may be nil.
	Log *slog.Logger
	// GaveUp, if not nil, is told of files given up unread.
	GaveUp func(unread int64)
	// Resume is where to go on; the zero position is the log's beginning.
	Resume logs.Position
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Events counts what happens to the log; it must not be nil.
	Events Events
}

// Events is told what an operator should know of.
type Events interface {
	// CorruptRecord counts a stretch of the log that is no record.
	CorruptRecord()
	// LineCut counts a line that was longer than the limit.
	LineCut()
}

// Log follows one container's log over all its files. Read, Flush, Held and Position
// belong to one goroutine; Capture, Lag, GiveUp, Delivered and Close may be
// called from others.
type Log struct {
	path   string
	events Events
	format format
	// record is the one being decoded, kept here to spare an allocation per chunk.
	record   logs.Record
	assemble *assemble.Assembler
	// anchors are, per stream, the place where the line began that is held
	// back, when that was in an older file than the one being read.
	anchors [logs.Streams]*anchor
	// read is the generation read last, which the offsets of lines held back
	// are of.
	read *generation
	// gaveUp is told of files given up; it may be nil.
	gaveUp func(unread int64)
	box    *hold.Box
	// previous is the end of the file read before the present one. It stands for
	// the beginning of that one, which cannot be recognised while it is empty.
	previous      logs.FilePosition
	previousOrder int

	// mu guards the fields below: the watcher's goroutine appends to files
	// while the reader's goroutine takes from its front. Whoever takes the
	// front has been the only one to read it.
	mu sync.Mutex
	// files are the generations still to be read, oldest first. The last one
	// is the live file, or was when it was captured.
	files  []*generation
	closed bool
	// reading is the generation that a Read under way is about.
	reading *generation
	// gap tells that a generation was given up before the first one.
	gap bool
	// finished are files read to their end whose links stay until that is
	// delivered.
	finished []finished
	// left are the files finished last, oldest first.
	left []mark
	// next is the order of the next generation.
	next int
	// listed are the names looked at last. A rotated file that is still there
	// under the same name is older than the last of files: Engine 20.10 leaves a .1 behind that
	// newer ones never touch.
	listed []name
}

// anchor is a place in a file that has been read to its end.
type anchor struct {
	place logs.FilePosition
	// offset and time are those of the line held back there.
	offset, time int64
	// order rises from file to file.
	order int
	// replaying tells that what came before of the stream was being left out, as it was
	// handed over before.
	replaying bool
}

// Open opens a log at the place where reading goes on. A log without any file
// yet is no error: its container has not been started.
func Open(config Config) (*Log, error) {
	box := config.Box
	if box == nil {
		box = hold.New(hold.Config{}).Box("")
	}
	in := formatOf(config.Format)
	if config.Path == "" {
		in = nil // each file tells
	}
	files, listed, err := openAll(config.Path, in)
	if err != nil {
		return nil, err
	}
	held, err := openHeld(box, in)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	l := &Log{path: config.Path, format: in, events: config.Events, box: box, gaveUp: config.GaveUp, listed: listed}
	l.files = merge(held, files)
	l.assemble = assemble.New(assemble.Config{MaxLine: config.MaxLine, Cut: config.Events.LineCut}, config.Resume)
	l.resume(config.Resume)
	l.hold(l.files)
	box.Attach(l, config.Log)
	l.mu.Lock()
	l.recount()
	l.mu.Unlock()
	box.Enforce()
	return l, nil
}

// resume leaves out what was handed over before.
func (l *Log) resume(from logs.Position) {
	l.number(l.files)
	at, sure := find(l.files, from.File)
	if at < 0 {
		// The file is gone, was empty, or the log was read through the API
		// before: all there is, less what the newest entries' times show to be old.
		l.assemble.SkipDelivered([logs.Streams]bool{true, true})
		return
	}
	for _, g := range l.files[:at] {
		l.finish(g)
	}
	l.files = l.files[at:]
	behind := l.files[0].resumeAt(from)
	if !sure {
		behind = [logs.Streams]bool{true, true}
	}
	l.assemble.SkipDelivered(behind)
}

// find returns the index of the file that a position speaks of, or -1. It is
// sure when it is the same file or no other has the same beginning; otherwise
// it is the oldest that may be it.
func find(files []*generation, p logs.FilePosition) (at int, sure bool) {
	at = -1
	matches := 0
	for i, g := range files {
		if !g.matches(p) {
			continue
		}
		// A compressed file is a new one, whose inode may have been that of
		// the file we look for.
		if !g.compressed && g.id == (identity{p.Device, p.Inode}) {
			return i, true
		}
		if matches++; at < 0 {
			at = i
		}
	}
	return at, matches == 1
}

// Position returns the place up to which entries were handed over.
func (l *Log) Position() logs.Position {
	p := logs.Position{Newest: l.assemble.Newest(), Last: l.assemble.Last()}
	for s := range logs.Streams {
		if _, time, held := l.assemble.Held(logs.Stream(s)); held && (p.Pending == 0 || time < p.Pending) {
			p.Pending = time
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if oldest := l.oldestAnchor(); oldest != nil {
		p.File = oldest.place
		for s := range p.File.Behind {
			// Of a stream whose line is held since then nothing was handed over.
			own := l.anchor(logs.Stream(s))
			p.File.Behind[s] = own == nil || own.order != oldest.order || own.replaying
		}
	} else if len(l.files) > 0 {
		p.File = l.place(l.files[0])
		if l.standsIn() {
			p.File = l.previous
		}
		p.File.Behind = l.assemble.Replaying()
	}
	return p
}

// standsIn tells that the present file cannot be recognised, and the end of the
// previous one stands for its beginning.
func (l *Log) standsIn() bool { return l.files[0].fingerprint == 0 && l.previous.Fingerprint != 0 }

// place is the position within a file, given the lines held back.
func (l *Log) place(g *generation) logs.FilePosition {
	p := logs.FilePosition{Device: g.id.device, Inode: g.id.inode, Fingerprint: g.fingerprint}
	for s := range p.Offsets {
		p.Offsets[s] = max(g.offset, g.skip[s])
		if offset, _, held := l.assemble.Held(logs.Stream(s)); held && g == l.read && l.anchor(logs.Stream(s)) == nil {
			p.Offsets[s] = offset
		}
	}
	return p
}

// Held returns what is held back because its end has not come.
func (l *Log) Held() (h logs.Held) {
	for s := range h.Lines {
		if _, time, held := l.assemble.Held(logs.Stream(s)); held {
			h.Lines[s] = time
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.Rest = l.rest()
	return h
}

// rest returns the end of the last file when it was read and ends in something that is no
// whole record, and that may still become one; otherwise 0. mu is held.
func (l *Log) rest() int64 {
	if len(l.files) != 1 {
		return 0
	}
	if g := l.files[0]; g == l.read && g.seen > g.offset && g.seen != g.sealed {
		return g.seen
	}
	return 0
}

// anchor returns where in an older file the line of a stream began that is
// still held back, or nil.
func (l *Log) anchor(s logs.Stream) *anchor {
	if a := l.anchors[s]; a != nil {
		if offset, time, held := l.assemble.Held(s); held && time == a.time && offset == a.offset {
			return a
		}
		l.anchors[s] = nil
	}
	return nil
}

// oldestAnchor returns the anchor in the oldest file, or nil.
func (l *Log) oldestAnchor() *anchor {
	out, err := l.anchor(logs.Stdout), l.anchor(logs.Stderr)
	if out == nil || (err != nil && err.order < out.order) {
		return err
	}
	return out
}

// Lag returns the number of bytes that are there to be read; for compressed
// files their compressed size.
func (l *Log) Lag() (bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.files {
		bytes += g.lag()
	}
	return bytes
}

// Written returns when the newest file was written to last; the zero time when that
// is not known.
func (l *Log) Written() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 {
		return time.Time{}
	}
	info, err := l.last().file.Stat()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Files returns the number of files held open.
func (l *Log) Files() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.files)
}

// Dir returns the directory of the log.
func (l *Log) Dir() string { return filepath.Dir(l.path) }

// Path returns the live file's path.
func (l *Log) Path() string { return l.path }

// Close closes all files. The log must not be read afterwards; what is linked
// stays until it is delivered.
func (l *Log) Close() {
	l.mu.Lock()
	closeAll(l.files)
	l.files, l.closed = nil, true
	l.mu.Unlock()
	l.box.Detach(l)
}
