package tail

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
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
	// Room bounds the descriptors, and Waited tells that the log was not open for want of them.
	Room   Room
	Waited bool
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
	// LeftOut counts the bytes that lines which were cut have lost.
	LeftOut(bytes int)
	// LineSkipped counts a line that was left out by its time.
	LineSkipped(reason string)
	// Truncated counts a file that was truncated: a copy was found to go on in, or so many
	// bytes at least were lost.
	Truncated(found bool, lost int64)
	// RotatedAway counts a start at which the files that come next were gone.
	RotatedAway()
	// Unsure counts a start at which the file that was read last could not be told from
	// others that begin alike: all that may come after it is read again, less what the
	// marks show to be old.
	Unsure()
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
	log    *slog.Logger
	// moved tells that a copy was put before the file that was to be read.
	moved bool
	// begun tells that something was read.
	begun bool
	room  Room
	// away says when the log was not open.
	away string
	// skipped counts the lines that were left out by their time.
	skipped int
	// chunkEnd is the memory of endOf.
	chunkEnd []byte
	// bound is where the rules end that go by time.
	bound bound
	// drained is of the API route, which may come back.
	drained int64
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
	// short tells that there are newer ones that could not be opened, for want of
	// descriptors.
	short bool
	stray stray
	// reading is the generation that a Read under way is about.
	reading *generation
	// looking tells that it looks at the other files, too.
	looking bool
	// gap tells that a generation was given up before the first one.
	gap bool
	// untold is a generation, and those that came after files which are gone, to be told of.
	untold []*generation
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
	files, listed, short, err := openAll(config.Path, in, config.Resume.File, config.Room.Opened)
	if err != nil {
		return nil, err
	}
	linkFirst(box, files, keepsOne(config.Path, listed))
	held, err := openHeld(box, in)
	if NoDescriptor(err) {
		// They are older than the others, which have names.
		closeAll(files)
		files, listed, short = nil, nil, true
		held, err = openHeld(box, in)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	l := &Log{path: config.Path, format: in, events: config.Events, box: box, gaveUp: config.GaveUp, listed: listed, log: config.Log, drained: config.Resume.Drained, room: config.Room, away: notRunning, short: short}
	if config.Waited {
		l.away = waited
	}
	var apart int
	l.files, apart = merge(held, files, config.Path, listed)
	if apart > 0 && !l.gapBefore(apart) && between(l.files[apart-1], l.files[apart:], keepsOne(config.Path, listed)) {
		last, _ := l.files[apart-1].lastRecord()
		l.missed(last.Time, l.files[apart:], l.away)
	}
	if !short && !slices.ContainsFunc(held, func(g *generation) bool { return g.is(config.Resume.File) }) {
		l.files = addMoved(l.files, config.Path, in, config.Resume.File, listed)
	}
	l.assemble = assemble.New(assemble.Config{
		MaxLine: config.MaxLine, Cut: config.Events.LineCut, LeftOut: config.Events.LeftOut, Skipped: l.skip,
	}, config.Resume)
	if at := before(l.files, config.Path); at < len(l.files) {
		l.files[at].named = true
	}
	found := len(l.files)
	l.resume(config.Resume)
	l.toldOpened(config.Resume, found)
	l.hold(l.files)
	l.rank()
	box.Attach(l, config.Log)
	l.mu.Lock()
	l.recount()
	l.mu.Unlock()
	box.Enforce()
	return l, nil
}

// skip counts a line that is left out by its time.
func (l *Log) skip(reason string) {
	l.skipped++
	l.events.LineSkipped(reason)
}

// toldOpened says, for whoever looks for lines that are missing, where reading goes on and
// what is left out by its time.
func (l *Log) toldOpened(from logs.Position, found int) {
	if l.log == nil || !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	args := []any{"files", found, "passed_over", found - len(l.files), "left_out_by_marks", l.assemble.Replaying(), "from", from, "rules_end", l.bound.offset, "rules_inode", l.bound.id.inode, "since", l.bound.since}
	for i, g := range l.files {
		args = append(args, fmt.Sprint("file", i), fmt.Sprintf("%s inode %d size %d at %d skip %v fingerprint %x", filepath.Base(g.file.Name()), g.id.inode, g.size(), g.offset, g.skip, g.fingerprint))
	}
	l.log.Debug("opened the log's files", args...)
}

// resume leaves out what was handed over before.
func (l *Log) resume(from logs.Position) {
	l.number(l.files)
	l.limit(from)
	at, sure := find(l.files, from.File)
	if at < 0 {
		lost := isTruncated(l.files, from.File)
		found, edited := l.copied(from)
		switch {
		case edited:
			l.limit(from)
		case found:
			at, sure = 0, true
		case lost:
			l.lostFrom(from)
		case from.File.Fingerprint != 0 && len(l.files) > 0:
			l.missed(from.Latest(), l.files, l.away)
		}
	}
	for i := max(at, 0) + 1; i < len(l.files); i++ {
		if l.gapBefore(i) {
			last, _ := l.files[i-1].lastRecord()
			l.missed(last.Time, l.files[i:], notLinked)
		}
	}
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
	if !sure {
		l.events.Unsure()
		l.assemble.SkipDelivered([logs.Streams]bool{true, true})
		return
	}
	behind, again := l.files[0].resumeAt(from)
	if again {
		l.assemble.Again()
	}
	l.assemble.SkipDelivered(behind)
}

// Position returns the place up to which entries were handed over.
func (l *Log) Position() logs.Position {
	p := logs.Position{Newest: l.assemble.Newest(), Last: l.assemble.Last(), Rest: l.assemble.Rest(), Drained: l.drained}
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
	p.Since, p.Opened = l.bound.since, l.opened(p.File.Behind != [logs.Streams]bool{})
	if p.Since != 0 && l.bound.seen.Known {
		p.Seen = l.bound.seen
	}
	return p
}

// standsIn tells that the present file cannot be recognised, and the end of the
// previous one stands for its beginning.
func (l *Log) standsIn() bool { return l.files[0].fingerprint == 0 && l.previous.Fingerprint != 0 }

// place is the position within a file, given the lines held back.
func (l *Log) place(g *generation) logs.FilePosition {
	p := logs.FilePosition{Device: g.id.device, Inode: g.id.inode, Made: g.made, Fingerprint: g.fingerprint}
	for s := range p.Offsets {
		p.Offsets[s] = max(g.offset, g.skip[s])
		if offset, _, held := l.assemble.Held(logs.Stream(s)); held && g == l.read && l.anchor(logs.Stream(s)) == nil {
			p.Offsets[s] = offset
		}
	}
	return p
}

// HeldBytes returns the size of the lines that are held back.
func (l *Log) HeldBytes() int { return l.assemble.HeldBytes() }

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

// holds tells that a line is held back.
func (l *Log) holds() bool {
	_, _, out := l.assemble.Held(logs.Stdout)
	_, _, err := l.assemble.Held(logs.Stderr)
	return out || err
}

// rest returns the end of the last file when it was read and ends in something that is no
// whole record, and that may still become one; otherwise 0. mu is held.
func (l *Log) rest() int64 {
	if !l.live() {
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
		if !g.outside {
			bytes += g.lag()
		}
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
