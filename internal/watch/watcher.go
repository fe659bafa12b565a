package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Waker is told that a log must be looked at. Its methods are called on the
// watcher's goroutine and must not block.
type Waker interface {
	// Rotated is called when the directory of the log has a new live file, or
	// is gone.
	Rotated()
	// Written is called once after Arm when the live file has changed.
	Written()
}

// Watcher wakes the owners of logs. It holds the process's only inotify
// instance: their number is limited per user, for all containers together.
//
// A log has two watches. That on its directory stays and tells of rotation
// only, so that a file is opened before rotation deletes it. That on the live
// file is for one event: while a log is written it is polled, which costs one
// system call per interval instead of one event per line, and armed again when
// it has become quiet.
type Watcher struct {
	file *os.File
	fd   int
	// mu guards the maps. It is held while a watch is added or removed and while events are
	// looked up: the first event of a new watch comes before its number is known, and the
	// kernel gives one number to all who watch a directory, which one who leaves must not
	// remove from under one who comes. It is held over no reading: only over these calls, and
	// a look whether a directory that is waited for was made meanwhile.
	mu    sync.Mutex
	dirs  map[int]*directory
	files map[int]*Watch
	stats Stats
}

// Stats count what the watcher has to do.
type Stats struct {
	// Watches there are now, of directories and of files.
	Watches int
	// Events were read so far, and Overflows of the queue were among them.
	Events, Overflows uint64
}

// Watch is the pair of watches of one log.
type Watch struct {
	w     *Watcher
	waker Waker
	// path is that of the live file, and live the name that is waited for in the
	// directory that is watched: the file's, or that of its directory while there
	// is none.
	path, live string
	dir        int
	// file is the descriptor of the armed one-shot watch, -1 when there is none.
	file int
}

const (
	// appeared are the events of a name that has come into a directory.
	appeared  = unix.IN_CREATE | unix.IN_MOVED_TO
	dirEvents = appeared | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF |
		unix.IN_DONT_FOLLOW
	fileEvents = unix.IN_MODIFY | unix.IN_ONESHOT | unix.IN_DONT_FOLLOW
)

// New makes the inotify instance. Without one everything has to be polled, which
// a nil Watcher stands for.
func New() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	switch {
	case errors.Is(err, unix.EMFILE):
		return nil, fmt.Errorf("cannot make an inotify instance (raise the sysctl fs.inotify.max_user_instances): %w", err)
	case err != nil:
		return nil, fmt.Errorf("cannot make an inotify instance: %w", err)
	}
	return &Watcher{
		// Non-blocking, so reads wait in the runtime's poller: no thread, and Close ends them.
		file:  os.NewFile(uintptr(fd), "inotify"),
		fd:    fd,
		dirs:  make(map[int]*directory),
		files: make(map[int]*Watch),
	}, nil
}

// Add watches the directory of a live log file, or the one above that until there
// is one: the local driver makes its own when the container starts. The error wraps
// unix.ENOSPC when the limit of watches is reached; such a log has to be polled.
func (w *Watcher) Add(live string, waker Waker) (*Watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	watch := &Watch{w: w, waker: waker, path: live, file: -1}
	if err := watch.find(); err != nil {
		return nil, err
	}
	return watch, nil
}

// localDir is the directory within that of the container which the local driver
// makes. Everything else that is missing was removed.
const localDir = "local-logs"

// find watches the directory that tells of the live file first. The lock is held.
func (t *Watch) find() error {
	dir := filepath.Dir(t.path)
	err := t.look(dir, filepath.Base(t.path))
	if !errors.Is(err, unix.ENOENT) || filepath.Base(dir) != localDir {
		return err
	}
	if t.look(filepath.Dir(dir), filepath.Base(dir)) != nil {
		return err
	}
	if _, err := os.Lstat(dir); err == nil {
		t.forget() // made meanwhile
		return t.look(dir, filepath.Base(t.path))
	}
	return nil
}

// look watches a directory for a name. The lock is held.
func (t *Watch) look(dir, name string) error {
	wd, err := t.w.watch(dir, dirEvents, t)
	if err != nil {
		return err
	}
	t.dir, t.live = wd, name
	return nil
}

// forget removes the directory watch; the lock is held.
func (t *Watch) forget() { t.w.leave(t.dir, t) }

// tell implements watcher: it goes on to the live file's own directory when that
// has been made.
func (t *Watch) tell(mask uint32, name string) func() {
	if name != "" && (name != t.live || mask&appeared == 0) {
		return nil
	}
	if name != "" && t.waits() {
		t.follow()
	}
	return t.waker.Rotated
}

// lost implements watcher.
func (t *Watch) lost() func() {
	if t.waits() {
		t.follow()
	}
	return t.waker.Rotated
}

// waits tells that the live file's directory is waited for.
func (t *Watch) waits() bool { return t.live != filepath.Base(t.path) }

func watchError(path string, err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("cannot watch %s (raise the sysctl fs.inotify.max_user_watches): %w", path, err)
	}
	return fmt.Errorf("cannot watch %s: %w", path, err)
}

// Arm makes the next change of the live file call Written once. The caller
// must look at the file again afterwards: what changed before is not told.
func (t *Watch) Arm(path string) error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(t.w.fd, path, fileEvents)
	if err != nil {
		return watchError(path, err)
	}
	if t.file != wd {
		t.disarm()
	}
	t.file = wd
	t.w.files[wd] = t
	return nil
}

// disarm removes the file watch; the lock is held.
func (t *Watch) disarm() {
	if t.file >= 0 {
		delete(t.w.files, t.file)
		// It may have fired in this moment, and is gone then.
		_, _ = unix.InotifyRmWatch(t.w.fd, uint32(t.file)) //nolint:gosec // descriptors are not negative here
		t.file = -1
	}
}

// Close removes both watches.
func (t *Watch) Close() {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.disarm()
	t.forget()
}

// Stats returns them.
func (w *Watcher) Stats() Stats {
	if w == nil {
		return Stats{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.stats
	out.Watches = len(w.dirs) + len(w.files)
	return out
}

// Run reads events until ctx is done, and then closes the instance. It returns
// nil then, and an error when inotify fails.
func (w *Watcher) Run(ctx context.Context) error {
	if w == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = w.file.Close() })
	defer stop()
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read inotify events: %w", err)
		}
		w.dispatch(buf[:n])
	}
}

func (w *Watcher) dispatch(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		wd := int(int32(binary.NativeEndian.Uint32(events))) //nolint:gosec // the kernel's field is signed
		mask := binary.NativeEndian.Uint32(events[4:])
		size := int(binary.NativeEndian.Uint32(events[12:]))
		name := events[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+size]
		events = events[unix.SizeofInotifyEvent+size:]
		w.event(wd, mask, strings.TrimRight(string(name), "\x00"))
	}
}

func (w *Watcher) event(wd int, mask uint32, name string) {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		w.overflow()
		return
	}
	w.mu.Lock()
	w.stats.Events++
	if t := w.files[wd]; t != nil {
		// The kernel has removed a one-shot watch with its first event.
		delete(w.files, wd)
		t.file = -1
		w.mu.Unlock()
		t.waker.Written()
		return
	}
	told := w.tell(wd, mask, name)
	w.mu.Unlock()
	for _, f := range told {
		f()
	}
}

// follow goes on from the directory above to the live file's own, which has
// been made. What is there by then is found by the look that Rotated is. The lock
// is held.
func (t *Watch) follow() {
	above := t.dir
	if t.find() == nil && t.dir != above {
		t.w.leave(above, t)
	}
}

// overflow wakes everybody: the kernel has dropped events, and does not say which.
func (w *Watcher) overflow() {
	w.mu.Lock()
	w.stats.Overflows++
	told := w.lost()
	w.mu.Unlock()
	for _, f := range told {
		f()
	}
}
