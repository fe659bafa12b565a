package hold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Without says why there are no links although there should be some.
func (h *Hold) Without(err error) {
	h.linkMade(err)
}

// linkMade notes how the last link went, and says so when that has changed.
func (h *Hold) linkMade(err error) {
	err = explain(err)
	switch changed := h.note(err); {
	case !changed:
	case err == nil:
		h.config.Log.Info("hold-dir is in use: live logs survive rotation, removal and restarts of lighterman", "hold_dir", h.config.Dir.path)
	default:
		h.config.Log.Warn("cannot use hold-dir: what Docker deletes while lighterman is not running is lost",
			"error", err)
	}
}

// note notes it, and reports whether that has changed.
func (h *Hold) note(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.problem
	h.problem = err
	if err == nil {
		changed = before != nil || !h.worked
		h.worked = true
		return changed
	}
	h.failures++
	return before == nil || before.Error() != err.Error()
}

// cures says what to do about the errors of a link.
var cures = []struct {
	errno unix.Errno
	cure  string
}{
	{unix.EXDEV, "a hard link cannot leave its file system, nor its mount: put hold-dir below Docker's data directory, " +
		"outside containers; in a container let both come from one mount"},
	{unix.EPERM, "the kernel (fs.protected_hardlinks) lets only a file's owner link it, or the file system has no hard links: run as root"},
	{unix.EACCES, "hold-dir or the log is not accessible: run as root"},
	{unix.EROFS, "the mount is read-only: mount Docker's data directory writable"},
	{unix.ENOSPC, "the file system is full"},
	{unix.EDQUOT, "the quota is used up"},
	{unix.EMLINK, "the file has too many links"},
}

// explain adds the cure to an error.
func explain(err error) error {
	for _, c := range cures {
		if errors.Is(err, c.errno) {
			return fmt.Errorf("%w: %s", c.errno, c.cure)
		}
	}
	return err // also nil
}

// Probe tries whether the logs below a containers directory can be linked to a
// directory, or to where it would be made: with the first log there is, whose
// link is removed again. It returns false when there is no log to try it with.
func Probe(path, containers string) (tried bool, err error) {
	dir, err := nearest(path)
	if err != nil {
		return true, explain(err)
	}
	defer func() { _ = dir.Close() }()
	paths, err := filepath.Glob(filepath.Join(containers, "*", "*-json.log"))
	if err != nil {
		return true, err
	}
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		err = probe(dir, f)
		_ = f.Close()
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		return true, explain(err)
	}
	return false, nil
}

// nearest opens the directory at a path, or the nearest one above.
func nearest(path string) (*os.File, error) {
	for {
		dir, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if !errors.Is(err, unix.ENOENT) || path == filepath.Dir(path) {
			return dir, err
		}
		path = filepath.Dir(path)
	}
}

func probe(dir, f *os.File) error {
	name := fmt.Sprint(".lighterman-probe-", os.Getpid())
	own := fmt.Sprint("/proc/self/fd/", f.Fd())
	if err := unix.Linkat(unix.AT_FDCWD, own, int(dir.Fd()), name, unix.AT_SYMLINK_FOLLOW); err != nil {
		return err
	}
	return unix.Unlinkat(int(dir.Fd()), name, 0)
}
