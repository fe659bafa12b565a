package hold

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Metrics is told what is given up.
type Metrics interface {
	// GaveUp counts a file of which so many bytes were not read.
	GaveUp(unread int64)
}

// Config says how much is held and where.
type Config struct {
	// MaxBytes bounds the size of the files that only we keep alive, and
	// MaxFiles their number, as each may cost a descriptor; 0 for no bound.
	MaxBytes int64
	MaxFiles int
	// Dir is where live files are linked to; nil for no links.
	Dir     *Dir
	Metrics Metrics
	Log     *slog.Logger
}

// Hold knows the files of all logs, and which of them only we keep alive: those
// that Docker has no name for any more. When they are too many the one that
// was written to longest ago is given up first.
//
// A log's own lock is taken before a box's turn, and that before mu. We hold none when we call
// an Owner.
type Hold struct {
	config Config
	// enforcing is set while a goroutine gives up files, for all who ask meanwhile.
	enforcing atomic.Bool

	// mu guards the fields below, and what boxes and files say that it guards. Nothing is
	// asked of the file system and nothing is logged with it held: all logs share it.
	mu    sync.Mutex
	boxes map[string]*Box
	// bytes and files measure what only we keep alive.
	bytes int64
	files int
	// links is the number of links, and problem why the last one failed.
	links    int
	problem  error
	refused  error
	failures uint64
	worked   bool
	// undescribed is why labels could not be written, as was told.
	undescribed error
}

// Stats is what is held.
type Stats struct {
	// Bytes and Files measure what only we keep alive.
	Bytes int64
	Files int
	// Links is the number of hard links, and Failures of those that could not
	// be made.
	Links    int
	Failures uint64
	// Problem is why the last link could not be made; nil when it could.
	Problem error
}

// New makes a Hold and counts what its directory holds from before.
func New(config Config) *Hold {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hold{config: config, boxes: make(map[string]*Box)}
	if config.Dir != nil {
		h.find()
	}
	return h
}

// Stats returns the present state.
func (h *Hold) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Bytes: h.bytes, Files: h.files, Links: h.links, Failures: h.failures, Problem: h.problem}
}

// Box returns the box of a container, and makes it when there is none.
func (h *Hold) Box(id string) *Box {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.box(id)
}

func (h *Hold) box(id string) *Box {
	b := h.boxes[id]
	if b == nil {
		b = &Box{hold: h, id: id, log: h.config.Log.With("id", id[:min(12, len(id))])}
		h.boxes[id] = b
	}
	return b
}

// IDs returns the containers of which there are links, sorted, without those
// that were left.
func (h *Hold) IDs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, id := range slices.Sorted(maps.Keys(h.boxes)) {
		if b := h.boxes[id]; !b.left && b.linked() {
			out = append(out, id)
		}
	}
	return out
}

// Has tells whether there are links of a container, also when it was left.
func (h *Hold) Has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.boxes[id]
	return b != nil && b.linked()
}

// Outside makes sure that the directory is not within that of Docker's
// containers, where Docker takes every name for a container: no links are made
// otherwise.
func (h *Hold) Outside(containers string) {
	if h.config.Dir == nil || !Within(h.config.Dir.path, containers) {
		return
	}
	err := fmt.Errorf("hold-dir %s is within Docker's directory %s, where every name is a container's: choose one outside: %w", h.config.Dir.path, containers, ErrRefused)
	h.mu.Lock()
	h.refused = err
	h.mu.Unlock()
	h.linkMade(err)
}

// Leave notes that nothing more will be read of a container: Remove follows
// when everything is delivered.
func (h *Hold) Leave(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.boxes[id]; b != nil {
		b.left = true
	}
}

// Remove releases all that is held of a container that was left. A log that is
// open keeps its descriptors.
func (h *Hold) Remove(id string) {
	b := h.known(id)
	if b == nil {
		return
	}
	b.turn.Lock()
	defer b.turn.Unlock()
	if !b.isLeft() {
		return // back again
	}
	for _, f := range slices.Clone(b.files) {
		f.unlink()
		f.settle()
	}
	b.tidy()
	b.end()
}

// known returns the box of a container; nil when there is none.
func (h *Hold) known(id string) *Box {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boxes[id]
}

// Enforce gives up files until what is held is within its bounds. The caller
// holds no lock of a log.
func (h *Hold) Enforce() {
	for h.exceeded() && h.enforcing.CompareAndSwap(false, true) {
		done := h.giveUp()
		h.enforcing.Store(false)
		if !done {
			return
		}
		// Who came meanwhile has left it to us.
	}
}

// giveUp gives up files, and reports whether what is held is within its bounds then.
func (h *Hold) giveUp() (done bool) {
	for {
		v, exceeded := h.oldest()
		switch {
		case v.file == nil:
			return !exceeded
		case v.owner != nil:
			v.owner.GiveUp(v.file)
		case v.done:
			// Read already: a link less.
		default:
			v.file.box.GaveUp(v.bytes)
		}
		v.file.drop()
	}
}

func (h *Hold) exceeded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tooMuch()
}

func (h *Hold) tooMuch() bool {
	return (h.config.MaxBytes > 0 && h.bytes > h.config.MaxBytes) ||
		(h.config.MaxFiles > 0 && h.files > h.config.MaxFiles)
}

// victim is a file to be given up, and what was known of it.
type victim struct {
	file  *File
	owner Owner
	done  bool
	bytes int64
}

// oldest takes the file to be given up next off the count. Within a log the
// order is that of the log; over all logs it is that of the last writing.
// exceeded reports whether there should be one.
func (h *Hold) oldest() (v victim, exceeded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.tooMuch() {
		return v, false
	}
	var f *File
	for _, b := range h.boxes {
		if first := b.first(); first != nil && (f == nil || first.time < f.time) {
			f = first
		}
	}
	if f == nil {
		return v, true
	}
	f.givenUp = true
	f.uncount()
	return victim{f, f.box.owner, f.done, f.bytes}, true
}

// sayAgain is how often it is said that files of one container are given up.
const sayAgain = 10 * time.Second
