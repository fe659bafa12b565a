package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// breadcrumbsName is a file that is there while a process uses the directory: one that was
// killed leaves it. After such an end the next process notes in it what it is reading.
const breadcrumbsName = "reading"

const (
	// crumbSize is the size of what one reader notes, and maxCrumbs how many there may be.
	crumbSize = 96
	maxCrumbs = 16
	// armed is how long after the start a process notes what it reads: one that a log
	// kills is killed soon.
	armed = 10 * time.Minute
)

// Breadcrumbs tell, after the process was killed, what it was reading then. They cost nothing
// unless the process before was killed, too. A nil one knows nothing.
type Breadcrumbs struct {
	path string
	file *os.File // nil where nothing is noted
	till time.Time

	mu     sync.Mutex // guards deaths
	deaths map[string]death
}

// death is where a log was being read when processes were killed, and how many in a row.
type death struct {
	place uint64
	count int
}

// OpenBreadcrumbs reads those in a state directory that was opened.
func OpenBreadcrumbs(dir string) *Breadcrumbs {
	b := &Breadcrumbs{path: filepath.Join(dir, breadcrumbsName), deaths: make(map[string]death)}
	text, err := readOwn(b.path, crumbSize*maxCrumbs)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err := create(b.path, 0); err == nil {
			_ = f.Close()
		}
		return b
	}
	for ; len(text) >= crumbSize; text = text[crumbSize:] {
		var id string
		var d death
		if n, _ := fmt.Sscanf(strings.TrimSpace(string(text[:crumbSize])), "%s %x %d", &id, &d.place, &d.count); n == 3 {
			d.count++
			b.deaths[id] = d
		}
	}
	if f, err := create(b.path, 0); err == nil {
		b.file, b.till = f, time.Now().Add(armed)
	}
	return b
}

// Armed reports whether it is worth to say what is read.
func (b *Breadcrumbs) Armed() bool { return b != nil && b.file != nil && time.Now().Before(b.till) }

// Deaths returns how many processes in a row were killed while they read a log at a
// place.
func (b *Breadcrumbs) Deaths(id string, place uint64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.deaths[id]; d.place == place {
		return d.count
	}
	return 0
}

// Begin notes that a reader reads a log from a place on. What cannot be noted is not.
func (b *Breadcrumbs) Begin(reader int, id string, place uint64) {
	if reader < maxCrumbs {
		b.write(reader, fmt.Sprintf("%s %016x %d", id, place, b.Deaths(id, place)))
	}
}

// End notes that a reader has read.
func (b *Breadcrumbs) End(reader int) {
	if reader < maxCrumbs {
		b.write(reader, "")
	}
}

func (b *Breadcrumbs) write(reader int, text string) {
	_, _ = b.file.WriteAt(fmt.Appendf(nil, "%-*s\n", crumbSize-1, text), int64(reader)*crumbSize)
}

// Forgive forgets the deaths of a log: it is tried again.
func (b *Breadcrumbs) Forgive(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.deaths, id)
}

// Close notes that the process has ended by itself.
func (b *Breadcrumbs) Close() {
	if b == nil {
		return
	}
	if b.file != nil {
		_ = b.file.Close()
	}
	_ = os.Remove(b.path)
}
