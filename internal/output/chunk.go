package output

import (
	"context"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// Chunk hands over what one read of a log has found. It belongs to the goroutine that
// reads, and is used again for the next read, of whatever log: Begin or TryBegin, Add, then
// End or Cancel.
type Chunk struct {
	out *Output
	// draft is what is handed over, with memory that is used again.
	draft logs.Draft
	// Lines and Bytes are what was added since it was begun.
	Lines, Bytes int
	// first is the timestamp of the first of it.
	first int64
}

// Begin begins what is handed over of a log. It waits until there is room.
func (c *Chunk) Begin(ctx context.Context, out *Output) error {
	c.begin(out)
	if err := out.lane.Begin(ctx, out.ID, &c.draft); err != nil {
		return err
	}
	out.stages.renew()
	return nil
}

// TryBegin does not wait: without room, which it returns in bytes, nothing is begun, and
// wake is called when there is some.
func (c *Chunk) TryBegin(out *Output, wake func()) (room int, err error) {
	c.begin(out)
	if room, err = out.lane.TryBegin(out.ID, &c.draft, wake); err == nil {
		out.stages.renew()
	}
	return room, err
}

func (c *Chunk) begin(out *Output) { c.out, c.Lines, c.Bytes, c.first = out, 0, 0, 0 }

// Add passes an entry on, with the labels of its time.
func (c *Chunk) Add(e logs.Entry) {
	if e.Extra != nil && e.Extra.Labels != nil {
		c.draft.Add(e.Extra.Labels, e)
	} else {
		labels := c.out.Labels().At(e.Time)
		if e.Extra == nil && labels.Of(e.Stream).Level && !c.out.stages.concern(e.Stream, e.Time) {
			e.Extra = stage.LevelMissed(e.Line)
		}
		c.draft.Add(labels, e)
	}
	if c.first == 0 && (e.Extra == nil || e.Extra.Labels == nil || c.out.stages.own != nil) {
		c.first = e.Time // Docker's: that of others may have been moved
	}
	c.Lines++
	c.Bytes += len(e.Line)
}

// Behind notes that what is added is of a backlog.
func (c *Chunk) Behind() { c.draft.Behind = true }

// Cancel ends a chunk with which nothing was read.
func (c *Chunk) Cancel() { c.out.lane.End(c.out.ID, &c.draft, nil) }

// End counts what was read, and commits the position when it is delivered. read is its
// size in bytes, in the log where that is a file. released, if not nil, is called then.
func (c *Chunk) End(route logs.RouteKind, read int, position logs.Position, released func()) {
	o := c.out
	o.metrics.Lines(route.String(), c.Lines, c.Bytes)
	o.counts.lines.Add(int64(c.Lines))
	o.stages.remember(&position)
	entries := c.Lines
	o.account.read(entries, o.stages.joined, o.stages.dropped)
	o.stages.count(o.metrics.Dropped, o.metrics.Joined)
	o.counts.handed(read, c.first)
	o.lane.End(o.ID, &c.draft, func() {
		o.store.Commit(o.ID, position)
		o.account.settled(entries)
		o.counts.delivered(read, position)
		o.WakeNext()
		if released != nil {
			released()
		}
	})
}

// Flush makes the lane deliver what it has without waiting for more.
func (c *Chunk) Flush() { c.out.lane.Flush() }
