package loki

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// renewed is what is made of files that may change while we run: rewritten in place,
// renamed over, or behind a symbolic link that is set anew, as Kubernetes does. They are
// looked at whenever it is used. What it was last serves while they cannot be read, or while
// only a part of them has been written. A file system of the network may not answer for
// minutes, so there is one look at a time, on its own goroutine and without the lock, and
// nobody waits long for it.
type renewed[T any] struct {
	// load reads the files; before is what it was last, nil when there was nothing yet.
	load func(before *T) (*T, error)
	log  *slog.Logger

	mu sync.Mutex // guards the fields below
	// good is what was loaded last, and failed why that is nothing.
	good   *T
	failed error
	// look is closed when the look under way is over, and nil when there is none. late tells
	// that it takes so long that nobody waits for it any more.
	look chan struct{}
	late bool
	// told tells that it was logged that the files cannot be used.
	told bool
}

// How long a look is waited for, and how long the first one, without which there is nothing.
const patience, firstPatience = time.Second, 10 * time.Second

var errLate = errors.New("there is no answer from the file system: check where the file lies")

// get returns what the files hold now, or held last.
func (r *renewed[T]) get() (*T, error) {
	look, wait := r.begin()
	select {
	case <-look:
	case <-time.After(wait):
		r.giveUp(look)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.good == nil {
		return nil, r.failed
	}
	return r.good, nil
}

// begin returns the look under way, and how long to wait for it.
func (r *renewed[T]) begin() (look chan struct{}, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.look == nil {
		r.look, r.late = make(chan struct{}), false
		go r.renew(r.look, r.good)
	}
	switch {
	case r.late:
		return r.look, 0
	case r.good == nil:
		return r.look, firstPatience
	}
	return r.look, patience
}

func (r *renewed[T]) renew(look chan struct{}, before *T) {
	now, err := r.load(before)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(look)
	r.look = nil
	if r.note(err); err == nil {
		r.good = now
	}
}

// giveUp notes that a look takes too long.
func (r *renewed[T]) giveUp(look chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.look == look {
		r.late = true
		r.note(errLate)
	}
}

// note tells when the files begin and cease to be of no use. mu is held.
func (r *renewed[T]) note(err error) {
	r.failed = err
	switch {
	case err == nil && r.told:
		r.told = false
		r.log.Info("a file can be read again")
	case err != nil && !r.told && r.good != nil:
		r.told = true
		r.log.Warn("a file cannot be read any more; what it held before is used until it can", "error", err)
	}
}

// version tells one content of a path from another. The time of change has the kernel's
// own clock, which no program sets back.
type version struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

func versionOf(path string) (version, error) {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return version{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return version{s.Dev, s.Ino, s.Size, s.Ctim}, nil
}

// ofFile is what parse makes of one file, which is read when it has changed; nil without a
// path.
func ofFile[T any](path string, log *slog.Logger, parse func(content []byte, before *T) (*T, error)) *renewed[T] {
	if path == "" {
		return nil
	}
	var seen version // the one look at a time has it
	return &renewed[T]{log: log.With("file", path), load: func(before *T) (*T, error) {
		now, err := versionOf(path)
		if err != nil || before != nil && now == seen {
			return before, err
		}
		content, err := readFile(path)
		if err != nil {
			return nil, err
		}
		out, err := parse(content, before)
		if err == nil {
			seen = now
		}
		return out, err
	}}
}

// maxFile bounds what is read: a bundle of all authorities has a quarter of that.
const maxFile = 1 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // the end of a FIFO would be waited for
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
