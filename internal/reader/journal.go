package reader

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

// Read implements pulled. A chunk is as much text as a file's would be.
func (l journalLog) Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error) {
	n, more := l.Log.Read(l.scratch, buf.Size(), emit)
	return tail.Progress{Bytes: n, More: more, Full: more}, nil
}

// AtEnd implements pulled.
func (l journalLog) AtEnd() (bool, error) { return l.Log.AtEnd(), nil }

// Flush implements pulled.
func (l journalLog) Flush(emit func(logs.Entry)) (more bool) {
	l.Log.Flush(emit)
	return false
}

// Lag implements pulled. Nobody knows how many bytes are there without reading
// them.
func (l journalLog) Lag() int64 { return 0 }

// lastWords is how long journald may take to write what the engine has handed to it.
const lastWords = 10 * time.Second

// OpenJournal makes a source of a container's part of the journal, or of the host's. It is read
// from Begin on.
func (r *Reader) OpenJournal(start Start, kind logs.RouteKind, host *journal.Journal, options journal.Options) *Source {
	s := r.newSource(start)
	s.kind, s.state.linger.length = kind, lastWords
	l := host.Open(options)
	s.log = journalLog{l, r.scratch}
	s.sleep = func() bool { return l.Arm(s.wake) }
	if options.Resume.Last == 0 {
		// As for a file: what is written from now on was not there.
		s.producer.CommitAfter(s.log.Position())
	}
	s.shared.opened.Store(true)
	return s
}
