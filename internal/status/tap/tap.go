package tap

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// maxWatches is how many containers are looked at at a time, keptLines how many lines
	// there are of each, and lineBytes what there is of a line: a megabyte in all.
	maxWatches = 8
	keptLines  = 128
	lineBytes  = 1 << 10
	// forgetAfter is how long a container is kept that nobody asks for any more.
	forgetAfter = 20 * time.Second
)

// ErrBusy is for those who look at one container too many.
var ErrBusy = errors.New("the lines of 8 containers are being looked at, which is the most at a time; try again in half a minute")

// Tap keeps lines. Its methods may be called from any goroutine.
type Tap struct {
	// looked at is set while there are watches.
	lookedAt atomic.Bool
	mu       sync.Mutex // guards watches and what is in them
	watches  map[string]*watch
}

// watch is what is kept of a container.
type watch struct {
	since, asked time.Time
	// lines are the newest, of which next is the oldest once there are keptLines.
	lines []Line
	next  int
	// total is how many came since.
	total int64
}

// Line is one line that the sink has taken.
type Line struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
	// Cut is how many bytes of it are left out.
	Cut int `json:"cut_bytes,omitempty"`
}

// Seen is what is there of a container.
type Seen struct {
	// Since is when somebody began to look, and Total how many lines came since.
	Since time.Time `json:"since"`
	Total int64     `json:"total"`
	// LeftOut is how many of them are not in Lines, which are the newest, oldest first.
	LeftOut int64  `json:"left_out"`
	Lines   []Line `json:"lines"`
}

// New makes a tap.
func New() *Tap { return &Tap{watches: make(map[string]*watch)} }

// Look returns the lines of a container since somebody looked first. They are kept for as
// long as somebody looks again soon.
func (t *Tap) Look(id string, now time.Time) (Seen, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	w := t.watches[id]
	if w == nil {
		if len(t.watches) >= maxWatches {
			return Seen{}, ErrBusy
		}
		w = &watch{since: now}
		t.watches[id] = w
		t.lookedAt.Store(true)
	}
	w.asked = now
	out := Seen{Since: w.since, Total: w.total, LeftOut: w.total - int64(len(w.lines)), Lines: make([]Line, 0, len(w.lines))}
	out.Lines = append(append(out.Lines, w.lines[w.next:]...), w.lines[:w.next]...)
	return out, nil
}

// Sent takes note of a batch that the sink has taken. It keeps nothing of its memory.
func (t *Tap) Sent(b *logs.Batch) {
	if !t.lookedAt.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range b.Groups {
		w := t.watches[g.Container]
		if w == nil {
			continue
		}
		n := g.Len()
		w.total += int64(n)
		for i := max(0, n-keptLines); i < n; i++ {
			w.add(lineOf(g, i))
		}
	}
	t.forget(time.Now())
}

// Forget lets go of what nobody looks at any more.
func (t *Tap) Forget(now time.Time) {
	if t.lookedAt.Load() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.forget(now)
	}
}

func (t *Tap) forget(now time.Time) {
	for id, w := range t.watches {
		if now.Sub(w.asked) > forgetAfter {
			delete(t.watches, id)
		}
	}
	t.lookedAt.Store(len(t.watches) > 0)
}

func (w *watch) add(l Line) {
	if len(w.lines) < keptLines {
		w.lines = append(w.lines, l)
		return
	}
	w.lines[w.next] = l
	w.next = (w.next + 1) % keptLines
}

// lineOf copies a line, or as much of it as is kept, in whole characters.
func lineOf(g *logs.Group, i int) Line {
	text := g.Line(i)
	out := Line{Time: time.Unix(0, g.Times[i]).UTC(), Stream: g.Stream.String()}
	if end := len(text); end > lineBytes {
		for end = lineBytes; end > 0 && !utf8.RuneStart(text[end]); {
			end--
		}
		out.Cut, text = len(text)-end, text[:end]
	}
	out.Text = string(text)
	return out
}
