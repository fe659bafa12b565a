package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The state directory is written to, often by root, so nobody else may put anything
// into it: a symbolic link there would have another file overwritten, and a pipe
// would be waited for. Besides, nothing is opened that is not a regular file of
// this user's or of root's, and nothing that is there is written over.

// ErrRefused says that a state directory, or a file in it, is to be mended by hand
// before it is used.
var ErrRefused = errors.New("it would not be safe")

// refusal is ErrRefused with the reason and the cure.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// Is makes it an ErrRefused.
func (r *refusal) Is(target error) bool { return target == ErrRefused }

func refused(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...)}
}

// checkDir makes the directory, if there is none, and finds out whether it is ours
// alone. A symbolic link to it is fine when it is root's, as systemd makes one for
// its dynamic users, or ours.
func checkDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	path, err := resolved(path)
	if err != nil {
		return err
	}
	dir, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return err
	}
	switch {
	case !trusted(st.Uid):
		return refused("it belongs to user %d: give it to this user (chown -R %d %s)", st.Uid, os.Geteuid(), path)
	case st.Mode&0o022 != 0:
		if st.Mode&unix.S_ISVTX != 0 { // like /tmp, which is meant to be so
			return refused("it is for everybody: choose a directory that only lighterman's user may write to")
		}
		return refused("others may write to it: take that away (chmod go-w %s)", path)
	}
	return nil
}

// resolved follows symbolic links at the end of a path, if nobody else can have made
// them.
func resolved(path string) (string, error) {
	const most = 8
	for range most {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return "", &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			return path, nil
		}
		if !trusted(st.Uid) {
			return "", refused("%s is a symbolic link of user %d: remove it", path, st.Uid)
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", refused("%s is one of too many symbolic links", path)
}

// trusted reports whether what a user owns may be used: this user and root.
func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// openOwn opens a file of the state directory that is there already.
func openOwn(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, refused("%s is a symbolic link: remove it", path)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil {
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFREG:
			err = refused("%s is not a regular file: remove it", path)
		case !trusted(st.Uid):
			err = refused("%s belongs to user %d: remove it, or give it to this user (chown %d %s)", path, st.Uid, os.Geteuid(), path)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// create makes a file anew. What had its name, whatever it was, is not written to.
func create(path string, flags int) (*os.File, error) {
	if err := unix.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	return os.OpenFile(path, flags|os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
}

// readOwn reads a file of at most limit bytes.
func readOwn(path string, limit int64) ([]byte, error) {
	f, err := openOwn(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("it is larger than %d MiB, which lighterman never writes", limit>>20)
	}
	data := make([]byte, info.Size())
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data[:n], err
}

// Probe tries whether a state directory could be opened, without making it. It says
// nothing of whether another process uses it.
func Probe(dir string) error {
	switch _, err := os.Lstat(dir); {
	case err == nil:
		return prepare(dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	above := filepath.Dir(filepath.Clean(dir))
	for {
		err := unix.Access(above, unix.W_OK|unix.X_OK)
		if !errors.Is(err, unix.ENOENT) || above == filepath.Dir(above) {
			if err != nil {
				return fmt.Errorf("it cannot be made in %s: %w", above, err)
			}
			return nil
		}
		above = filepath.Dir(above)
	}
}
