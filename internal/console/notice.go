package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Notices says beside the entries what becomes of containers: a line each, which begins
// with a sign of its own. Tell does not wait, so whoever notices something is not held up by
// a terminal that stands still.
type Notices struct {
	w     io.Writer
	color bool
	// beside is the sink whose batches a notice must not stand in; nil where they go
	// elsewhere.
	beside *Sink
	queue  chan notice

	mu sync.Mutex
	// missed is how many there was no room for; mu guards it.
	missed int
}

// notice is something to be said at a time.
type notice struct {
	at   time.Time
	text string
}

// mostNotices is how many wait to be said.
const mostNotices = 1024

// NewNotices makes notices that go to w, beside what a sink prints.
func NewNotices(w io.Writer, color Color, beside *Sink) *Notices {
	n := &Notices{w: w, queue: make(chan notice, mostNotices)}
	f, _ := w.(*os.File)
	terminal := f != nil && IsTerminal(f)
	n.color = useColor(color, terminal)
	if out, _ := beside.w.(*os.File); terminal && out != nil && IsTerminal(out) {
		n.beside = beside
	}
	return n
}

// Tell says something after a time, and after what was told before. Control characters in
// it are shown.
func (n *Notices) Tell(after time.Duration, format string, args ...any) {
	select {
	case n.queue <- notice{time.Now().Add(after), safe(fmt.Sprintf(format, args...))}:
	default:
		n.mu.Lock()
		n.missed++
		n.mu.Unlock()
	}
}

// Run says what it is told until ctx is done.
func (n *Notices) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		select {
		case next := <-n.queue:
			timer.Reset(time.Until(next.at))
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			n.say(ctx, next.text)
		case <-ctx.Done():
			n.rest(ctx)
			return
		}
	}
}

// rest says what is left.
func (n *Notices) rest(ctx context.Context) {
	for {
		select {
		case next := <-n.queue:
			n.say(ctx, next.text)
		default:
			return
		}
	}
}

// say says something, unless the terminal stands still when ctx is done.
func (n *Notices) say(ctx context.Context, text string) {
	n.mu.Lock()
	missed := n.missed
	n.missed = 0
	n.mu.Unlock()
	if missed > 0 {
		text += fmt.Sprintf("\n(and %d more)", missed)
	}
	if n.color {
		text = faint + text + reset
	}
	if n.beside != nil {
		if !n.beside.begin(ctx) {
			return
		}
		defer n.beside.end()
	}
	_, _ = io.WriteString(n.w, text+"\n") // nobody is left to be told of an error
}
