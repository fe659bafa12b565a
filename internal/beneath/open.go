package beneath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Open opens a file for reading, without waiting for what might be at the other end of it.
// No link is followed, wherever on the path; the error wraps unix.ELOOP or unix.ENOTDIR
// where there is one.
func Open(path string) (*os.File, error) {
	return open(path, unix.O_RDONLY|unix.O_NONBLOCK)
}

// OpenRegular is Open for a regular file: anything else is an error, as it might keep the
// reader waiting.
func OpenRegular(path string) (*os.File, os.FileInfo, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// OpenDir opens a directory likewise.
func OpenDir(path string) (*os.File, error) {
	return open(path, unix.O_RDONLY|unix.O_DIRECTORY)
}

// Names returns the names in a directory.
func Names(path string) ([]string, error) {
	dir, err := OpenDir(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	return dir.Readdirnames(-1)
}

// noOpenat2 tells that the kernel (before 5.6) or a filter of system calls does not know
// openat2, whose answer to that is ENOSYS or EPERM.
var noOpenat2 atomic.Bool

func open(path string, flags int) (*os.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if noOpenat2.Load() {
		return walk(path, flags)
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS} //nolint:gosec // flags are not negative
	fd, err := again(func() (int, error) { return unix.Openat2(unix.AT_FDCWD, path, &how) })
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		f, err := walk(path, flags)
		if err == nil {
			noOpenat2.Store(true)
		}
		return f, err
	}
	return file(fd, path, err)
}

// walk is open without openat2: a directory after the other.
func walk(path string, flags int) (*os.File, error) {
	const step = unix.O_PATH | unix.O_DIRECTORY
	dir, err := again(func() (int, error) { return unix.Open("/", step|unix.O_CLOEXEC, 0) })
	names := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i := 0; err == nil && i < len(names); i++ {
		how := step
		if i == len(names)-1 {
			how = flags
		}
		above := dir
		dir, err = again(func() (int, error) { return unix.Openat(above, names[i], how|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0) })
		_ = unix.Close(above)
	}
	if err == nil && len(names) == 0 {
		_ = unix.Close(dir)
		dir, err = -1, unix.EISDIR
	}
	return file(dir, path, err)
}

func file(fd int, path string, err error) (*os.File, error) {
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// again repeats a system call that a signal has interrupted.
func again(call func() (int, error)) (fd int, err error) {
	for {
		if fd, err = call(); !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
