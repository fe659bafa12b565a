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

// marksName is a file that is there while a process uses the directory: one that was
// killed leaves it. After such an end the next process notes in it what it is reading.
const marksName = "reading"

const (
	// markSize is the size of the mark of one reader, and maxMarks how many there may be.
	markSize = 96
	maxMarks = 16
	// armed is how long after the start a process notes what it reads: one that a log
	// kills is killed soon.
	armed = 10 * time.Minute
)

// Marks tell, after the process was killed, what it was reading then. They cost nothing
// unless the process before was killed, too. A nil Marks knows nothing.
type Marks struct {
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

// OpenMarks reads the marks in a state directory that was opened.
func OpenMarks(dir string) *Marks {
	m := &Marks{path: filepath.Join(dir, marksName), deaths: make(map[string]death)}
	text, err := readOwn(m.path, markSize*maxMarks)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err := create(m.path, 0); err == nil {
			_ = f.Close()
		}
		return m
	}
	for ; len(text) >= markSize; text = text[markSize:] {
		var id string
		var d death
		if n, _ := fmt.Sscanf(strings.TrimSpace(string(text[:markSize])), "%s %x %d", &id, &d.place, &d.count); n == 3 {
			d.count++
			m.deaths[id] = d
		}
	}
	if f, err := create(m.path, 0); err == nil {
		m.file, m.till = f, time.Now().Add(armed)
	}
	return m
}

// Armed reports whether it is worth to say what is read.
func (m *Marks) Armed() bool { return m != nil && m.file != nil && time.Now().Before(m.till) }

// Deaths returns how many processes in a row were killed while they read a log at a
// place.
func (m *Marks) Deaths(id string, place uint64) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.deaths[id]; d.place == place {
		return d.count
	}
	return 0
}

// Begin notes that a reader reads a log from a place on. What cannot be noted is not.
func (m *Marks) Begin(reader int, id string, place uint64) {
	if reader < maxMarks {
		m.write(reader, fmt.Sprintf("%s %016x %d", id, place, m.Deaths(id, place)))
	}
}

// End notes that a reader has read.
func (m *Marks) End(reader int) {
	if reader < maxMarks {
		m.write(reader, "")
	}
}

func (m *Marks) write(reader int, text string) {
	_, _ = m.file.WriteAt(fmt.Appendf(nil, "%-*s\n", markSize-1, text), int64(reader)*markSize)
}

// Forgive forgets the deaths of a log: it is tried again.
func (m *Marks) Forgive(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.deaths, id)
}

// Close notes that the process has ended by itself.
func (m *Marks) Close() {
	if m == nil {
		return
	}
	if m.file != nil {
		_ = m.file.Close()
	}
	_ = os.Remove(m.path)
}
