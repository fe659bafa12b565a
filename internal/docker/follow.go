package docker

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Events calls changed with the ID of each container whose directory appears or
// goes, or of which the engine has written anew what it knows. It calls
// subscribed once when nothing that happens from then on is missed. It blocks
// until ctx is done or the directory of all containers is gone, and always returns
// an error.
func (d *Directory) Events(ctx context.Context, subscribed func(), changed func(id string)) error {
	f := newFollower(d)
	defer f.close()
	var err error
	if f.path, err = containersOf(d.root); err != nil {
		return d.noList(err)
	}
	before, err := identify(f.path)
	if err != nil {
		return d.noList(err)
	}
	end, err := f.watchDir(f.path, f.told)
	if err != nil {
		return d.noList(err)
	}
	if end != nil {
		defer end()
	}
	ids, _, err := d.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		f.watch(id)
	}
	subscribed()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		var tick <-chan time.Time // only if there is something to look at
		if end == nil || len(f.polled) > 0 {
			tick = ticker.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
			if err := f.poll(ctx, end == nil); err != nil {
				return err
			}
		case <-f.wake:
		}
		path, err := containersOf(d.root)
		if err != nil {
			return d.noList(err)
		}
		if now, err := identify(path); err != nil {
			return d.noList(err)
		} else if now != before || path != f.path {
			return errors.New("cannot follow the containers: their directory was replaced")
		}
		if err := f.pass(ctx, changed); err != nil {
			return err
		}
	}
}

// follower watches the directories of all containers.
type follower struct {
	directory *Directory
	// path is that of all containers, without links.
	path string
	wake chan struct{}

	// mu guards the two fields below, which the watcher's goroutine writes.
	mu    sync.Mutex
	dirty map[string]bool
	// all tells that any container may have changed.
	all bool

	// watched has what ends the watch of a container's directory, nil where there
	// is none. It belongs to the goroutine of Events.
	watched map[string]func()
	// polled has what was seen last of the containers that are not watched.
	polled map[string]seen
	// complained tells that a directory that cannot be watched was reported.
	complained bool
}

// pollInterval is how often is looked at what cannot be watched.
const pollInterval = time.Second

// seen is the state of a file of the engine's, which it replaces to change it.
type seen struct {
	inode         uint64
	size          int64
	written, made int64
}

func look(path string) seen {
	var stat unix.Stat_t
	if unix.Lstat(path, &stat) != nil {
		return seen{}
	}
	return seen{stat.Ino, stat.Size, stat.Mtim.Nano(), stat.Ctim.Nano()}
}

func newFollower(d *Directory) *follower {
	return &follower{directory: d, wake: make(chan struct{}, 1), dirty: make(map[string]bool),
		watched: make(map[string]func()), polled: make(map[string]seen)}
}

// watchDir watches a directory; end is nil when it has to be polled. The error says that
// there is none.
func (f *follower) watchDir(path string, told func(name string)) (end func(), err error) {
	if f.directory.watcher == nil {
		_, err := identify(path)
		return nil, err
	}
	end, err = f.directory.watcher.WatchDir(path, told)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return end, err
	case !f.complained:
		f.complained = true
		f.directory.log.Warn("cannot watch the directory of containers, looking at it once a second instead", "error", err)
	}
	return nil, nil
}

// poll looks for changes of what is not watched, of all containers' directory with all set.
func (f *follower) poll(ctx context.Context, all bool) error {
	if all {
		ids, _, err := f.directory.List(ctx)
		if err != nil {
			return err
		}
		there := make(map[string]bool, len(ids))
		for _, id := range ids {
			there[id] = true
			if _, known := f.watched[id]; !known {
				f.note(id)
			}
		}
		for id := range f.watched {
			if !there[id] {
				f.note(id)
			}
		}
	}
	for id, before := range f.polled {
		if now := look(f.config(id)); now != before {
			f.polled[id] = now
			f.note(id)
		}
	}
	return nil
}

// config is the path of what the engine knows of a container.
func (f *follower) config(id string) string { return filepath.Join(f.path, id, configFile) }

// told is told of the directory of all containers.
func (f *follower) told(name string) {
	if name == "" || isID(name) {
		f.note(name)
	}
}

// note notes that a container may have changed; the empty name stands for all.
func (f *follower) note(id string) {
	f.mu.Lock()
	if id == "" {
		f.all = true
	} else {
		f.dirty[id] = true
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// watch watches a container's directory for what the engine knows of it. A log in
// there has a watch of its own, which is the same for the kernel.
func (f *follower) watch(id string) {
	if f.watched[id] != nil {
		return
	}
	end, err := f.watchDir(filepath.Join(f.path, id), func(name string) {
		if name == "" || name == configFile {
			f.note(id)
		}
	})
	if err != nil {
		return
	}
	if delete(f.polled, id); end == nil {
		f.polled[id] = look(f.config(id))
	}
	f.watched[id] = end
}

// pass passes on what has changed. A directory is watched before it is read, so
// what is written meanwhile is told again.
func (f *follower) pass(ctx context.Context, changed func(id string)) error {
	f.mu.Lock()
	dirty, all := f.dirty, f.all
	f.dirty, f.all = make(map[string]bool), false
	f.mu.Unlock()
	if all {
		ids, _, err := f.directory.List(ctx)
		if err != nil {
			return err
		}
		for _, id := range slices.Concat(ids, slices.Collect(maps.Keys(f.watched))) {
			dirty[id] = true
		}
	}
	for id := range dirty {
		if _, err := identify(filepath.Join(f.path, id)); errors.Is(err, fs.ErrNotExist) {
			f.leave(id)
		} else {
			f.watch(id)
		}
		changed(id)
	}
	return nil
}

// leave ends the watch of a container that is gone.
func (f *follower) leave(id string) {
	if end := f.watched[id]; end != nil {
		end()
	}
	delete(f.watched, id)
	delete(f.polled, id)
}

func (f *follower) close() {
	for id := range f.watched {
		f.leave(id)
	}
}
