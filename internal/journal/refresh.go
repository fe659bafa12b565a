package journal

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"time"
)

// How old a look at the directories may be where nothing reports changes, and
// where one of them is missing: journald's own moves from one to the other are reported
// by the other.
const (
	rescan        = time.Second
	rescanMissing = 10 * time.Second
)

// refresh looks at the directories if that is needed.
func (j *Journal) refresh() {
	j.scans.Lock()
	defer j.scans.Unlock()
	j.mu.Lock()
	uncertain, missing := j.seen.unwatched || j.seen.retry, j.seen.missing
	j.mu.Unlock()
	age := time.Since(j.scans.last)
	if j.scans.last.IsZero() || uncertain && age >= rescan || missing && age >= rescanMissing {
		j.scan()
	}
}

// Look looks at the directories, whatever has been reported of them.
func (j *Journal) Look() {
	j.scans.Lock()
	defer j.scans.Unlock()
	j.scan()
}

// scan learns which files there are. What is new is given to all logs at once: one
// that is not being read, as its container has no room, must not miss a file that
// has come and gone meanwhile.
func (j *Journal) scan() {
	dirs, err := j.dirs()
	unwatched := j.watch(dirs)
	names, failed := list(dirs) // after watching: what is made later is reported
	err = errors.Join(err, failed)

	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.scans.last, j.seen.unwatched, j.seen.retry = time.Now(), unwatched, false
	j.seen.missing = len(dirs) < len(j.config.Dirs)
	present := make(map[identity]found, len(names))
	for _, n := range names {
		present[n.id] = n
	}
	j.leaveGone(present, failed == nil)
	before, first := j.archived, j.archived == nil
	j.archived = make([]found, 0, len(names))
	for _, n := range names {
		if !n.live {
			j.archived = append(j.archived, n)
			if first || len(j.logs) == 0 || slices.Contains(before, n) {
				continue
			}
			// Where several were made since the last look, only the newest is live.
			if failed := j.openNew(n); failed != nil {
				j.warnArchived(failed)
			}
			continue
		}
		if failed := j.openNew(n); failed != nil {
			err = errors.Join(err, failed)
			j.seen.retry = true
		}
	}
	j.seen.broken = err
	j.enforce()
}

// watch watches the directories that are not yet, and reports whether one cannot be.
func (j *Journal) watch(dirs []string) (unwatched bool) {
	if j.config.Watch == nil {
		return true
	}
	present := make(map[string]bool, len(dirs))
	for _, dir := range dirs {
		present[dir] = true
		if before := j.scans.watches[dir]; before != nil && !before.Gone() {
			continue // otherwise another directory has its name by now
		}
		w, err := j.config.Watch(dir, j.changed)
		if err != nil {
			unwatched = true
			if j.scans.unwatched != err.Error() {
				j.scans.unwatched = err.Error()
				j.config.Log.Warn("cannot watch the journal's directory, polling it instead", "error", err)
			}
			continue
		}
		j.scans.watches[dir] = w
	}
	for dir, w := range j.scans.watches {
		if !present[dir] {
			_ = w.Close()
			delete(j.scans.watches, dir)
		}
	}
	return unwatched
}

// leaveGone notes what has become of the files known. The lock is held.
func (j *Journal) leaveGone(present map[identity]found, sure bool) {
	for id, f := range j.files {
		n, is := present[id]
		if !is && !sure {
			continue
		}
		wasLive := f.live
		f.present, f.live = is, is && n.live
		if is {
			f.path = n.path
		}
		if wasLive && !f.live {
			j.release(f) // nothing will be written to it any more
		}
	}
}

// openNew opens a file, unless it is open, and gives it to all logs. One that is live
// stays open. The lock is held.
func (j *Journal) openNew(n found) error {
	if j.files[n.id] != nil {
		return nil
	}
	f, err := openFile(n)
	if err != nil {
		return err
	}
	if j.files[f.id] != nil { // renamed meanwhile
		return f.content.Close()
	}
	j.files[f.id] = f
	for l := range j.logs {
		f.refs++
		l.pending = append(l.pending, f)
		if wake := j.asleep[l]; wake != nil {
			delete(j.asleep, l)
			wake()
		}
	}
	if !f.live {
		j.release(f)
	}
	return nil
}

// warnArchived logs that an archived file cannot be opened, once. The lock is held.
func (j *Journal) warnArchived(err error) {
	if !errors.Is(err, fs.ErrNotExist) && j.failed != err.Error() {
		j.failed = err.Error()
		j.config.Log.Warn("cannot read an archived journal", "error", err)
	}
}

// release gives back a reference; the lock is held.
func (j *Journal) release(f *file) {
	if f.refs--; f.refs == 0 {
		_ = f.content.Close()
		if j.files[f.id] == f {
			delete(j.files, f.id)
		}
	}
}

// enforce gives up deleted files beyond what may be held, the one that was written
// to longest ago first. The lock is held.
func (j *Journal) enforce() {
	for j.config.HoldBytes > 0 {
		var held int64
		var oldest *file
		var when time.Time
		for _, f := range j.files {
			info, err := f.content.Stat()
			if f.present || f.abandoned || err != nil || isLinked(info) {
				continue
			}
			held += info.Size()
			if oldest == nil || info.ModTime().Before(when) {
				oldest, when = f, info.ModTime()
			}
		}
		if held <= j.config.HoldBytes {
			return
		}
		oldest.abandoned = true
		j.config.Log.Warn("gave up a deleted journal file before it was read to its end: raise hold-bytes", "file", oldest.path)
	}
}

// isLinked reports whether a file still has a name, although the last look at the names has
// not shown it: it was renamed at that moment.
func isLinked(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 0
}

// changed is called by the watcher.
func (j *Journal) changed(names bool) {
	j.mu.Lock()
	names = names || j.seen.retry
	j.mu.Unlock()
	if names {
		j.Look()
	}
	j.wake()
}

// wake wakes the logs that have something to read.
func (j *Journal) wake() {
	j.mu.Lock()
	sleeping := make([]*Log, 0, len(j.asleep))
	for l := range j.asleep {
		sleeping = append(sleeping, l)
	}
	j.mu.Unlock()
	for _, l := range sleeping {
		if l.AtEnd() {
			continue
		}
		j.mu.Lock()
		wake := j.asleep[l]
		delete(j.asleep, l)
		j.mu.Unlock()
		if wake != nil {
			wake()
		}
	}
}
