package assemble

import (
	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// maxTexts bounds how many different texts of one timestamp are kept one by one.
// Docker's clock has nanoseconds and journald's microseconds, so more than a few
// never share one; a clock that stands still must not cost memory.
const maxTexts = 64

// seen is the newest timestamp of a stream and the texts that have it, as Docker
// stored them: by these an entry is recognised when it comes again, whatever became
// of it on the way to the sink.
type seen struct {
	time  int64
	texts []repeated
	// more is the number of entries at time that are not among texts.
	more int64
	// span is how long after time the last part of the newest entry has its timestamp.
	span int64
}

// repeated is a text and how many entries have it.
type repeated struct {
	hash  uint64
	count int64
}

// has reports whether an entry at the newest timestamp had the text.
func (s *seen) has(hash uint64) bool {
	for i := range s.texts {
		if s.texts[i].hash == hash {
			return true
		}
	}
	return false
}

// begin goes on to another timestamp.
func (s *seen) begin(time int64) { s.time, s.texts, s.more, s.span = time, s.texts[:0], 0, 0 }

// note counts an entry at the newest timestamp.
func (s *seen) note(hash uint64) {
	for i := range s.texts {
		if s.texts[i].hash == hash {
			s.texts[i].count++
			return
		}
	}
	if len(s.texts) < maxTexts {
		s.texts = append(s.texts, repeated{hash, 1})
		return
	}
	s.more++
}

// replay recognises entries that were handed over before.
type replay struct {
	time int64
	// left are the texts at time with the number of entries that have not come
	// again yet, and more is the number of those with other texts.
	left []repeated
	more int64
	// until is the time of the last part of an entry at time.
	until int64
	// begun is set when an entry has come, and ends when there are entries by which
	// the end of the replay can be recognised.
	begun, ends bool
}

func newReplay(s *seen) *replay {
	r := &replay{time: s.time, left: append([]repeated(nil), s.texts...), more: s.more, until: s.time + s.span}
	r.ends = r.waits()
	return r
}

// over reports whether the entries at the high-water mark's time have come again. Those after
// them in the log are new, whatever their time: the clock may have been set back.
func (r *replay) over() bool { return r.ends && !r.waits() }

func (r *replay) delivered(e logs.Entry) bool {
	first := !r.begun
	r.begun = true
	if e.Time != r.time {
		return e.Time < r.time || r.waits() && e.Time <= r.until
	}
	// An entry at the high-water mark's own time that was not handed over is new, and
	// those after it may still be old ones: the replay goes on.
	known, hash := false, xxhash.Sum64(e.Line)
	for i := range r.left {
		if r.left[i].hash != hash {
			continue
		}
		if known = true; r.left[i].count > 0 {
			r.left[i].count--
			return true
		}
	}
	if !known && r.more > 0 {
		r.more--
		return true
	}
	// But where the log now begins in the middle of the line that was handed
	// over last, because rotation took its beginning away, it is the rest of
	// that line. The same goes above for one whose parts have times of their own.
	return first && r.waits()
}

// waits reports whether entries at the high-water mark's time have not come again.
func (r *replay) waits() bool {
	for _, t := range r.left {
		if t.count > 0 {
			return true
		}
	}
	return r.more > 0
}
