package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/journalfile"
)

// machineDir is the name of a directory of journals: the machine's ID, and the
// name of a journal namespace, if it has one.
var machineDir = regexp.MustCompile(`^[0-9a-f]{32}(\.[^/]+)?$`)

// found is a name of a journal file.
type found struct {
	path string
	id   identity
	// live is set when journald writes to the file, by its name: archived ones have
	// a number in it, and those that it did not close in order a tilde.
	live bool
}

type identity struct{ device, inode uint64 }

func identify(info os.FileInfo) identity {
	if st, ok := info.Sys().(*syscall.Stat_t); ok { // always so on Linux
		return identity{st.Dev, st.Ino}
	}
	return identity{}
}

// dirs returns the directories that may hold journals: those set, and those within
// that have the name of a machine.
func (j *Journal) dirs() (all []string, err error) {
	for _, dir := range j.config.Dirs {
		entries, failed := os.ReadDir(dir)
		if errors.Is(failed, fs.ErrNotExist) {
			continue
		}
		if failed != nil {
			err = failed
			continue
		}
		all = append(all, dir)
		for _, e := range entries {
			if e.IsDir() && machineDir.MatchString(e.Name()) {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all, err
}

// list returns the journal files of directories.
func list(dirs []string) (all []found, err error) {
	for _, dir := range dirs {
		entries, failed := os.ReadDir(dir)
		if failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			err = failed
		}
		for _, e := range entries {
			name := e.Name()
			closed := strings.HasSuffix(name, ".journal~")
			if !e.Type().IsRegular() || !closed && !strings.HasSuffix(name, ".journal") {
				continue
			}
			info, failed := e.Info()
			if failed != nil {
				continue // gone meanwhile
			}
			all = append(all, found{filepath.Join(dir, name), identify(info), !closed && !strings.Contains(name, "@")})
		}
	}
	return all, err
}

// file is an open journal file.
type file struct {
	*journalfile.File
	content *os.File
	id      identity
	// path and what follows are guarded by the journal's mu: live says that journald writes to
	// the file, and present that it has a name in the directories.
	path          string
	refs          int
	live, present bool
	// abandoned is set when the file is given up, because it was deleted and is too large.
	abandoned bool
}

// openFile opens a journal file that has one reference.
func openFile(n found) (*file, error) {
	content, err := os.OpenFile(n.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := content.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", n.path)
	}
	var parsed *journalfile.File
	if err == nil {
		parsed, err = journalfile.Open(content)
	}
	if err != nil {
		_ = content.Close()
		return nil, fmt.Errorf("cannot read %s: %w", n.path, err)
	}
	return &file{File: parsed, content: content, id: identify(info), path: n.path, refs: 1, live: n.live, present: true}, nil
}

// most is how many entries the file has room for.
func (f *file) most() uint64 {
	const leastEntry = 64
	info, err := f.content.Stat()
	if err != nil {
		return 0
	}
	return uint64(info.Size()) / leastEntry //nolint:gosec // not negative
}
