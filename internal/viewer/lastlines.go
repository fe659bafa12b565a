package viewer

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
)

// LastLines lets pass only the last lines of what each container had written before
// the start, and all of what it writes from then on. Where the history of a container
// ends nobody tells: it has when a newer line comes, or nothing for a while.
type LastLines struct {
	dispatch.Sink
	lines int
	// started is the time from which on what a container writes is no history.
	started func(id string) int64

	// passing is full while entries are passed on, so that a history goes before what
	// is newer.
	passing chan struct{}
	mu      sync.Mutex // guards the field below
	held    map[string]*history
}

// history is the end of what a container had written.
type history struct {
	entries []shownEntry
	// newest is when the last of it came; over tells that it was passed on.
	newest time.Time
	over   bool
}

type shownEntry struct {
	labels *logs.Labels
	entry  logs.Entry
}

// historyPause is how long nothing has to come for a history to be over.
const historyPause = 700 * time.Millisecond

func newLastLines(sink dispatch.Sink, lines int, started func(id string) int64) *LastLines {
	return &LastLines{Sink: sink, lines: lines, started: started, passing: make(chan struct{}, 1), held: make(map[string]*history)}
}

// Push implements dispatch.Sink.
func (l *LastLines) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	var out logs.Batch
	l.passing <- struct{}{}
	defer func() { <-l.passing }()
	// Whoever knows when they started has a lock of their own, under which they may ask what
	// has passed: that is not asked with mu held.
	started := make([]int64, len(b.Groups))
	for i, g := range b.Groups {
		started[i] = l.started(g.Container)
	}
	l.mu.Lock()
	for n, g := range b.Groups {
		h := l.held[g.Container]
		if h == nil {
			h = &history{}
			l.held[g.Container] = h
		}
		for i, at := range g.Times {
			e := g.Entry(i)
			if !h.over && at < started[n] {
				l.keep(h, g.Labels, e)
				continue
			}
			h.trim(l.lines)
			h.release(&out)
			out.Add(g.Labels, e)
		}
	}
	for _, g := range b.Groups {
		l.held[g.Container].trim(l.lines)
	}
	l.mu.Unlock()
	if out.Entries == 0 {
		return logs.Outcome{Kind: logs.Accepted}
	}
	return l.Sink.Push(ctx, &out)
}

// keep adds an entry to a history. The lock is held.
func (l *LastLines) keep(h *history, labels *logs.Labels, e logs.Entry) {
	h.newest = time.Now()
	if l.lines == 0 {
		return
	}
	e.Line = bytes.Clone(e.Line)
	if e.Extra != nil {
		e.Extra.Metadata = slices.Clone(e.Extra.Metadata)
	}
	h.entries = append(h.entries, shownEntry{labels, e})
}

// trim leaves the last lines of a history. A batch has the lines of one stream after those
// of the other, and the two are one log. The lock is held.
func (h *history) trim(lines int) {
	over := len(h.entries) - lines
	if over <= 0 {
		return
	}
	slices.SortStableFunc(h.entries, func(a, b shownEntry) int { return cmp.Compare(a.entry.Time, b.entry.Time) })
	h.entries = slices.Delete(h.entries, 0, over)
}

// release passes on a history, which is over. The lock is held.
func (h *history) release(out *logs.Batch) {
	for _, e := range h.entries {
		out.Add(e.labels, e.entry)
	}
	h.entries, h.over = nil, true
}

// passed reports whether the history of a container was passed on.
func (l *LastLines) passed(id string) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[id]
	return h != nil && h.over
}

// Run passes on histories that are over, until ctx is done.
func (l *LastLines) Run(ctx context.Context) {
	ticker := time.NewTicker(historyPause / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.settle(ctx, time.Now().Add(-historyPause))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPatience)
			l.settle(last, time.Now())
			cancel()
			return
		}
	}
}

// settle passes on the histories to which nothing was added since a time.
func (l *LastLines) settle(ctx context.Context, since time.Time) {
	var out logs.Batch
	select {
	case l.passing <- struct{}{}:
	case <-ctx.Done(): // a terminal may stand still for ever
		return
	}
	defer func() { <-l.passing }()
	l.mu.Lock()
	for _, h := range l.held {
		if !h.over && h.newest.Before(since) {
			h.release(&out)
		}
	}
	l.mu.Unlock()
	if out.Entries == 0 {
		return
	}
	// What cannot be printed now will not be later either; at the end a terminal that stands
	// still is not waited for.
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Sink.Push(context.WithoutCancel(ctx), &out)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
