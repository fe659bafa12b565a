package tail

import (
	"log/slog"
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
	// GaveUp, if not nil, is called with the bytes of files given up unread.
	GaveUp func(unread int64)
	// Room bounds the descriptors, and Waited is set when the log was not open for want of them.
	Room   Room
	Waited bool
	// Resume is where to go on; the zero position is the log's beginning.
	Resume logs.Position
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Rules are what is configured for its lines.
	Rules *assemble.Rules
	// Events counts what happens to the log; it must not be nil.
	Events Events
}

// Events counts what an operator should know of.
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
	// Unsure counts a start at which the file that was read last could not be distinguished from
	// others that begin alike: all that may come after it is read again, less what the
	// marks show to be old.
	Unsure()
}

// Log follows one container's log over all its files. Read, Flush, Held, Needed and Position
// belong to one goroutine, the reader's; Capture, Lag, GiveUp, Delivered and Close may be
// called from others.
type Log struct {
	settings
	readerState
	// mu guards what follows: the watcher's goroutine appends to files while the reader's
	// takes from its front. Whoever takes the front has been the only one to read it.
	//
	// It is held across what must not come between two looks of the same files: Capture
	// lists, opens and recognises, letGo looks for the compressed copy, finishFile compares
	// 64 KiB where the next file begins alike, Glance reads one record, and recount and the
	// sizes that Lag, AtEnd and rest go by are asked of the file system.
	mu sync.Mutex
	shared
}

// settings are what a log was opened with.
type settings struct {
	path   string
	format format
	events Events
	box    *hold.Box
	log    *slog.Logger
	room   Room
	// gaveUp is called with the bytes of files given up; it may be nil.
	gaveUp func(unread int64)
	// drained is of the API route, which may come back.
	drained int64
}

// readerState is what the reader's goroutine owns. Nobody else reads or writes it.
type readerState struct {
	assemble *assemble.Assembler
	// read is the generation read last, which the offsets of lines held back
	// are of.
	read *generation
	// lines are, per stream, where the line began that is held back, when that was in an
	// older file than the one being read.
	lines [logs.Streams]lineStart
	// previous is the end of the file read before the present one. It stands for
	// the beginning of that one, which cannot be recognised while it is empty.
	previous resumePoint
	// bound is where the rules end that go by time.
	bound bound
	// begun is set when something was read.
	begun bool
	// skipped counts the lines that were left out by their time.
	skipped int
	// record is the one being decoded, and chunkEnd the memory of endOf: kept here to spare
	// an allocation per chunk.
	record   logs.Record
	chunkEnd []byte
}

// shared is what the reader's goroutine and the watcher's share. Its methods are called with
// mu held, or while nobody else knows the log yet.
type shared struct {
	// files are the generations still to be read, oldest first. The last one
	// is the live file, or was when it was captured.
	files  []*generation
	closed bool
	use    use
	stray  stray
	// gap is set when a generation was given up before the first one.
	gap bool
	// missing is a generation, and those that came after files which are gone, still to be
	// reported.
	missing []*generation
	// finished are files read to their end whose links stay until that is
	// delivered.
	finished []finished
	directory
}

// directory is what is known of the files in the log's directory.
type directory struct {
	// left are the files finished last, oldest first.
	left []mark
	// next is the order of the next generation.
	next int
	// listed are the names looked at last. A rotated file that is still there
	// under the same name is older than the last of files: Engine 20.10 leaves a .1 behind that
	// newer ones never touch.
	listed []name
	// short is set when there are newer ones that could not be opened, for want of
	// descriptors.
	short bool
}

// use is what a Read under way needs open: one generation, or the others of the log, too,
// where it looks at those.
type use struct {
	file *generation
	all  bool
}

func (u use) needs(g *generation) bool { return u.all || u.file == g }

// Open opens a log at the place where reading goes on. A log without any file
// yet is no error: its container has not been started.
func Open(config Config) (*Log, error) {
	box := config.Box
	if box == nil {
		box = hold.New(hold.Config{}).Box("")
	}
	in := formatOf(config.Format)
	if config.Path == "" {
		in = nil // each file shows it
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
	l := &Log{settings: settings{
		path: config.Path, format: in, events: config.Events, box: box, log: config.Log, room: config.Room, gaveUp: config.GaveUp, drained: config.Resume.Drained,
	}}
	l.listed, l.short = listed, short
	away := notRunning
	if config.Waited {
		away = waited
	}
	var apart int
	l.files, apart = merge(held, files, config.Path, listed)
	if apart > 0 && !l.gapBefore(apart) && between(l.files[apart-1], l.files[apart:], keepsOne(config.Path, listed)) {
		last, _ := l.files[apart-1].lastRecord()
		l.missed(last.Time, l.files[apart:], away)
	}
	if !short && !slices.ContainsFunc(held, func(g *generation) bool { return g.is(config.Resume.File) }) {
		l.files = addMoved(l.files, config.Path, in, config.Resume.File, listed)
	}
	l.assemble = assemble.New(assemble.Config{
		Rules: config.Rules, MaxLine: config.MaxLine, Cut: config.Events.LineCut, LeftOut: config.Events.LeftOut, Skipped: l.skip,
	}, config.Resume)
	if at := before(l.files, config.Path); at < len(l.files) {
		l.files[at].named = true
	}
	found := len(l.files)
	l.resume(config.Resume, away)
	l.logOpened(config.Resume, found)
	l.hold(l.files)
	l.rank()
	box.Attach(l, config.Log)
	l.mu.Lock()
	l.recount()
	l.mu.Unlock()
	box.Enforce()
	return l, nil
}

// resume leaves out what was handed over before. away says when the log was not open.
func (l *Log) resume(from logs.Position, away string) {
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
			l.missed(from.Latest(), l.files, away)
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
	if len(l.files) == 0 {
		l.mu.Unlock()
		return time.Time{}
	}
	newest := l.last().file
	l.mu.Unlock()
	info, err := newest.Stat()
	if err != nil {
		return time.Time{} // it may have been closed meanwhile
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
