package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The files of the state directory, besides positions that were set aside as damaged.
const (
	lockName     = "lock"
	currentName  = "positions"
	previousName = "positions.previous"
	newName      = "positions.new"
)

const (
	// maxRecords bounds what a file begins with: some ten thousand containers with all
	// that can be kept of each, or hundreds of thousands as they are.
	maxRecords = 64 << 20
	// maxFileSize bounds a file, and what is read into memory.
	maxFileSize = maxRecords + 2*maxGrowth
	// A file is replaced when it has grown by what it began with, within these bounds.
	minGrowth, maxGrowth = 256 << 10, 16 << 20
)

var (
	errTooLarge = fmt.Errorf("they have grown beyond %d MiB", maxRecords>>20)
	errTooLong  = fmt.Errorf("the log of positions has grown to %d MiB since the last save that worked", maxFileSize>>20)
)

// The two files, by their places in disk.files.
const (
	current = iota
	previous
	copies
)

var names = [copies]string{currentName, previousName}

// disk is the files that this process has made. One that is nil is not there, or lacks
// something, and is to be replaced; the others have all frames.
type disk struct {
	dir   string
	files [copies]*file
	// shift means that what has the name positions may become positions.previous.
	shift bool
	frame []byte
}

type file struct {
	*os.File
	size, long int64
}

func (d *disk) path(i int) string { return filepath.Join(d.dir, names[i]) }

// append writes a frame to the end of both files, without waiting for the disk.
func (d *disk) append(frame []byte) error {
	var all error
	for i, f := range d.files {
		if err := f.append(frame); err != nil {
			d.drop(i)
			all = errors.Join(all, err)
		}
	}
	return all
}

// none reports whether no file has all frames.
func (d *disk) none() bool { return d.files[current] == nil && d.files[previous] == nil }

func (f *file) append(frame []byte) error {
	if f == nil {
		return nil
	}
	if f.size+int64(len(frame)) > maxFileSize {
		return errTooLong
	}
	if _, err := f.Write(frame); err != nil {
		_ = f.Truncate(f.size) // Open would take what is there of it for damage
		return err
	}
	f.size += int64(len(frame))
	return nil
}

// drop gives up a file. What it has is still used by Open, if it has more than the other.
func (d *disk) drop(i int) {
	if d.files[i] != nil {
		_ = d.files[i].Close() // what matters was synced
	}
	d.files[i] = nil
	d.shift = d.shift && i != current
}

// check gives up files that are not what was written: somebody has removed, cut or
// replaced them.
func (d *disk) check() {
	for i, f := range d.files {
		if f != nil && !f.is(d.path(i)) {
			d.drop(i)
		}
	}
}

func (f *file) is(path string) bool {
	named, err := os.Lstat(path)
	own, other := f.Stat()
	return err == nil && other == nil && os.SameFile(named, own) && own.Size() == f.size
}

// worn reports whether a new file is needed.
func (d *disk) worn() bool {
	return d.files[current] == nil || d.files[previous] == nil || d.long()
}

// long reports whether positions has grown so that it is to be replaced.
func (d *disk) long() bool {
	f := d.files[current]
	return f != nil && f.size > f.long
}

// write makes the file that is to take the place of positions, and syncs it.
func write(path string, data []byte) (*file, error) {
	f, err := create(path, os.O_APPEND)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	size := int64(len(data))
	return &file{File: f, size: size, long: size + min(max(size, minGrowth), maxGrowth)}, nil
}

// install gives a new file its name, and the one before the name of the one before that.
// A kill at any moment leaves at least one file that has everything.
func (d *disk) install(f *file) error {
	if d.shift {
		if err := os.Rename(d.path(current), d.path(previous)); err != nil {
			return err
		}
		d.drop(previous)
		d.files[previous], d.files[current], d.shift = d.files[current], nil, false
	}
	if err := os.Rename(filepath.Join(d.dir, newName), d.path(current)); err != nil {
		return err
	}
	d.files[current], d.shift = f, true
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	// Some network file systems cannot sync a directory and say so.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
