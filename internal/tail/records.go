package tail

import (
	"bytes"

	"github.com/lighterman/lighterman/internal/logs"
)

// firstRecord decodes the first whole record of a file. Its text is not kept. What the file
// begins with may be none: zeros, where it was emptied while the engine wrote.
func (c *fileContent) firstRecord() (r logs.Record, ok bool) {
	defer c.release()
	buf, in := make([]byte, 4<<10), c.format.fresh()
	var at place
	for offset := int64(0); offset < firstMax; {
		n, err := c.readAt(buf, offset)
		if err != nil {
			return r, false
		}
		taken, more := 0, full
		if n < len(buf) {
			more = 0
		}
		for taken < n {
			size, what := in.next(buf[taken:n], at|more, &r)
			if size == 0 {
				break
			}
			if what <= repaired {
				r.Text = nil
				return r, true
			}
			taken += size
			at = at.behind(what)
		}
		switch {
		case n < len(buf):
			return r, false
		case taken > 0:
		case len(buf) < maxRecord:
			buf = make([]byte, min(8*len(buf), maxRecord))
			continue
		default:
			taken, at = c.format.hopeless(buf), inside
		}
		offset += int64(taken)
		offset += int64(c.hole(offset))
	}
	return r, false
}

// firstMax bounds how much of a file is searched for a record, in bytes without holes that
// the file system knows of from the start on.
const firstMax = 16 << 20

// lastRecord decodes the last whole record of a file. What follows it may be none, or torn.
func (c *fileContent) lastRecord() (r logs.Record, ok bool) {
	size, ok := c.length()
	if !ok {
		return r, false
	}
	return c.lastOf(size)
}

// lastOf decodes the last whole record of so much content.
func (c *fileContent) lastOf(size int64) (r logs.Record, found bool) {
	in := c.format.fresh()
	for window := int64(64 << 10); ; window = maxRecord {
		from := max(0, size-window)
		rest := make([]byte, size-from)
		if _, err := c.data.ReadAt(rest, from); err != nil {
			return r, false
		}
		at := final
		if from > 0 {
			at |= inside
		}
		for len(rest) > 0 {
			var one logs.Record
			n, what := in.next(rest, at, &one)
			if n == 0 {
				break
			}
			if what <= repaired {
				r, found = one, true
			}
			rest, at = rest[n:], at.behind(what)
		}
		if found || from == 0 || window == maxRecord {
			return r, found
		}
	}
}

// record decodes the last record that lies between two offsets, where start is not 0, of
// a log that nobody reads yet. Its text is not kept.
func (c *fileContent) record(start, end int64) (r logs.Record, ok bool) {
	if start == 0 {
		return logs.Record{}, false
	}
	text := make([]byte, end-start)
	if _, err := c.data.ReadAt(text, start); err != nil {
		return logs.Record{}, false
	}
	what, in := blank, c.format.fresh()
	for n := 1; n > 0 && len(text) > 0; text = text[n:] {
		n, what = in.next(text, final, &r)
	}
	r.Text = nil
	return r, what <= repaired
}

// beginsInLine reports whether a file begins with a part of a line that goes on: others of the
// log may begin with the very same record.
func (c *fileContent) beginsInLine() bool {
	head := make([]byte, fingerprintMax)
	n, err := c.readAt(head, 0)
	c.release()
	if err != nil {
		return true // nobody knows
	}
	in := c.format.fresh()
	for head = head[:n]; ; {
		var r logs.Record
		n, what := in.next(head, 0, &r)
		switch {
		case n == 0:
			return true
		case what == record || what == repaired:
			return len(r.Text) == 0 || r.Text[len(r.Text)-1] != '\n'
		}
		head = head[n:]
	}
}

// search looks for a record of a time in a file, a step at a time: all of it may have to be
// read, where something seems to have been made by others than the engine, or the clock was
// set back.
type search struct {
	at, offset  int64
	found, over bool
}

// searchStep is how much one step reads, in bytes: other logs wait meanwhile.
const searchStep = 4 << 20

// step goes on, and reports whether the search is over.
func (s *search) step(c *fileContent) (over bool) {
	if s.over {
		return true
	}
	stamp, buf := c.format.stamp(s.at), make([]byte, chunkSize)
	for range searchStep / chunkSize {
		n, err := c.readAt(buf, s.offset)
		s.found = bytes.Contains(buf[:n], stamp)
		if s.over = s.found || err != nil || n < len(buf); s.over {
			break
		}
		s.offset += int64(n - len(stamp) + 1)
		s.offset += int64(c.hole(s.offset))
	}
	return s.over
}

// mayHaveTime reports whether a file has a record of a time, or may have one: it is not
// searched for long.
func (c *fileContent) mayHaveTime(at int64) bool {
	if last, ok := c.lastRecord(); ok && at > last.Time {
		return false
	}
	s := search{at: at}
	return !s.step(c) || s.found
}
