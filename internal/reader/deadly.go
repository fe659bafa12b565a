package reader

import (
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// When a log is left alone.
const (
	// Deadly is how many processes in a row have to be killed while they read a log at the
	// same place before it is left alone: others are carried then.
	Deadly = 3
	// pardon is how long it is left alone.
	pardon = 10 * time.Minute
)

// sparesUs reports whether a source may be read: not one at which processes before this
// one were killed, again and again at the same place. What is read is noted.
func (r *Reader) sparesUs(s *Source) bool {
	if time.Now().Before(s.state.pardonedTill) {
		r.setAside(s)
		return false
	}
	if !r.config.Breadcrumbs.Armed() {
		return true
	}
	place := PlaceOf(s.log.Position())
	if n := r.config.Breadcrumbs.Deaths(crumbOf(s.producer.ID), place); n >= Deadly {
		s.state.pardonedTill = time.Now().Add(pardon)
		r.config.Breadcrumbs.Forgive(crumbOf(s.producer.ID))
		why := fmt.Errorf("lighterman was killed %d times in a row while it read this log at the same place: it is left alone for %v", n, pardon)
		s.producer.Fail(why)
		s.producer.Log.Warn("log is set aside: lighterman was killed again and again while reading it at the same place", "times", n, "for", pardon,
			"route", s.kind.String())
		r.setAside(s)
		return false
	}
	r.config.Breadcrumbs.Begin(r.config.Number, crumbOf(s.producer.ID), place)
	return true
}

// crumbOf is what a log is called in the breadcrumbs, which have no room for long IDs.
func crumbOf(id string) string {
	if logs.IsHostFile(id) || logs.IsHostJournal(id) {
		return fmt.Sprintf("%016x", xxhash.Sum64String(id))
	}
	return id
}

// setAside has a source come again later. What takes its container's place does not wait.
func (r *Reader) setAside(s *Source) {
	s.producer.Waive()
	r.ticks.addSlow(s)
}

// PlaceOf is a place in a log, as a number.
func PlaceOf(p logs.Position) uint64 {
	return xxhash.Sum64String(fmt.Sprint(p.File, p.Journal, p.Last))
}

// survived notes that a source was read.
func (r *Reader) survived() {
	if r.config.Breadcrumbs.Armed() {
		r.config.Breadcrumbs.End(r.config.Number)
	}
}
