package producer

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// Lane takes entries; see package dispatch for the rules of its methods.
type Lane interface {
	Begin(ctx context.Context, id string, d *logs.Draft) error
	TryBegin(id string, d *logs.Draft, wake func()) (room int, err error)
	End(id string, d *logs.Draft, delivered func())
	After(id string, delivered func())
	Flush()
}

// Store keeps positions and labels.
type Store interface {
	Commit(id string, p logs.Position)
	SetLabels(id string, timeline []checkpoint.LabelsSince)
}

// Metrics counts what becomes of lines.
type Metrics interface {
	// Lines counts entries that were handed over, and their bytes of text.
	Lines(route string, lines, bytes int)
	// Dropped counts entries that a rule of the stages has dropped, and Joined lines that
	// became part of the entry of another line.
	Dropped(rule string, entries int)
	Joined(lines int)
}

// Producer is one container's way into its lane. The sources of its log use it one after another.
// Its methods may be called from any goroutine where nothing else is said.
type Producer struct {
	ID string
	// Log carries the container. It is replaced only before anything runs.
	Log *slog.Logger

	lane    Lane
	store   Store
	metrics Metrics
	labels  atomic.Pointer[Timeline]
	stages  stages
	counts  counts
	account account
	order   order
	// held is what is held back; nil for nothing.
	held      atomic.Pointer[HeldBack]
	lastError atomic.Pointer[string]
}

// New makes the producer of a container. timeline has the stages of the configuration, by the
// time from which on they are in force. Others may be stored in it while lines are read, which
// have to differ only for what is stamped later than that moment. It is nil for none.
func New(id string, log *slog.Logger, lane Lane, store Store, metrics Metrics, timeline *atomic.Pointer[stage.Timeline]) *Producer {
	p := &Producer{ID: id, Log: log, lane: lane, store: store, metrics: metrics, stages: stages{timeline: timeline, log: log}}
	p.stages.container = p.labels.Load
	if logs.IsHostJournal(id) {
		p.stages.own = &ownStages{}
	}
	p.labels.Store(new(Timeline))
	return p
}

// Rules returns what the configuration makes of the container's lines from a position on.
// Who reads the log asks, before. They change when a chunk begins.
func (p *Producer) Rules(from logs.Position) *assemble.Rules { return p.stages.rules(from) }

// Complete makes the place that a log was read up to a position from which another source can go
// on, in this process or a later one: what the stages remember of the lines before it belongs
// to it. Who reads the log asks.
func (p *Producer) Complete(place logs.Position) logs.Position {
	p.stages.remember(&place)
	return place
}

// CommitAfter commits the position of a place behind everything that is still to be delivered.
func (p *Producer) CommitAfter(place logs.Position) {
	at := p.Complete(place)
	p.After(func() { p.store.Commit(p.ID, at) })
}

// After calls f behind everything of the container that is still to be delivered.
func (p *Producer) After(f func()) { p.lane.After(p.ID, f) }

// Fail keeps the last error for the status page.
func (p *Producer) Fail(err error) {
	text := err.Error()
	p.lastError.Store(&text)
}

// LastError returns what went wrong last; empty for nothing.
func (p *Producer) LastError() string {
	if text := p.lastError.Load(); text != nil {
		return *text
	}
	return ""
}

// order says whether others may go on that come after this log; see collect/succession.go.
type order struct {
	// left: the container is not in the running set any more. waived: nobody has to wait
	// for this log. readOut: all that was there of it when its container ended was read.
	left, waived, readOut atomic.Bool
	// next makes the source go on that waits for this log.
	next atomic.Pointer[func()]
}

// Lines is the number of entries that were handed over.
func (p *Producer) Lines() int64 { return p.counts.lines.Load() }

// Account returns what has become of the lines that were read, given how many of them the
// sink has refused.
func (p *Producer) Account(rejected int64) logs.Account { return p.account.state(rejected) }

// Unanswered is the number of chunks for which the sink has not answered.
func (p *Producer) Unanswered() int64 { return p.counts.waiting.Load() }

// Lag is what was handed over and not delivered: its bytes, and the age of about its
// oldest entry in seconds, 0 when there is none.
func (p *Producer) Lag(now time.Time) (bytes int64, seconds float64) {
	if oldest := p.counts.oldest.Load(); oldest != 0 {
		seconds = max(0, now.Sub(time.Unix(0, oldest)).Seconds())
	}
	return p.counts.read.Load() - p.counts.acked.Load(), seconds
}

// Held returns what is held back; nil for nothing.
func (p *Producer) Held() *HeldBack { return p.held.Load() }

// SetHeld notes what is held back; nil for nothing.
func (p *Producer) SetHeld(h *HeldBack) { p.held.Store(h) }

// WarnHeld logs that something is held back.
func (p *Producer) WarnHeld(why error) { p.Log.Warn("the end of the log is held back", "reason", why) }

// Labels returns the container's timeline.
func (p *Producer) Labels() Timeline { return *p.labels.Load() }

// UseLabels makes a timeline that was kept the container's.
func (p *Producer) UseLabels(t Timeline) { p.labels.Store(&t) }

// Relabel makes entries from now on carry labels, if they are others. It returns true when entries
// before carry different ones: the timeline is then to be saved by whoever calls it, before it takes
// effect.
func (p *Producer) Relabel(labels *logs.Labels) bool {
	before := p.Labels()
	if newest := before.Newest(); newest != nil && newest.Equal(labels) {
		return false
	}
	p.UseLabels(before.then(labels, p.stages.soon(time.Now().Add(LabelsDelay))))
	if len(before) == 0 {
		p.store.SetLabels(p.ID, p.Labels())
	}
	return len(before) > 0
}

// KeepLabels undoes the last Relabel, which was not saved, before it has taken effect.
func (p *Producer) KeepLabels() {
	before := p.Labels()
	p.UseLabels(before[: len(before)-1 : len(before)-1])
}
