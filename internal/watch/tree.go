package watch

import (
	"golang.org/x/sys/unix"
)

// DirWatch tells of everything that happens to the files of one directory, for as
// long as it stands. It is for files that are written at a bounded rate of events,
// as journald does: it maps its files into memory, and tells of what it has written
// four times a second at most.
type DirWatch struct {
	w       *Watcher
	wd      int
	changed func(names bool)
}

const (
	nameEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	treeEvents = nameEvents | unix.IN_MODIFY
)

// AddDir watches a directory. changed is called on the watcher's goroutine when a
// file in it is written to, or, with names set, made, renamed or deleted; also when
// events were lost. The error wraps unix.ENOSPC when the limit of watches is reached.
func (w *Watcher) AddDir(dir string, changed func(names bool)) (*DirWatch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &DirWatch{w: w, changed: changed}
	var err error
	d.wd, err = w.watch(dir, treeEvents, d)
	return d, err
}

// Close removes the watch.
func (d *DirWatch) Close() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.w.leave(d.wd, d)
	return nil
}

// Gone tells that nothing will be told any more: the directory was deleted.
func (d *DirWatch) Gone() bool {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return d.w.dirs[d.wd] == nil
}

func (d *DirWatch) tell(mask uint32, _ string) func() {
	const gone = unix.IN_IGNORED | unix.IN_UNMOUNT
	return func() { d.changed(mask&(gone|nameEvents) != 0) }
}

func (d *DirWatch) lost() func() { return func() { d.changed(true) } }
