package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrRefused says that a directory must not be used for links, as opposed to
// one that cannot be.
var ErrRefused = errors.New("this directory is refused")

// Dir is the directory of links:
//
//	ID/0000000007-1234567       one directory per container, one link per file:
//	ID/0000000008-1234570.gz    a rising number and the inode
//	ID/about                    what to deliver them with, see Hold.Describe
//
// All names are looked up below descriptors, and no symbolic link is followed.
// One process uses it at a time.
type Dir struct {
	path string
	root *os.File
}

// OpenDir opens the directory, which it makes when there is none, for this
// process alone. The error wraps ErrRefused where it is to be mended by hand.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make hold-dir: %w", err)
	}
	root, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("cannot use hold-dir %s: it is no directory, or a symbolic link: %w", path, ErrRefused)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open hold-dir: %w", err)
	}
	d := &Dir{path: path, root: root}
	if err := d.take(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// take checks whose the directory is, and locks it.
func (d *Dir) take() error {
	if !private(int(d.root.Fd())) {
		return fmt.Errorf("cannot use hold-dir %s: others may write to it: give it to this user, with mode 0700: %w", d.path, ErrRefused)
	}
	err := unix.Flock(int(d.root.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("cannot use hold-dir %s: another lighterman uses it: %w", d.path, ErrRefused)
	}
	if err != nil {
		return fmt.Errorf("cannot lock hold-dir: %w", err)
	}
	return nil
}

// private tells that a directory is ours, and that nobody else may write to it.
func private(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && int(st.Uid) == os.Geteuid() && st.Mode&0o022 == 0
}

// Close gives the directory back. The links stay.
func (d *Dir) Close() { _ = d.root.Close() }

// Within tells whether a directory is another one or lies within it, also
// through symbolic links. Neither has to exist.
func Within(path, other string) bool {
	outer, err := os.Stat(other)
	if err != nil {
		return false
	}
	for path = resolve(path); ; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, outer) {
			return true
		}
		if path == filepath.Dir(path) {
			return false
		}
	}
}

// resolve resolves the symbolic links in as much of a path as exists.
func resolve(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for at := path; ; at = filepath.Dir(at) {
		if resolved, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(resolved, rest)
		}
		if at == filepath.Dir(at) {
			return path
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

var (
	idPattern   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	namePattern = regexp.MustCompile(`^([0-9]{10,19})-[0-9]{1,20}(\.[a-z]{1,8})?$`)
)

// linkName makes the name of a link: its order, and its inode for people.
func linkName(number uint64, suffix string, f *os.File) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%010d-%d%s", number, st.Ino, suffix), nil
}

// numberOf returns the order of a link.
func numberOf(name string) (uint64, bool) {
	m := namePattern.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 63)
	return n, err == nil
}

// box opens the directory of a container.
func (d *Dir) box(id string) (*os.File, error) {
	fd, err := unix.Openat(int(d.root.Fd()), id, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(d.path, id), Err: err}
	}
	if !private(fd) {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%s is not ours alone", filepath.Join(d.path, id))
	}
	return os.NewFile(uintptr(fd), id), nil
}

// link makes the file that a descriptor stands for have a name here: by the
// descriptor, as its own name may be another file's by now.
func (d *Dir) link(id, name string, f *os.File) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("%q is no container ID", id)
	}
	if err := unix.Mkdirat(int(d.root.Fd()), id, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	box, err := d.box(id)
	if err != nil {
		return err
	}
	defer func() { _ = box.Close() }()
	own := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	return unix.Linkat(unix.AT_FDCWD, own, int(box.Fd()), name, unix.AT_SYMLINK_FOLLOW)
}

func (d *Dir) unlink(id, name string) error {
	box, err := d.box(id)
	if err != nil {
		return err
	}
	defer func() { _ = box.Close() }()
	return unix.Unlinkat(int(box.Fd()), name, 0)
}

// remove removes the directory of a container that has no links, if nothing of others
// is in it.
func (d *Dir) remove(id string) {
	if idPattern.MatchString(id) {
		_ = d.unlink(id, aboutName)
		_ = d.unlink(id, newAboutName)
		_ = unix.Unlinkat(int(d.root.Fd()), id, unix.AT_REMOVEDIR)
	}
}

func (d *Dir) stat(id, name string) (st unix.Stat_t, err error) {
	box, err := d.box(id)
	if err != nil {
		return st, err
	}
	defer func() { _ = box.Close() }()
	err = unix.Fstatat(int(box.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// open opens a link. Anything but a regular file is none of ours.
func (d *Dir) open(id, name string) (*os.File, error) {
	box, err := d.box(id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = box.Close() }()
	path := filepath.Join(d.path, id, name)
	fd, err := unix.Openat(int(box.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return f, nil
}

// names lists a directory's names, sorted; those that are not ours apart.
func names(dir *os.File, ours func(string) bool) (out, others []string, err error) {
	all, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range all {
		if ours(name) {
			out = append(out, name)
		} else {
			others = append(others, name)
		}
	}
	slices.Sort(out)
	slices.Sort(others)
	return out, others, nil
}
