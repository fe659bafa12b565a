package watch

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// directory is one watched directory: the logs in it, and whoever else wants to
// hear of it. The kernel has one watch for all of them.
type directory struct{ watchers []watcher }

// watcher is told what happens in a directory. Both methods are called with the
// Watcher's lock held, and return what is to be called without it, or nil.
type watcher interface {
	// tell is told of a name; the empty one stands for the directory itself, which
	// is gone.
	tell(mask uint32, name string) func()
	// lost is told that events were dropped.
	lost() func()
}

// watch watches a directory for events, besides those it is watched for already. The
// lock is held.
func (w *Watcher) watch(path string, events uint32, who watcher) (wd int, err error) {
	wd, err = unix.InotifyAddWatch(w.fd, path, events|unix.IN_ONLYDIR|unix.IN_MASK_ADD)
	if err != nil {
		return 0, watchError(path, err)
	}
	d := w.dirs[wd]
	if d == nil {
		d = new(directory)
		w.dirs[wd] = d
	}
	if !slices.Contains(d.watchers, who) {
		d.watchers = append(d.watchers, who)
	}
	return wd, nil
}

// leave ends the watch of a directory, unless it is somebody else's too. The lock
// is held.
func (w *Watcher) leave(wd int, who watcher) {
	d := w.dirs[wd]
	if d == nil || !slices.Contains(d.watchers, who) {
		return
	}
	d.watchers = slices.DeleteFunc(d.watchers, func(other watcher) bool { return other == who })
	if len(d.watchers) > 0 {
		return
	}
	delete(w.dirs, wd)
	// The directory may be gone, and the watch with it.
	_, _ = unix.InotifyRmWatch(w.fd, uint32(wd)) //nolint:gosec // descriptors are not negative
}

// tell passes an event of a directory on. The lock is held; what is returned is to
// be called without it.
func (w *Watcher) tell(wd int, mask uint32, name string) (told []func()) {
	d := w.dirs[wd]
	if d == nil {
		return nil
	}
	if mask&unix.IN_IGNORED != 0 {
		delete(w.dirs, wd)
	}
	// A copy: whoever is told may leave.
	for _, who := range slices.Clone(d.watchers) {
		if f := who.tell(mask, name); f != nil {
			told = append(told, f)
		}
	}
	return told
}

// lost tells everybody that events were dropped, once. The lock is held.
func (w *Watcher) lost() (told []func()) {
	everybody := make(map[watcher]bool)
	for _, d := range w.dirs {
		for _, who := range d.watchers {
			everybody[who] = true
		}
	}
	for _, who := range slices.Collect(maps.Keys(everybody)) {
		if f := who.lost(); f != nil {
			told = append(told, f)
		}
	}
	return told
}

// dirWatch is a watch of a directory for what is in it.
type dirWatch struct {
	wd   int
	told func(name string)
}

func (t *dirWatch) tell(_ uint32, name string) func() { return func() { t.told(name) } }

func (t *dirWatch) lost() func() { return func() { t.told("") } }

// WatchDir calls told with every name that appears in a directory or is deleted
// there, and with the empty name when the directory itself may be gone or events
// were lost. It is called on the watcher's goroutine and must not block. The
// function returned ends that; told may be under way then. The error wraps
// unix.ENOSPC when the limit of watches is reached.
func (w *Watcher) WatchDir(path string, told func(name string)) (end func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := &dirWatch{told: told}
	if t.wd, err = w.watch(path, dirEvents, t); err != nil {
		return nil, err
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leave(t.wd, t)
	}, nil
}
