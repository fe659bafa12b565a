package output

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
)

// Lane takes entries; see package dispatch for the rules of its methods.
type Lane interface {
	Begin(ctx context.Context, id string) error
	TryBegin(id string, wake func()) (room int, err error)
	Behind()
	Add(labels *logs.Labels, e logs.Entry)
	End(delivered func())
	After(id string, delivered func())
	Flush()
}

// Store keeps positions and labels.
type Store interface {
	Commit(id string, p logs.Position)
	SetLabels(id string, timeline []checkpoint.LabelsSince)
}

// Metrics counts entries that were handed over, and their bytes of text.
type Metrics interface {
	Lines(route string, lines, bytes int)
}

// Output is one container's. The sources of its log use it one after another. Its methods
// may be called from any goroutine where nothing else is said.
type Output struct {
	ID string
	// Log carries the container. It is replaced only before anything runs.
	Log *slog.Logger

	lane    Lane
	store   Store
	metrics Metrics
	labels  atomic.Pointer[Timeline]
	counts  counts
	order   order
	// held is what is held back; nil for nothing.
	held      atomic.Pointer[HeldBack]
	lastError atomic.Pointer[string]
}

// New makes the output of a container.
func New(id string, log *slog.Logger, lane Lane, store Store, metrics Metrics) *Output {
	o := &Output{ID: id, Log: log, lane: lane, store: store, metrics: metrics}
	o.labels.Store(new(Timeline))
	return o
}

// CommitAfter commits a position behind everything that is still to be delivered.
func (o *Output) CommitAfter(p logs.Position) {
	o.After(func() { o.store.Commit(o.ID, p) })
}

// After calls f behind everything of the container that is still to be delivered.
func (o *Output) After(f func()) { o.lane.After(o.ID, f) }

// Fail keeps the last error for the status page.
func (o *Output) Fail(err error) {
	text := err.Error()
	o.lastError.Store(&text)
}

// LastError returns what went wrong last; empty for nothing.
func (o *Output) LastError() string {
	if text := o.lastError.Load(); text != nil {
		return *text
	}
	return ""
}
