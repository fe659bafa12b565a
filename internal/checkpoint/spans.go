package checkpoint

import (
	"errors"

	"github.com/lighterman/lighterman/internal/logs"
)

// Foresee writes down a span that is about to be sent, in both files, without waiting for the
// disk: it then survives a kill, though not a power cut. It stays until a position that does not need it is
// committed. It returns how many spans are kept of the file, and the time of the oldest.
//
// The record is made by a Commit before. An error is that nothing was written; what is sent
// again after a crash may then have another time.
func (s *Store) Foresee(id string, span logs.Span) (kept int, oldest int64, err error) {
	d := <-s.disk
	d.frame = d.frame[:0]
	s.mu.Lock()
	r := s.table.records[id]
	if r == nil {
		s.mu.Unlock()
		s.disk <- d
		return 0, 0, errors.New("nothing is kept of this file")
	}
	r.spans = append(r.spans, span)
	kept, oldest = len(r.spans), r.spans[0].Time
	d.frame = s.table.spanFrame(d.frame, id, r, span)
	s.mu.Unlock()
	if s.dir == "" {
		s.disk <- d
		return kept, oldest, nil
	}
	err = d.append(d.frame)
	none, long := d.none(), d.long()
	s.disk <- d
	if err == nil && !long && !none {
		return kept, oldest, nil
	}
	s.mu.Lock()
	s.changedSoon()
	failed := s.stats.LastError
	s.mu.Unlock()
	switch {
	case !none: // one has it
		return kept, oldest, nil
	case err != nil:
		return kept, oldest, err
	case failed != "": // Run tries again
		return kept, oldest, errors.New(failed)
	}
	return kept, oldest, s.first()
}

// first makes the first file after a start, where there is none yet. What waits for a save does
// not hear of it: it may wait for who is here.
func (s *Store) first() error {
	v := <-s.saver
	defer func() { s.saver <- v }()
	if v.closed {
		return errors.New("the store is closed")
	}
	d := <-s.disk
	none := d.none()
	s.disk <- d
	if !none {
		return nil
	}
	return s.renew(v)
}

// spanFrame appends a frame with one span. A record that no frame has yet goes before it,
// with all its spans.
func (t *table) spanFrame(b []byte, id string, r *record, span logs.Span) []byte {
	start := len(b)
	t.number++
	b = beginFrame(b, t.number)
	if r.unlogged && r.whole {
		b = t.appendChange(b, id) // it stays in unlogged, where it counts no more
		return seal(b, start)
	}
	if t.behind != nil {
		t.behind[id] = struct{}{}
	}
	b = appendSpans(b, id, []logs.Span{span}, &t.scratch)
	return seal(b, start)
}

// dropSpans drops those that the position does not need any more.
func (r *record) dropSpans() {
	n := 0
	for n < len(r.spans) && r.spans[n].Number < r.position.Plain.Span {
		n++
	}
	if n == len(r.spans) {
		r.spans = nil
		return
	}
	r.spans = r.spans[n:]
}

// appendSpans appends them as a change.
func appendSpans(b []byte, id string, spans []logs.Span, scratch *coder) []byte {
	scratch.b = scratch.b[:0]
	for i := range spans {
		scratch.span(&spans[i])
	}
	return appendBlock(appendBlock(append(b, changeSpans), []byte(id)), scratch.b)
}

// readSpans reads what appendSpans has written after the ID.
func (r *record) readSpans(in *coder) error {
	of := coder{b: in.block(), reading: true}
	for len(of.b) > 0 {
		var span logs.Span
		of.span(&span)
		if of.bad {
			return errForm
		}
		r.spans = append(r.spans, span)
	}
	r.dropSpans()
	if in.bad {
		return errForm
	}
	return nil
}

func (c *coder) span(s *logs.Span) {
	for _, field := range [...]any{&s.Number, &s.Epoch, &s.From, &s.To, &s.Time, &s.Hash, &s.Ended, &s.Head, &s.Steps} {
		c.field(field)
	}
}

// Foreseen returns how many spans are kept of a file, and the time of the oldest.
func (s *Store) Foreseen(id string) (kept int, oldest int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.table.records[id]; r != nil && len(r.spans) > 0 {
		return len(r.spans), r.spans[0].Time
	}
	return 0, 0
}

// Inherit has a file begin where another one is, with its labels and spans: it is a copy of
// it. change may say in which way its record is another. One that has a record keeps that.
// It is flushed at once.
func (s *Store) Inherit(id, from string, change func(*Record)) {
	s.mu.Lock()
	r := s.table.records[from]
	if r == nil || s.table.records[id] != nil {
		s.mu.Unlock()
		return
	}
	heir := r.export(id)
	change(&heir)
	s.table.forgotten.remove(id)
	own := s.touch(id)
	own.spans = heir.Spans
	own.setPosition(heir.Position)
	own.setLabels(heir.Labels)
	s.mu.Unlock()
	s.Flush()
}
