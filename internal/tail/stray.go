package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Why a log is where the engine has not put it, and what to do. Docker's own name for its
// file is read again only when the container starts.
var (
	errRenamed  = errors.New("the log file was renamed by someone other than Docker, as logrotate does without copytruncate: Docker writes on to the renamed file, which is followed; restart the container, and let Docker rotate its log (max-size, max-file)")
	errDeleted  = errors.New("the log file was deleted by someone other than Docker: Docker writes on to the deleted file, which is followed while lighterman runs, and beyond that with hold-dir; restart the container")
	errMissing  = errors.New("the log file was renamed or deleted by someone other than Docker: what Docker writes on to a renamed file is read, and what it writes to a deleted one is lost; restart the container")
	errReplaced = errors.New("the log file was replaced by a copy, as editors and sed -i do: Docker writes on to the old file, which is followed while lighterman runs, and beyond that with hold-dir; restart the container")
)

// strayAfter is how long a log has to be in a state before it is reported: between two
// steps of a rotation, and of a removal, it is there for a moment.
const strayAfter = 2 * time.Second

// stray is what is wrong with the place of a log's file.
type stray struct {
	looked, since time.Time
	what          error
}

// Stray says what somebody else has done to the log's file that the engine does not know
// of; nil when nothing, or when the container was started since and nothing was written to
// the old file: then the engine has the one at the path. It may be called from any goroutine.
func (l *Log) Stray(started time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stray.what == nil || l.closed || len(l.files) == 0 || time.Since(l.stray.since) < strayAfter {
		return nil
	}
	if l.stray.since.Before(started) {
		if info, err := l.files[0].file.Stat(); err != nil || info.ModTime().Before(started) {
			return nil
		}
	}
	return l.stray.what
}

// OffPath reports whether the file being read is not, or not surely, the one at the log's path:
// a watch of that would not show what is written.
func (l *Log) OffPath() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.files) > 1 || l.stray.what != nil
}

// lookForStray is called before every read, and looks now and then. Only the reader's
// goroutine writes looked.
func (l *Log) lookForStray(now time.Time) {
	if l.path == "" || now.Sub(l.stray.looked) < strayAfter/2 {
		return
	}
	info, err := os.Lstat(l.path)
	noDir := false
	if errors.Is(err, fs.ErrNotExist) {
		_, failed := os.Lstat(filepath.Dir(l.path))
		noDir = failed != nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	what := l.strays(info, err, noDir)
	l.stray.looked = now
	if what == nil || l.stray.what == nil {
		l.stray.since = now
	}
	l.stray.what = what
}

// strays says what is wrong with the file being read, given what its path stands for. noDir is
// set when the directory is not there.
func (l *Log) strays(info fs.FileInfo, err error, noDir bool) error {
	if len(l.files) == 0 || !l.live() || l.files[0].held == nil {
		return nil
	}
	g := l.files[0]
	if slices.ContainsFunc(l.files[1:], func(n *generation) bool { return n.outside && !n.compressed }) {
		return errReplaced
	}
	switch {
	case err == nil && identify(info) == g.id:
		g.named = true
		return nil
	case err != nil && (noDir || !errors.Is(err, fs.ErrNotExist)):
		return nil // removed, or nobody knows
	case err == nil && len(l.files) == 1:
		return l.stray.what // as before: the next look opens what is there
	case g.held.Names() == 0:
		return errDeleted
	case !g.named:
		return errMissing // it may be one that rotation has made
	}
	return errRenamed
}
