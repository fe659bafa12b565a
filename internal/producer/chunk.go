package producer

import (
	"context"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// Chunk hands over what one read of a log has found. It belongs to the goroutine that
// reads, and is used again for the next read, of whatever log: Begin or TryBegin, Add, then
// End or Cancel.
type Chunk struct {
	producer *Producer
	// draft is what is handed over, with memory that is used again.
	draft logs.Draft
	// Lines and Bytes are what was added since it was begun.
	Lines, Bytes int
	// first is the timestamp of the first of it.
	first int64
}

// Begin begins what is handed over of a log. It waits until there is room.
func (c *Chunk) Begin(ctx context.Context, out *Producer) error {
	c.begin(out)
	if err := out.lane.Begin(ctx, out.ID, &c.draft); err != nil {
		return err
	}
	out.stages.renew()
	return nil
}

// TryBegin does not wait: without room, which it returns in bytes, nothing is begun, and
// wake is called when there is some.
func (c *Chunk) TryBegin(out *Producer, wake func()) (room int, err error) {
	c.begin(out)
	if room, err = out.lane.TryBegin(out.ID, &c.draft, wake); err == nil {
		out.stages.renew()
	}
	return room, err
}

func (c *Chunk) begin(out *Producer) { c.producer, c.Lines, c.Bytes, c.first = out, 0, 0, 0 }

// Add passes an entry on, with the labels of its time.
func (c *Chunk) Add(e logs.Entry) {
	if e.Extra != nil && e.Extra.Labels != nil {
		c.draft.Add(e.Extra.Labels, e)
	} else {
		labels := c.producer.Labels().At(e.Time)
		if e.Extra == nil && labels.Of(e.Stream).Level && !c.producer.stages.concern(e.Stream, e.Time) {
			e.Extra = stage.LevelMissed(e.Line)
		}
		c.draft.Add(labels, e)
	}
	if c.first == 0 && (e.Extra == nil || e.Extra.Labels == nil || c.producer.stages.own != nil) {
		c.first = e.Time // Docker's: that of others may have been moved
	}
	c.Lines++
	c.Bytes += len(e.Line)
}

// Behind notes that what is added is of a backlog.
func (c *Chunk) Behind() { c.draft.Behind = true }

// Cancel ends a chunk with which nothing was read.
func (c *Chunk) Cancel() { c.producer.lane.End(c.producer.ID, &c.draft, nil) }

// End counts what was read up to a place, and commits the position of that, which it returns, when
// it is delivered. read is the size in bytes, in the log where that is a file. released, if not
// nil, is called then.
func (c *Chunk) End(route logs.RouteKind, read int, place logs.Position, released func()) logs.Position {
	p := c.producer
	p.metrics.Lines(route.String(), c.Lines, c.Bytes)
	p.counts.lines.Add(int64(c.Lines))
	position := p.Complete(place)
	entries := c.Lines
	p.account.read(entries, p.stages.joined, p.stages.dropped)
	p.stages.count(p.metrics.Dropped, p.metrics.Joined)
	p.counts.handed(read, c.first)
	p.lane.End(p.ID, &c.draft, func() {
		p.store.Commit(p.ID, position)
		p.account.settled(entries)
		p.counts.delivered(read, position)
		p.WakeNext()
		if released != nil {
			released()
		}
	})
	return position
}

// Flush makes the lane deliver what it has without waiting for more.
func (c *Chunk) Flush() { c.producer.lane.Flush() }
