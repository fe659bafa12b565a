package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// maxLogSize bounds each of the two files of the log, in bytes. In a second 5,000
	// busy containers write about a sixth of it.
	maxLogSize = 32 << 20
	// longLog is the size from which on a save is not put off.
	longLog = maxLogSize / 4
)

// logRetry is the pause after the log could not be written.
const logRetry = time.Second

var (
	errLogFull = fmt.Errorf("the log of positions has grown to %d MiB since the last save that worked", maxLogSize>>20)
	errLogTorn = errors.New("the log of positions has an end that cannot be cut off")
)

// logFile writes the log of positions. It is never synced: the page cache
// outlives the process, and for a power cut there is the file of positions.
//
// The log goes on through two files, of which the older one is replaced when a
// save begins and the one before has worked. So from the positions on disk on,
// and from the generation before them on, all changes are in it:
//
//	positions.log.previous   mark of positions.previous, changes
//	positions.log            mark of positions, changes [, mark of the next, changes]
//
// There is a second mark while a save is under way, or after one that failed.
type logFile struct {
	// mu is held while the log is written, so that changes are in the order in
	// which they were made. It is taken before the store's.
	mu     sync.Mutex
	dir    string
	closed bool
	file   *os.File // nil until there is something to write
	size   int64
	// last is the end of the file, on which the next hash depends.
	last [hashSize]byte
	// newest is the newest mark in the file.
	newest uint64
	// torn tells that the file has an end that is not sound.
	torn bool
	// retryAt is when it is worth trying again.
	retryAt time.Time
	buf     []byte
}

// begins tells whether the next changes are the first of a new file.
func (l *logFile) begins(rotate bool) bool { return l.file == nil || rotate }

// prepare returns the buffer for changes, after what they are hashed with.
func (l *logFile) prepare(begins bool) []byte {
	if begins {
		return append(l.buf[:0], logHeader...)
	}
	return append(l.buf[:0], l.last[:]...)
}

// write writes changes that were appended to a prepared buffer.
func (l *logFile) write(buf []byte, rotate bool) (err error) {
	if l.buf = buf; cap(buf) > maxIdleBuffer {
		l.buf = nil
	}
	if l.begins(rotate) {
		err = l.begin(buf, rotate)
	} else {
		err = l.extend(buf[hashSize:])
	}
	if err != nil {
		l.retryAt = time.Now().Add(logRetry)
		return err
	}
	copy(l.last[:], buf[len(buf)-hashSize:])
	return nil
}

// extend appends to the file. What was written in part is cut off again.
func (l *logFile) extend(data []byte) error {
	switch {
	case l.torn:
		return errLogTorn
	case l.size+int64(len(data)) > maxLogSize:
		return errLogFull
	}
	if _, err := l.file.WriteAt(data, l.size); err != nil {
		l.torn = l.file.Truncate(l.size) != nil
		return err
	}
	l.size += int64(len(data))
	return nil
}

// begin makes a new file that begins with data. A kill at any moment leaves
// files that belong together:
//
//  1. The new file is written under another name.
//  2. When the file that there is has to stay, it takes the place of the one
//     before.
//  3. The new file gets its name. Open reads it without, too, when that is free.
func (l *logFile) begin(data []byte, rotate bool) error {
	if len(data) > maxLogSize {
		return errLogFull
	}
	path := filepath.Join(l.dir, newLogName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil && rotate {
		err = os.Rename(filepath.Join(l.dir, logName), filepath.Join(l.dir, previousLogName))
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	if err := os.Rename(path, filepath.Join(l.dir, logName)); err != nil {
		l.forget()
		return errors.Join(err, f.Close())
	}
	l.forget()
	l.file, l.size = f, int64(len(data))
	return nil
}

// forget lets go of the file: the next changes begin a new one.
func (l *logFile) forget() {
	if l.file != nil {
		_ = l.file.Close() // all was written, and nothing is synced
	}
	l.file, l.torn = nil, false
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.forget()
}

// readLog calls visit for the changes of the log, the oldest first. A file that
// is not there has none; the errors are those of files that end badly.
func readLog(dir string, visit func(change)) error {
	_, err := readLogFile(filepath.Join(dir, previousLogName), visit)
	found, second := readLogFile(filepath.Join(dir, logName), visit)
	if !found {
		_, second = readLogFile(filepath.Join(dir, newLogName), visit)
	}
	return errors.Join(err, second)
}

func readLogFile(path string, visit func(change)) (found bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer func() { _ = f.Close() }()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxLogSize)); err == nil {
			err = decodeLog(data, visit)
		}
	}
	if err != nil {
		return true, fmt.Errorf("cannot read %q to its end: %w", path, err)
	}
	return true, nil
}
