package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// Config says how a log is followed.
type Config struct {
	// Path is the live file, as seen from here.
	Path string
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

// Log follows one container's log over all its files. Read, Flush and Position
// belong to one goroutine; Capture, Lag and Close may be called from others.
type Log struct {
	path     string
	events   Events
	decoder  jsonfile.Decoder
	assemble *assemble.Assembler
	// anchors are, per stream, the place where the line began that is held
	// back, when that was in an older file than the one being read.
	anchors [logs.Streams]*anchor

	// mu guards the fields below: the watcher's goroutine appends to files
	// while the reader's goroutine takes from its front. Whoever takes the
	// front has been the only one to read it.
	mu sync.Mutex
	// files are the generations still to be read, oldest first. The last one
	// is the live file, or was when it was captured.
	files  []*generation
	closed bool
	// done is the number of files read to their end.
	done int
}

// anchor is a place in a file that has been read to its end.
type anchor struct {
	place logs.FilePosition
	// time is the timestamp of the line held back there.
	time int64
	// order rises from file to file.
	order int
}

// Open opens a log at the place where reading goes on. A log without any file
// yet is no error: its container has not been started.
func Open(config Config) (*Log, error) {
	files, err := openAll(config.Path)
	if err != nil {
		return nil, err
	}
	l := &Log{path: config.Path, events: config.Events, files: files}
	l.assemble = assemble.New(assemble.Config{MaxLine: config.MaxLine, Cut: config.Events.LineCut}, config.Resume)
	l.resume(config.Resume)
	return l, nil
}

// resume leaves out what was handed over before.
func (l *Log) resume(from logs.Position) {
	at, sure := find(l.files, from.File)
	if at < 0 {
		// The file is gone, was empty, or the log was read through the API
		// before: all there is, less what the newest entries' times show to be old.
		l.assemble.SkipDelivered([logs.Streams]bool{true, true})
		return
	}
	closeAll(l.files[:at])
	l.files = l.files[at:]
	l.files[0].offset = from.File.Start()
	l.files[0].skip = from.File.Offsets
	behind := from.File.Behind
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

// Capture looks for files that rotation has made since the last look and opens
// them, before rotation takes them away again. It is called when the directory
// has changed; it does not block on anything but the file system.
func (l *Log) Capture() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	info, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // between two steps of a rotation, or removed
	}
	if err == nil && len(l.files) > 0 && identify(info) == l.last().id {
		return nil
	}
	fresh, err := l.unknown()
	l.files = append(l.files, fresh...)
	return err
}

func (l *Log) last() *generation { return l.files[len(l.files)-1] }

// unknown opens the files newer than the last one known, oldest first. As in
// openAll, a rotation meanwhile makes us look again.
func (l *Log) unknown() (fresh []*generation, err error) {
	for range maxLooks {
		closeAll(fresh)
		before, err := names(l.path)
		if err != nil {
			return nil, err
		}
		if fresh, err = l.newer(before); err != nil {
			return nil, err
		}
		after, err := names(l.path)
		if err != nil || slices.Equal(before, after) {
			return fresh, nil //nolint:nilerr // the directory is gone, what was opened is not
		}
	}
	return fresh, nil
}

// newer opens the files newer than the last one known, from names, which are
// in order, oldest first.
func (l *Log) newer(all []name) ([]*generation, error) {
	var fresh []*generation // newest first until the end
	for _, n := range slices.Backward(all) {
		g, err := openIdentified(n.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			closeAll(fresh)
			return nil, err
		}
		if l.knows(g) {
			_ = g.close()
			break
		}
		if len(fresh) > 0 && fresh[len(fresh)-1].same(g) {
			_ = g.close()
			continue
		}
		fresh = append(fresh, g)
	}
	slices.Reverse(fresh)
	return fresh, nil
}

// knows tells whether g is the last file known. Where that one has no
// fingerprint yet, because nothing was read from it, it is computed now.
func (l *Log) knows(g *generation) bool {
	if len(l.files) == 0 {
		return false
	}
	last := l.last()
	if last.fingerprint == 0 && !last.compressed {
		_ = last.identifyContent() // what cannot be read is found by its identity
	}
	return last.same(g)
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
	} else if len(l.files) > 0 {
		p.File = l.place(l.files[0])
		p.File.Behind = l.assemble.Replaying()
	}
	return p
}

// place is the position within a file, given the lines held back.
func (l *Log) place(g *generation) logs.FilePosition {
	p := logs.FilePosition{Device: g.id.device, Inode: g.id.inode, Fingerprint: g.fingerprint}
	for s := range p.Offsets {
		p.Offsets[s] = max(g.offset, g.skip[s])
		if offset, _, held := l.assemble.Held(logs.Stream(s)); held && l.anchor(logs.Stream(s)) == nil {
			p.Offsets[s] = offset
		}
	}
	return p
}

// anchor returns where in an older file the line of a stream began that is
// still held back, or nil.
func (l *Log) anchor(s logs.Stream) *anchor {
	if a := l.anchors[s]; a != nil {
		if _, time, held := l.assemble.Held(s); held && time == a.time {
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

// Close closes all files. The log must not be read afterwards.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	closeAll(l.files)
	l.files, l.closed = nil, true
}
