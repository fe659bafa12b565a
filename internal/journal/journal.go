package journal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// Config says where the journal is.
type Config struct {
	// Dirs are the directories that hold journals, or directories of them that
	// have the name of a machine: /var/log/journal, /run/log/journal.
	Dirs []string
	// Watch makes changed be called when a file in a directory is written to, or,
	// with names set, made, renamed or deleted. It may be nil: then changes are
	// looked for once a second.
	Watch func(dir string, changed func(names bool)) (Watch, error)
	// HoldBytes bounds the files that exist only because they have not been read
	// to their end; 0 for no bound.
	HoldBytes int64
	// Senders are the programs whose entries are a container's lines; nil for all.
	Senders []Sender
	// Boot is that of the running system; where it is zero the kernel is asked.
	Boot logs.ID128
	Log  *slog.Logger
}

// Watch is the watch of a directory. It is gone when the directory is, which is reported
// as a change of names.
type Watch interface {
	io.Closer
	Gone() bool
}

// Journal is the host's journal. Its methods may be called from several goroutines.
type Journal struct {
	config Config

	scans scans
	// probe is that by which sleeping logs are looked at; nil while it is in use.
	probe atomic.Pointer[journalfile.Cache]

	// mu guards the fields below, and what a file says that it guards. Files are opened,
	// asked and closed without it.
	mu    sync.Mutex
	files map[identity]*file
	// archived are the names of files that are opened only when somebody may need
	// them.
	archived []found
	logs     map[*Log]bool
	// asleep are the logs to wake when there is something for them.
	asleep map[*Log]*sleeper
	seen   seen
	// failed is why an archived file could not be opened, as was logged.
	failed string
	closed bool
}

// scans is what only a scan uses. Its lock is held during one, and taken before all others:
// who asks while the directories are being looked at needs to know what is found.
type scans struct {
	sync.Mutex
	watches map[string]Watch
	last    time.Time
	// unwatched is why a directory is not watched, as was logged.
	unwatched string
}

// seen is what the last scan has shown of the directories.
type seen struct {
	// unwatched is set when not all directories are watched, missing when one is not
	// there, and retry when a live file could not be opened yet.
	unwatched, missing, retry bool
	// broken is why a live file, or a directory, cannot be read.
	broken error
}

// New makes a journal. It opens nothing.
func New(config Config) *Journal {
	if config.Boot == (logs.ID128{}) {
		if text, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
			_ = config.Boot.UnmarshalText([]byte(strings.TrimSpace(string(text)))) // zero where it is not known
		}
	}
	return &Journal{
		config: config, scans: scans{watches: make(map[string]Watch)},
		files: make(map[identity]*file), logs: make(map[*Log]bool), asleep: make(map[*Log]*sleeper),
	}
}

// Readable returns nil if a container that has logged nothing yet will be found
// here when it does: the running system's journald writes to a file that can be
// read.
func (j *Journal) Readable() error {
	j.refresh()
	var live []*file
	j.mu.Lock()
	broken, none := j.seen.broken, len(j.files)+len(j.archived) == 0
	for _, f := range j.files {
		if f.live {
			f.refs++
			live = append(live, f)
		}
	}
	j.mu.Unlock()
	defer j.giveBack(live...)
	for _, f := range live {
		if state, err := f.State(); err == nil && state.Boot == j.config.Boot {
			return nil
		}
	}
	switch {
	case broken != nil:
		return broken
	case none:
		return fmt.Errorf("there is no journal in %s", strings.Join(j.config.Dirs, " or "))
	}
	return errors.New("the journal is not that of the running system")
}

// Has reports whether the journal has anything of a container.
func (j *Journal) Has(id string) bool {
	j.refresh()
	all := j.borrow(nil)
	defer j.giveBack(all...)
	var cache journalfile.Cache
	has := false
	for _, f := range all {
		at, err := f.Find(&cache, match(id))
		has = has || err == nil && at != 0
	}
	return has
}

// borrow opens all files and returns them with a reference each. A log is given those that
// come from now on.
func (j *Journal) borrow(l *Log) (all []*file) {
	j.mu.Lock()
	for _, f := range j.files {
		f.refs++
		all = append(all, f)
	}
	closed := slices.DeleteFunc(slices.Clone(j.archived), func(n found) bool { return j.files[n.id] != nil })
	if l != nil {
		j.logs[l] = true
	}
	j.mu.Unlock()
	for _, n := range closed {
		f, err := openFile(n)
		if err != nil {
			j.warnArchived(err)
			continue
		}
		if f = j.know(f, l); f != nil {
			all = append(all, f)
		}
	}
	return all
}

// know makes a file that was opened known, or takes the one that somebody else has opened
// meanwhile. It returns nil where a log has that already.
func (j *Journal) know(f *file, l *Log) *file {
	j.mu.Lock()
	known := j.files[f.id]
	switch {
	case known == nil:
		j.files[f.id] = f
	case l != nil && slices.Contains(l.pending, known):
		known = nil
	default:
		known.refs++
	}
	fresh := j.files[f.id] == f
	j.mu.Unlock()
	if fresh {
		return f
	}
	_ = f.content.Close()
	return known
}

// pathOf is the name that a file had when the directories were looked at last.
func (j *Journal) pathOf(f *file) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return f.path
}

// Files returns the number of journal files that are open.
func (j *Journal) Files() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.files)
}

// Close closes all files and watches. No log may be read any more.
func (j *Journal) Close() {
	j.scans.Lock()
	defer j.scans.Unlock()
	for _, w := range j.scans.watches {
		_ = w.Close()
	}
	clear(j.scans.watches)
	j.mu.Lock()
	j.closed = true
	files := slices.Collect(maps.Values(j.files))
	clear(j.files)
	j.mu.Unlock()
	for _, f := range files {
		_ = f.content.Close()
	}
}

// match is the data that all entries of a container have.
func match(id string) []byte { return []byte("CONTAINER_ID_FULL=" + id) }
