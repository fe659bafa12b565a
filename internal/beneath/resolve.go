package beneath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links may be on a way, as for the kernel.
const maxLinks = 40

// Resolve returns where a path leads: the same place by a path without links. All that are
// on the way must be root's or our own, in directories that nobody else can write to.
func Resolve(given string) (string, error) {
	path, err := filepath.Abs(given)
	if err != nil {
		return "", err
	}
	at, rest := "/", strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			return "", &os.PathError{Op: "open", Path: given, Err: errors.Unwrap(err)}
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", &os.PathError{Op: "resolve", Path: path, Err: unix.ELOOP}
		}
		if err := trust(next, info); err != nil {
			return "", err
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// trust tells why a link is not to be followed, or nothing.
func trust(link string, info os.FileInfo) error {
	dir := filepath.Dir(link)
	above, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case !ours(info):
		return fmt.Errorf("%s is a symbolic link that is not root's, and is not followed (chown -h root it, or name the place that it leads to)", link)
	case !ours(above) || above.Mode()&0o022 != 0:
		return fmt.Errorf("%s is a symbolic link in a directory that others may write to, and is not followed (chown root and chmod go-w %s, or name the place that it leads to)", link, dir)
	}
	return nil
}

// ours tells whether something belongs to root, or to who we are.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}
