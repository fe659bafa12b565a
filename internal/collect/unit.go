package collect

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// unit is one container in the running set. Where nothing else is said its
// fields belong to the collector's goroutine.
type unit struct {
	id   string
	log  *slog.Logger
	lane int
	// current and chosen are replaced as a whole, and read by other goroutines.
	current atomic.Pointer[logs.Container]
	chosen  atomic.Pointer[logs.Route]
	labels  atomic.Pointer[timeline]
	stats   stats
	// tailing and streaming tell other goroutines what runs.
	tailing   atomic.Pointer[fileSource]
	streaming atomic.Bool
	// idleSince is when the stream began to wait for the engine, nil while it hands
	// over. A time, as the host's clock may be set meanwhile.
	idleSince atomic.Pointer[time.Time]
	// heard is the timestamp of the newest record that the stream has brought.
	heard atomic.Int64

	// position is where the next source goes on. While a source runs it is
	// the source's own.
	position logs.Position
	file     *fileSource
	stream   *streamSource
	// search is how long a stream that has brought nothing is left alone, if that is
	// more than searchTime.
	search time.Duration
	// parked tells other goroutines that the log is not open, for want of descriptors, and
	// parking that its file was asked to end for that.
	parked  atomic.Pointer[parked]
	parking bool
	// stopping tells that the present source was asked to end.
	stopping bool

	// dismissed tells that the container is not wanted any more, removed that
	// it does not exist any more, since removedAt.
	dismissed, removed bool
	removedAt          time.Time
	// orphan tells that the container was removed before its file was read to
	// the end, and that what is held of it is to be read, drained that a file
	// was read to its end after the removal.
	orphan, drained bool
	// refused tells that the engine says it cannot read this log.
	refused bool
	// startedAt is when the present file source began.
	startedAt time.Time
	// probeAt is when a file that could not be read is looked at again, and missed how
	// often in a row it was missing.
	probeAt time.Time
	missed  int
	// retryAt is when a source may be started again; backoff is the pause
	// before that.
	retryAt time.Time
	backoff time.Duration
	// left tells other goroutines that the unit is not in the running set any more, and
	// settled that nobody has to wait until it is delivered.
	left, settled atomic.Bool
	// spent tells that all that was there of it after its removal was read, and next is
	// the source that waits for it; see succession.
	spent atomic.Bool
	next  atomic.Pointer[fileSource]
	// made is when the unit was.
	made time.Time
	// overAt is when the run was found to be over; zero when it was from the beginning.
	overAt time.Time
	// told is why the file could not be read, as it was logged last.
	told string
	// toldHeld is since when what the stream holds back is held, as it was logged last.
	toldHeld time.Time
}

// stats is what a unit has done; it is read by other goroutines.
type stats struct {
	lines atomic.Int64
	// read and acked are bytes: of the log file, or of text from the API.
	read, acked atomic.Int64
	// waiting is the number of receipts that have not come, and oldest the
	// timestamp of about the oldest entry that they stand for.
	waiting, oldest atomic.Int64
	lastError       atomic.Pointer[string]
	// held is what is held back; nil for nothing.
	held atomic.Pointer[heldBack]
}

// heldBack is what was read and is not handed over, as its end has not come.
type heldBack struct {
	since time.Time
	// bytes is the size of lines without an end, and line tells that there is one: the
	// other kind is a record that is not whole, which was not read.
	bytes int
	line  bool
}

// heldTooLong is how long something is held back until that is a lag.
const heldTooLong = 10 * time.Second

// problem says what is held back, if it is for too long.
func (h *heldBack) problem(now time.Time) error {
	switch {
	case h == nil || now.Sub(h.since) < heldTooLong:
		return nil
	case h.line:
		return fmt.Errorf("a line has no end since %s: %d bytes of it are held back until it ends, is longer than max-line-bytes, or the container stops", h.since.UTC().Format(time.RFC3339), h.bytes)
	}
	return fmt.Errorf("the log ends in an incomplete record since %s, which is held back until more is written or the container stops", h.since.UTC().Format(time.RFC3339))
}

// handed notes what was handed over: its size and its first entry's timestamp,
// which is 0 when there was no entry.
func (s *stats) handed(bytes int, first int64) {
	s.read.Add(int64(bytes))
	if s.waiting.Add(1) == 1 || s.oldest.Load() == 0 {
		s.oldest.Store(first)
	}
}

// delivered notes that as much was delivered, up to a position.
func (s *stats) delivered(bytes int, p logs.Position) {
	s.acked.Add(int64(bytes))
	newest := max(p.Newest[logs.Stdout].Time, p.Newest[logs.Stderr].Time)
	if s.waiting.Add(-1) == 0 {
		newest = 0
	}
	s.oldest.Store(newest)
}

func (s *stats) fail(err error) {
	text := err.Error()
	s.lastError.Store(&text)
}

// timeline is the label sets of a container over time. Which one an entry gets
// depends on its timestamp alone, so an entry that is sent again after a
// restart has the labels it had the first time, whatever the container is
// called by then.
type timeline []checkpoint.LabelsSince

// labelsDelay is how far ahead a change of labels takes effect: the timeline is
// on disk by then, and no entry with that timestamp was sent with the old ones.
const labelsDelay = time.Second

// maxTimeline bounds the timeline of a container that is renamed again and again.
const maxTimeline = 16

func (t timeline) at(time int64) *logs.Labels {
	for i := len(t) - 1; i > 0; i-- {
		if time >= t[i].From {
			return t[i].Labels
		}
	}
	return t[0].Labels
}

// encode is the timeline in the form that is kept beside held files.
func (t timeline) encode() []byte {
	text, err := json.Marshal(t)
	if err != nil {
		return nil // there is nothing in it that cannot be encoded
	}
	return text
}

// decodeTimeline is the inverse of encode; nil for anything that is no timeline.
func decodeTimeline(text []byte) timeline {
	var t timeline
	if json.Unmarshal(text, &t) != nil || len(t) == 0 || len(t) > maxTimeline {
		return nil
	}
	for i, l := range t {
		// Loki would refuse every line of a set that is not valid.
		if l.Labels == nil || !l.Labels.Valid() || i > 0 && l.From <= t[i-1].From {
			return nil
		}
	}
	return t
}

func (c *Collector) newUnit(container *logs.Container) *unit {
	u := &unit{
		made: time.Now().Round(0), // to be compared with the engine's times
		id:   container.ID,
		lane: c.config.LaneOf(container.ID),
		log:  c.config.Log.With("container", container.Name, "id", container.ID[:min(12, len(container.ID))]),
	}
	u.chosen.Store(&logs.Route{})
	u.current.Store(&logs.Container{})
	record, known := c.config.Store.Get(u.id)
	labels := timeline(record.Labels)
	if len(labels) == 0 {
		// The positions were lost. What is sent again must have the labels of the
		// first time, and a container that is gone has no others.
		if labels = decodeTimeline(c.config.Hold.About(u.id)); labels != nil {
			c.config.Store.SetLabels(u.id, labels)
		}
	}
	u.labels.Store(&labels)
	if known {
		u.position = record.Position
		return u
	}
	u.position.Since = max(0, c.config.Floor)
	if c.config.Begin != nil {
		if at, ok := c.config.Begin(container); ok {
			u.position = at
		}
	}
	// At once, so that a restart measures from the same moment.
	c.config.Store.Commit(u.id, u.position)
	return u
}

func (u *unit) container() *logs.Container { return u.current.Load() }

func (u *unit) route() logs.Route { return *u.chosen.Load() }

// relabel makes entries from now on carry labels, if they are others. It
// returns true when entries before carry different ones.
func (u *unit) relabel(labels *logs.Labels, store Store) bool {
	var now timeline
	if before := u.labels.Load(); before != nil && len(*before) > 0 {
		if (*before)[len(*before)-1].Labels.Equal(labels) {
			return false
		}
		now = append(now, (*before)[max(0, len(*before)+1-maxTimeline):]...)
	}
	step := checkpoint.LabelsSince{From: math.MinInt64, Labels: labels}
	if len(now) > 0 {
		step.From = time.Now().Add(labelsDelay).UnixNano()
	}
	now = append(now, step)
	store.SetLabels(u.id, now)
	u.labels.Store(&now)
	return len(now) > 1
}

// describe keeps the labels beside the files that are held, too.
func (u *unit) describe(held *hold.Hold) {
	if labels := u.labels.Load(); labels != nil {
		held.Describe(u.id, labels.encode())
	}
}

// keepLabels undoes the last relabel, before it has taken effect.
func (u *unit) keepLabels(store Store) {
	before := *u.labels.Load()
	before = before[: len(before)-1 : len(before)-1]
	store.SetLabels(u.id, before)
	u.labels.Store(&before)
}

// wants returns the route of the source that should run.
func (u *unit) wants() logs.RouteKind {
	c, route := u.container(), u.route()
	switch {
	case u.orphan:
		return route.Kind
	case u.refused, u.dismissed && !u.removed:
		return logs.Unreadable
	case u.removed && route.Kind == logs.Journal && !u.drained:
		return logs.Journal // which has it all the same
	case u.removed:
		// What runs ends by itself at the end of the log; nothing new begins.
		return u.runs()
	case route.Kind == logs.API && !u.streamable(c):
		return logs.Unreadable
	}
	return route.Kind
}

// streamable tells whether the API has something to read: a run that has not
// been read to its end.
func (u *unit) streamable(c *logs.Container) bool {
	if c.StartedAt.IsZero() {
		return false
	}
	return c.Running || u.stream != nil || u.position.Drained != c.StartedAt.UnixNano()
}

// runs returns the route of the source that does run.
func (u *unit) runs() logs.RouteKind {
	switch {
	case u.file != nil:
		return u.file.kind
	case u.stream != nil:
		return logs.API
	}
	return logs.Unreadable
}

// idle notes that the stream begins to wait for the engine.
func (u *unit) idle() {
	now := time.Now()
	u.idleSince.Store(&now)
}

// tellHeld logs once what a stream has held back for long.
func (u *unit) tellHeld(now time.Time) {
	h := u.stats.held.Load()
	if err := h.problem(now); err != nil && h.since != u.toldHeld {
		u.toldHeld = h.since
		u.warnHeld(err)
	}
}

func (u *unit) warnHeld(why error) { u.log.Warn("the end of the log is held back", "reason", why) }

func (u *unit) close() {
	if u.file != nil {
		u.file.close()
	}
}
