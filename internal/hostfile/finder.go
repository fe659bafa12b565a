package hostfile

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// Section is one of the configuration.
type Section struct {
	// Name is what messages call it, as files[0].
	Name string
	// Paths and Exclude are absolute globs.
	Paths, Exclude []string
	// FollowLinks has links to files followed that nobody else can have made.
	FollowLinks bool
}

// Store keeps positions.
type Store interface {
	IDs() []string
	Get(id string) (checkpoint.Record, bool)
	Inherit(id, from string, change func(*checkpoint.Record))
}

// Watcher tells of names that come and go in directories.
type Watcher interface {
	WatchDir(path string, told func(name string)) (end func(), err error)
}

// Config says which files are found.
type Config struct {
	Sections []Section
	Store    Store
	// Watcher may be nil: then it is looked all the time.
	Watcher Watcher
	// Open reports whether a file is being read, which may have no name any more; nil for none.
	Open func(inode uint64, made int64) bool
	// Updated is called when there may be others. It must not block.
	Updated func()
	// Own is lighterman's state directory; empty for none.
	Own string
	// Settle is how old an unknown rotated file has to be to be taken for a new one; 0 for
	// what is usual.
	Settle time.Duration
	// Most bounds the files that are collected.
	Most int
	// Born is when lighterman was first started here. Floor is the time before which what
	// was written is left out of files never seen before, in Unix nanoseconds; 0 for none.
	Born  time.Time
	Floor int64
	Log   *slog.Logger
}

// Finder finds files. What it has found may be asked for from any goroutine.
type Finder struct {
	config Config
	// dirty has a token when there is something new to see.
	dirty chan struct{}
	// watched are the directories that are watched; Run's goroutine has them.
	watched map[string]func()
	said    map[string]bool
	memory  memory

	// mu guards what follows.
	mu sync.Mutex
	// known is set when it was looked once.
	known bool
	// wanted are the files to collect, by ID, and there those that exist. sections says which
	// section has named a file, by the path at which it was found first.
	wanted   map[string]*logs.Container
	there    map[string]bool
	sections map[string]named
	problem  string
	// between has what happens between looks.
	between between
	// dirs are the directories to watch, and stale those whose watch may be gone.
	dirs, stale map[string]bool
}

// memory is what looks have of the looks before.
type memory struct {
	// matches are what names a path, as far as it was asked.
	matches map[string]named
	// places are which files copies are that were recognised by what they hold, by ID, and
	// sought since when the others are looked for.
	places map[string]plain.Facts
	sought map[string]time.Time
	// away is since when a file is where nobody can look, by ID.
	away map[string]time.Time
	// copies are what is known of compressed files beside their originals.
	copies map[place]*copied
}

// between is what those know who do not look.
type between struct {
	// fresh are those that got a record since the last look began: they are there.
	fresh map[string]plain.Facts
	// inodes are the files that the store knows, by inode, and rotated those that rotation has
	// made in a directory.
	inodes  map[uint64][]plain.Facts
	rotated map[string]rotated
}

// named says what has named a file.
type named struct {
	section int
	pattern string
}

// New makes a finder. It looks at nothing.
func New(config Config) *Finder {
	return &Finder{
		config: config, dirty: make(chan struct{}, 1), watched: make(map[string]func()), said: make(map[string]bool), sections: make(map[string]named),
		memory:  memory{matches: make(map[string]named), places: make(map[string]plain.Facts), sought: make(map[string]time.Time), away: make(map[string]time.Time), copies: make(map[place]*copied)},
		between: between{fresh: make(map[string]plain.Facts), inodes: make(map[uint64][]plain.Facts), rotated: make(map[string]rotated)},
	}
}

const (
	// relook is how often all is looked at, and unwatched how often where that is the only
	// way to see anything new.
	relook    = time.Minute
	unwatched = 2 * time.Second
	// calm is the pause between two looks, which is longer after one that took long.
	calm      = 20 * time.Millisecond
	calmShare = 20
	calmMost  = 2 * time.Second
)

// Run looks until ctx is done, and returns nil then.
func (f *Finder) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer func() {
		for _, end := range f.watched {
			end()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.dirty:
		case <-timer.C:
		}
		began := time.Now()
		next := relook
		if pending := f.Look(); pending {
			next = time.Second
		}
		if !f.watch() {
			next = min(next, unwatched)
		}
		timer.Reset(next)
		f.config.Updated()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(calm, calmShare*time.Since(began)), calmMost)):
		}
	}
}

// Stir has it looked again soon.
func (f *Finder) Stir() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
}

// Wanted returns the files to collect, and whether they are known at all.
func (f *Finder) Wanted() (set map[string]*logs.Container, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.wanted), f.known
}

// Known reports whether the files are known at all.
func (f *Finder) Known() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known
}

// Exists reports whether a file is there, wanted or not.
func (f *Finder) Exists(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, fresh := f.between.fresh[id]
	return !f.known || f.there[id] || fresh
}

// Excluded reports whether a file is there that is not wanted.
func (f *Finder) Excluded(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known && f.there[id] && f.wanted[id] == nil
}

// Problem says what is not collected of what globs name; empty for nothing.
func (f *Finder) Problem() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.problem
}

// SectionOf returns which section has named the file that was found at a path, and by which
// glob.
func (f *Finder) SectionOf(path string) (section int, pattern string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.sections[path]
	return n.section, n.pattern
}

// watch watches the directories of the last look, and reports whether all are.
func (f *Finder) watch() bool {
	f.mu.Lock()
	want, stale := f.dirs, f.stale
	f.stale = nil
	f.mu.Unlock()
	if f.config.Watcher == nil {
		return false
	}
	for dir, end := range f.watched {
		if !want[dir] || stale[dir] {
			end()
			delete(f.watched, dir)
		}
	}
	all := true
	for dir := range want {
		if f.watched[dir] != nil {
			continue
		}
		end, err := f.config.Watcher.WatchDir(dir, func(name string) { f.told(dir, name) })
		if err != nil {
			all = false
			if !f.saidOnce("watch") {
				f.config.Log.Warn("cannot watch a directory for new files, looking at it every few seconds instead", "path", dir, "error", err)
			}
			continue
		}
		f.watched[dir] = end
		f.Stir() // what came before the watch stood is not told
	}
	return all
}

// told is told of a name in a directory, the empty one where the directory itself may be gone.
// It is called on the watcher's goroutine.
func (f *Finder) told(dir, name string) {
	if name == "" {
		f.mu.Lock()
		if f.stale == nil {
			f.stale = make(map[string]bool)
		}
		f.stale[dir] = true
		f.mu.Unlock()
	}
	f.Stir()
}

// saidOnce reports whether something was said before.
func (f *Finder) saidOnce(about string) bool {
	if f.said[about] {
		return true
	}
	if len(f.said) > 1000 {
		clear(f.said)
	}
	f.said[about] = true
	return false
}
