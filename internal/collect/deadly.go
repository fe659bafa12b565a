package collect

import (
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	// deadly is how many processes in a row have to be killed while they read a log at the
	// same place before it is left alone: others are carried then.
	deadly = 3
	// pardon is how long it is left alone.
	pardon = 10 * time.Minute
)

// sparesUs reports whether a source may be read: not one at which processes before this
// one were killed, again and again at the same place. What is read is noted.
func (r *reader) sparesUs(s *fileSource) bool {
	if time.Now().Before(s.pardonedAt) {
		r.setAside(s)
		return false
	}
	if !r.marks.Armed() {
		return true
	}
	place := placeOf(s.log.Position())
	if n := r.marks.Deaths(s.unit.id, place); n >= deadly {
		s.pardonedAt = time.Now().Add(pardon)
		r.marks.Forgive(s.unit.id)
		why := fmt.Errorf("lighterman was killed %d times in a row while it read this log at the same place: it is left alone for %v", n, pardon)
		s.unit.stats.fail(why)
		s.unit.log.Warn("log is set aside: lighterman was killed again and again while reading it at the same place", "times", n, "for", pardon,
			"route", s.kind.String())
		r.setAside(s)
		return false
	}
	r.marks.Begin(r.number, s.unit.id, place)
	return true
}

// setAside has a source come again later. What takes its container's place does not wait.
func (r *reader) setAside(s *fileSource) {
	s.unit.settled.Store(true)
	s.unit.wakeNext()
	r.slow = append(r.slow, s)
}

// placeOf is a place in a log, as a number.
func placeOf(p logs.Position) uint64 {
	return xxhash.Sum64String(fmt.Sprint(p.File, p.Journal, p.Last))
}

// survived notes that a source was read.
func (r *reader) survived() {
	if r.marks.Armed() {
		r.marks.End(r.number)
	}
}
