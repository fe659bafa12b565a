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
	var retry bool
	var opened []*file
	for _, n := range j.unopened(names) {
		switch f, failed := openFile(n); {
		case failed == nil:
			opened = append(opened, f)
		case n.live:
			err = errors.Join(err, failed)
			retry = true
		default:
			j.warnArchived(failed)
		}
	}

	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		closeAll(opened)
		return
	}
	j.scans.last, j.seen.unwatched, j.seen.retry = time.Now(), unwatched, retry
	j.seen.missing = len(dirs) < len(j.config.Dirs)
	j.seen.broken = err
	present := make(map[identity]found, len(names))
	j.archived = make([]found, 0, len(names))
	for _, n := range names {
		present[n.id] = n
		if !n.live {
			j.archived = append(j.archived, n)
		}
	}
	unused := j.leaveGone(present, failed == nil)
	var wake []func()
	for _, f := range opened {
		unused = append(unused, j.handOut(f, &wake)...)
	}
	j.mu.Unlock()
	closeAll(unused)
	for _, f := range wake {
		f()
	}
	j.enforce()
}

// unopened are the files that are new to the logs: those that are live, and what was live
// between two looks. Where several were made since the last look, only the newest is live.
// At the first look there is no log yet.
func (j *Journal) unopened(names []found) (out []found) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range names {
		archived := !n.live && (j.archived == nil || slices.Contains(j.archived, n))
		if !archived && j.files[n.id] == nil {
			out = append(out, n)
		}
	}
	return out
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

// leaveGone notes what has become of the files known, and returns those that nobody needs
// any more. The lock is held.
func (j *Journal) leaveGone(present map[identity]found, sure bool) (unused []*file) {
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
		if wasLive && !f.live && j.release(f) { // nothing will be written to it any more
			unused = append(unused, f)
		}
	}
	return unused
}

// handOut gives a file to all logs, unless it is known by now, and adds whom to wake. One
// that is live stays open. It returns what is to be closed. The lock is held.
func (j *Journal) handOut(f *file, wake *[]func()) (unused []*file) {
	if j.files[f.id] != nil { // opened, or renamed, meanwhile
		return []*file{f}
	}
	j.files[f.id] = f
	for l := range j.logs {
		f.refs++
		l.pending = append(l.pending, f)
		if s := j.asleep[l]; s != nil {
			delete(j.asleep, l)
			*wake = append(*wake, s.wake)
		}
	}
	if !f.live && j.release(f) {
		return []*file{f}
	}
	return nil
}

// warnArchived logs that an archived file cannot be opened, once.
func (j *Journal) warnArchived(err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	j.mu.Lock()
	known := j.failed == err.Error()
	j.failed = err.Error()
	j.mu.Unlock()
	if !known {
		j.config.Log.Warn("cannot read an archived journal", "error", err)
	}
}

// release gives back a reference, and reports whether the file is to be closed. The lock is
// held.
func (j *Journal) release(f *file) (unused bool) {
	if f.refs--; f.refs > 0 {
		return false
	}
	if j.files[f.id] == f {
		delete(j.files, f.id)
	}
	return true
}

// giveBack gives back a reference to each of the files.
func (j *Journal) giveBack(files ...*file) {
	var unused []*file
	j.mu.Lock()
	for _, f := range files {
		if j.release(f) {
			unused = append(unused, f)
		}
	}
	j.mu.Unlock()
	closeAll(unused)
}

func closeAll(files []*file) {
	for _, f := range files {
		_ = f.content.Close()
	}
}

// enforce gives up deleted files beyond what may be held, the one that was written
// to longest ago first. The lock of scans is held.
func (j *Journal) enforce() {
	if j.config.HoldBytes == 0 {
		return
	}
	type deleted struct {
		file *file
		info fs.FileInfo
	}
	var all []deleted
	var held int64
	for _, f := range j.deleted() {
		info, err := f.content.Stat() // it may have been closed meanwhile
		if err == nil && !isLinked(info) {
			all = append(all, deleted{f, info})
			held += info.Size()
		}
	}
	slices.SortFunc(all, func(a, b deleted) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, oldest := range all {
		if held <= j.config.HoldBytes {
			return
		}
		held -= oldest.info.Size()
		j.mu.Lock()
		oldest.file.abandoned = true
		path := oldest.file.path
		j.mu.Unlock()
		j.config.Log.Warn("gave up a deleted journal file before it was read to its end: raise hold-bytes", "file", path)
	}
}

// deleted are the open files that have no name any more, and were not given up.
func (j *Journal) deleted() (out []*file) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		if !f.present && !f.abandoned {
			out = append(out, f)
		}
	}
	return out
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
