package agent

import (
	"bytes"
	"context"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/watch"
)

const (
	// lookEvery is how often a file is looked at that nobody may tell of: it is written in
	// place, mounted alone into a container, or on a file system of the network.
	lookEvery = 2 * time.Second
	// settling is how long a file has to stay as it is to be taken for whole.
	settling = 200 * time.Millisecond
)

// fileChanges tells of changes of a file, by whatever way it comes by another content: written in
// place, renamed over, or behind a symbolic link that leads elsewhere now.
type fileChanges struct {
	path string
	// content is the hash of what was told of last.
	content uint64
	seen    glance
	// told has a token when there is another content.
	told chan struct{}
}

// glance is what shows at a glance whether a file was touched.
type glance struct {
	size     int64
	modified time.Time
	info     os.FileInfo
}

func (l glance) same(other glance) bool {
	if l.info == nil || other.info == nil {
		return l.info == nil && other.info == nil
	}
	return l.size == other.size && l.modified.Equal(other.modified) && os.SameFile(l.info, other.info)
}

func lookAt(path string) glance {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return glance{}
	}
	return glance{info.Size(), info.ModTime(), info}
}

var contentSeed = maphash.MakeSeed()

// newChanges makes one, which tells of the content there is at first, too: the file may have
// been changed since it was read.
func newChanges(path string) *fileChanges {
	return &fileChanges{path: path, told: make(chan struct{}, 1)}
}

// run looks after the file until ctx is done. Without a watcher it looks now and then.
func (c *fileChanges) run(ctx context.Context, watcher *watch.Watcher) {
	hints := make(chan struct{}, 1)
	hint := func(string) {
		select {
		case hints <- struct{}{}:
		default:
		}
	}
	ends := make(map[string]func())
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		c.watch(watcher, ends, hint)
		c.check(ctx)
		select {
		case <-hints:
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// watch watches the directories of the file and of what it leads to.
func (c *fileChanges) watch(watcher *watch.Watcher, ends map[string]func(), hint func(string)) {
	if watcher == nil {
		return
	}
	wanted := map[string]bool{filepath.Dir(c.path): true}
	if target, err := filepath.EvalSymlinks(c.path); err == nil {
		wanted[filepath.Dir(target)] = true
	}
	for dir, end := range ends {
		if !wanted[dir] {
			end()
			delete(ends, dir)
		}
	}
	for dir := range wanted {
		if ends[dir] != nil {
			continue
		}
		if end, err := watcher.WatchDir(dir, hint); err == nil {
			ends[dir] = end
		}
	}
}

// check tells of another content, once it stays as it is.
func (c *fileChanges) check(ctx context.Context) {
	now := lookAt(c.path)
	if now.same(c.seen) {
		return
	}
	for {
		select {
		case <-time.After(settling):
		case <-ctx.Done():
			return
		}
		again := lookAt(c.path)
		if again.same(now) {
			break
		}
		now = again
	}
	c.seen = now
	if now.info == nil || now.size > document.MaxSize {
		return // it is about to come back, or nothing that could be loaded
	}
	text, err := os.ReadFile(c.path)
	if err != nil {
		c.seen = glance{}
		return
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return // somebody is about to write it: nobody wants all settings to be gone
	}
	if content := maphash.Bytes(contentSeed, text); content != c.content {
		c.content = content
		select {
		case c.told <- struct{}{}:
		default:
		}
	}
}
