package producer

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// counts are what was handed over and what of it was delivered.
type counts struct {
	lines atomic.Int64
	// read and acked are bytes: of the log file, or of text from the API.
	read, acked atomic.Int64
	// waiting is the number of acks that have not come, and oldest the
	// timestamp of about the oldest entry that they stand for.
	waiting, oldest atomic.Int64
}

// handed notes what was handed over: its size and its first entry's timestamp,
// which is 0 when there was no entry.
func (c *counts) handed(bytes int, first int64) {
	c.read.Add(int64(bytes))
	if c.waiting.Add(1) == 1 || c.oldest.Load() == 0 {
		c.oldest.Store(first)
	}
}

// delivered notes that as much was delivered, up to a position.
func (c *counts) delivered(bytes int, p logs.Position) {
	c.acked.Add(int64(bytes))
	newest := max(p.Newest[logs.Stdout].Time, p.Newest[logs.Stderr].Time)
	if c.waiting.Add(-1) == 0 {
		newest = 0
	}
	c.oldest.Store(newest)
}

// HeldBack is what was read and is not handed over, as its end has not come.
type HeldBack struct {
	Since time.Time
	// Bytes is the size of lines without an end, and Line whether there is one: the
	// other kind is a record that is not whole, which was not read.
	Bytes int
	Line  bool
	// Open: entries are complete, but that more lines may belong to them.
	Open bool
}

// heldTooLong is how long something is held back until that is a lag.
const heldTooLong = 10 * time.Second

// Problem says what is held back, if it is for too long.
func (h *HeldBack) Problem(now time.Time) error {
	switch {
	case h == nil || h.Open || now.Sub(h.Since) < heldTooLong:
		return nil
	case h.Line:
		return fmt.Errorf("a line has no end since %s: %d bytes of it are held back until it ends, is longer than max-line-bytes, or the container stops", h.Since.UTC().Format(time.RFC3339), h.Bytes)
	}
	return fmt.Errorf("the log ends in an incomplete record since %s, which is held back until more is written or the container stops", h.Since.UTC().Format(time.RFC3339))
}
