package docker

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// Events calls changed with the ID of each container whose directory appears or
// goes, or of which the engine has written anew what it knows. It calls
// subscribed once when nothing that happens from then on is missed. It blocks
// until ctx is done or the directory of all containers is gone, and always returns
// an error.
func (d *Directory) Events(ctx context.Context, subscribed func(), changed func(id string)) error {
	f := &follower{directory: d, wake: make(chan struct{}, 1), dirty: make(map[string]bool), watched: make(map[string]func())}
	defer f.close()
	before, err := identify(d.path)
	if err != nil {
		return d.noList(err)
	}
	end, err := d.watcher.WatchDir(d.path, f.told)
	if err != nil {
		return d.noList(err)
	}
	defer end()
	ids, err := d.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		f.watch(id)
	}
	subscribed()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.wake:
		}
		if now, err := identify(d.path); err != nil {
			return d.noList(err)
		} else if now != before {
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
	wake      chan struct{}

	// mu guards the two fields below, which the watcher's goroutine writes.
	mu    sync.Mutex
	dirty map[string]bool
	// all tells that any container may have changed.
	all bool

	// watched has what ends the watch of a container's directory, nil where there
	// is none. It belongs to the goroutine of Events.
	watched map[string]func()
	// complained tells that a directory that cannot be watched was reported.
	complained bool
}

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
	end, err := f.directory.watcher.WatchDir(filepath.Join(f.directory.path, id), func(name string) {
		if name == "" || name == configFile {
			f.note(id)
		}
	})
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		return
	case !f.complained:
		f.complained = true
		f.directory.log.Warn("containers cannot be watched, their changes are seen late", "error", err)
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
		ids, err := f.directory.List(ctx)
		if err != nil {
			return err
		}
		for _, id := range slices.Concat(ids, slices.Collect(maps.Keys(f.watched))) {
			dirty[id] = true
		}
	}
	for id := range dirty {
		if _, err := identify(filepath.Join(f.directory.path, id)); errors.Is(err, fs.ErrNotExist) {
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
}

func (f *follower) close() {
	for id := range f.watched {
		f.leave(id)
	}
}
