package collect

import (
	"time"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// journalLog makes a container's part of the journal be read as a file is.
type journalLog struct {
	*journal.Log
	scratch *journal.Scratch // the reader's
}

// Read implements follower. A chunk is as much text as a file's would be.
func (l journalLog) Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error) {
	n, more := l.Log.Read(l.scratch, buf.Size(), emit)
	return tail.Progress{Bytes: n, More: more, Full: more}, nil
}

// AtEnd implements follower.
func (l journalLog) AtEnd() (bool, error) { return l.Log.AtEnd(), nil }

// Flush implements follower.
func (l journalLog) Flush(emit func(logs.Entry)) (more bool) {
	l.Log.Flush(emit)
	return false
}

// Lag implements follower. Nobody knows how many bytes are there without reading
// them.
func (l journalLog) Lag() int64 { return 0 }

// openJournal makes the source of a unit's part of the journal.
func (c *Collector) openJournal(u *unit) *fileSource {
	s := c.newSource(u)
	s.kind, s.linger = logs.Journal, lastWords
	l := c.config.Journal.Open(journal.Options{
		ID: u.id, Resume: u.position, MaxLine: c.config.MaxLine, Events: c.config.Metrics, Log: u.log,
	})
	s.log = journalLog{l, s.reader.scratch}
	s.sleep = func() bool { return l.Arm(s.wake) }
	s.opened.Store(true)
	if u.position.Last == 0 {
		// As for a file: what is written from now on was not there.
		position := s.log.Position()
		s.reader.lane.After(u.id, func() { c.config.Store.Commit(u.id, position) })
	}
	return s
}

// lingers tells that more may come although the container has ended, or is gone: the
// engine has handed it to journald, which has not written it yet. There is no sign
// of the end; it has come when nothing came for a while.
func (s *fileSource) lingers() bool { return s.lingering }

// lookAtClock finds out whether the source lingers: once for each read, as all that
// follows must go by the same.
func (s *fileSource) lookAtClock() {
	s.lingering = s.linger > 0 && time.Since(s.newest) < s.linger
}

// adoptJournal delivers what the journal has of a container that was removed while
// we were down. One that was read from a file is not in it, or with other timestamps;
// one that had written nothing yet has no place in the journal, and may be there now.
func (c *Collector) adoptJournal(id string) (adopted bool) {
	record, known := c.config.Store.Get(id)
	if c.config.Journal == nil || !known || record.Position.File != (logs.FilePosition{}) || !c.config.Journal.Has(id) {
		return false
	}
	c.adoptAs(id, logs.Route{Kind: logs.Journal, Reason: "removed while lighterman was down; the journal has it"})
	return true
}
